/* SPDX-License-Identifier: Apache-2.0 */
/*
 * win32_error.h: what to do about an error of the service manager, the loader of drivers, or the
 * device. The meanings are those of "System Error Codes" and of CreateService and StartService,
 * learn.microsoft.com.
 */
#include "win32_error.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

/* Of winerror.h, and not in mingw-w64's. */
#ifndef ERROR_NO_SUCH_DEVICE
#define ERROR_NO_SUCH_DEVICE 433
#endif
#ifndef ERROR_INVALID_IMAGE_HASH
#define ERROR_INVALID_IMAGE_HASH 577
#endif
#ifndef ERROR_OBJECT_NAME_EXISTS
#define ERROR_OBJECT_NAME_EXISTS 698
#endif

struct advice {
    DWORD error;
    const char *advice;
};

/* From the service manager these mean something else than from the device. */
static const struct advice service_advices[] = {
    {ERROR_FILE_NOT_FOUND, "the driver's file is gone: `muster driver install PATH` puts it back"},
    {ERROR_PATH_NOT_FOUND, "the driver's file is gone: `muster driver install PATH` puts it back"},
    {ERROR_INVALID_HANDLE, "restart Windows, and try again"},
    {ERROR_NOT_SUPPORTED, "the driver does not work on this Windows: it wants 10, version 1607 or later"},
    {ERROR_INVALID_FUNCTION, "the driver gave up while it started: the System event log says more"},
    {ERROR_MOD_NOT_FOUND, "the driver needs what this Windows does not have: it wants 10, version 1607 or later"},
    {ERROR_DEV_NOT_EXIST, "the driver gave up while it started: the System event log says more"},
};

static const struct advice advices[] = {
    {ERROR_ACCESS_DENIED, "run it as administrator: open the terminal with \"Run as administrator\""},
    {ERROR_FILE_NOT_FOUND, "the driver is not running: `muster driver install PATH`, then `muster driver start`"},
    {ERROR_PATH_NOT_FOUND, "check the path, or install the driver again: `muster driver install PATH`"},
    {ERROR_NOT_ENOUGH_MEMORY, "end other programs, or try a smaller --buffer"},
    {ERROR_NO_SYSTEM_RESOURCES, "end other programs, or try a smaller --buffer"},
    {ERROR_SHARING_VIOLATION,
     "another program holds the file: `muster driver stop` if it is the driver, then try again"},
    {ERROR_USER_MAPPED_FILE, "the file is in use: `muster driver stop`, then try again"},
    {ERROR_DISK_FULL, "make room on the system's disk"},
    {ERROR_BAD_EXE_FORMAT, "the file is no driver for this machine: install the muster.sys that came with muster.exe"},
    {ERROR_INVALID_IMAGE_HASH,
     "Windows does not trust the driver's signature. On a test machine: `bcdedit /set testsigning on`, restart (Secure "
     "Boot has to be off), and trust the certificate that signed it; else install a driver that Microsoft has signed"},
    {ERROR_DRIVER_BLOCKED, "Windows has this driver on its block list: install a newer version"},
    {ERROR_SERVICE_DOES_NOT_EXIST, "install the driver first: `muster driver install PATH`"},
    {ERROR_SERVICE_EXISTS, "remove the service of that name first: `muster driver remove`"},
    {ERROR_DUPLICATE_SERVICE_NAME, "remove the service of that name first: `muster driver remove`"},
    {ERROR_SERVICE_MARKED_FOR_DELETE, "the service goes when its last handle is closed: end other programs that look "
                                      "at services (services.msc, sc.exe), "
                                      "or restart Windows"},
    {ERROR_SERVICE_DISABLED, "enable it again: `muster driver install` sets it to start on demand"},
    {ERROR_SERVICE_DATABASE_LOCKED, "another installation is under way: try again when it is done"},
    {ERROR_SERVICE_REQUEST_TIMEOUT, "try again; if it stays so, restart Windows"},
    {ERROR_SERVICE_CANNOT_ACCEPT_CTRL, "it is starting or stopping just now: try again in a few seconds"},
    {ERROR_INVALID_SERVICE_CONTROL,
     "the driver cannot be stopped now: end what uses it (`muster watch`), then try again"},
    {ERROR_SERVICE_NOT_ACTIVE, "start the driver first: `muster driver start`"},
    {ERROR_INVALID_SERVICE_ACCOUNT,
     "remove the service and install it again: `muster driver remove`, `muster driver install`"},
    {ERROR_ALREADY_EXISTS, "another driver has the device's name already: `muster driver stop`, or restart Windows"},
    {ERROR_OBJECT_NAME_EXISTS,
     "another driver has the device's name already: `muster driver stop`, or restart Windows"},
    {ERROR_PROC_NOT_FOUND, "the driver needs a newer Windows: 10, version 1607 or later"},
    {ERROR_GEN_FAILURE, "the driver gave up while it started: the System event log says more"},
    {ERROR_NOT_SUPPORTED,
     "another driver answers under this name, or a much older one: install the one of this muster"},
    {ERROR_INVALID_FUNCTION,
     "another driver answers under this name, or a much older one: install the one of this muster"},
    {ERROR_OPERATION_ABORTED, "the driver was stopped: `muster driver start`, then watch again"},
    {ERROR_DEVICE_REMOVED, "the driver was stopped: `muster driver start`, then watch again"},
    {ERROR_NO_SUCH_DEVICE, "the driver was stopped: `muster driver start`, then watch again"},
    {ERROR_DEV_NOT_EXIST, "the driver was stopped: `muster driver start`, then watch again"},
    {ERROR_INVALID_HANDLE, "the driver was stopped: `muster driver start`, then watch again"},
};

static const char *advice_find(const struct advice *list, size_t count, DWORD error)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].error == error)
            return list[i].advice;
    return NULL;
}

const char *win32_advice(unsigned long error)
{
    const char *advice = advice_find(advices, sizeof(advices) / sizeof(*advices), error);

    return advice ? advice : "`muster doctor` tells what is missing";
}

const char *win32_service_advice(unsigned long error)
{
    const char *advice = advice_find(service_advices, sizeof(service_advices) / sizeof(*service_advices), error);

    return advice ? advice : win32_advice(error);
}
