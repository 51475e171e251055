/* SPDX-License-Identifier: Apache-2.0 */
/* muster driver: the driver's life, through the service manager. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt_device_client.h"
#include "nt_driver_file.h"
#include "nt_driver_image.h"
#include "nt_driver_status.h"
#include "nt_service.h"
#include "options.h"
#include "report.h"
#include "verbs.h"
#include "win32_error.h"
#include "win32_text.h"

enum { OPTION_JSON = 256 };

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPTION_JSON}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

static void help_print(void)
{
    print("Usage: muster driver install [PATH]\n"
          "       muster driver start | stop | remove\n"
          "       muster driver status [--json]\n"
          "Put the driver in its place, start and stop it, take it away, and ask how it is.\n"
          "\n"
          "  install  check that PATH is Muster's driver (default: muster.sys beside muster.exe), copy it\n"
          "           to the system's drivers, and tell the service manager; it is not started\n"
          "  start    load it: from then on it numbers and keeps events, also while nobody reads\n"
          "  stop     unload it: what nobody has read by then is gone\n"
          "  remove   stop it, and take the service and the file away\n"
          "  status   the service, and the driver's own account of its events\n"
          "\n"
          "      --json  status as one JSON object\n"
          "  -h, --help  print this help\n"
          "\n"
          "Needs an administrator. Exit codes: 0 done, 1 failure, 2 usage.\n");
}

static int service_failed(const char *what, DWORD error)
{
    struct muster_sensor_error told;

    (void)nt_fail(&told, what, error);
    told.advice = win32_service_advice(error);
    return report_failure(&told);
}

/* `advice` is given where what went wrong is no error of the system. */
static int refuse(const char *what, const char *reason, const char *advice)
{
    report("%s: %s", what, reason);
    report("%s", advice);
    return EXIT_FAILED;
}

/* ---- install ------------------------------------------------------------------------------------- */

static int image_refused(const wchar_t *path, const char *what, DWORD error)
{
    char *text = text_from_wide(path), reason[160] = "";

    if (error != ERROR_SUCCESS)
        win32_reason(error, reason, sizeof(reason));
    report("cannot install %s: %s%s%s", text ? text : "the driver", what, reason[0] ? ": " : "", reason);
    if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND)
        report("say where muster.sys is: `muster driver install PATH`");
    else if (error != ERROR_SUCCESS)
        report("%s", win32_service_advice(error));
    else
        report("install the muster.sys that came with this muster.exe");
    free(text);
    return EXIT_FAILED;
}

/* Whether the way is free: no other service of that name, and nothing that runs and would be changed. */
static int service_judge(const wchar_t *from, const wchar_t *to)
{
    struct nt_service_facts facts;
    DWORD error = nt_service_ask(&facts);

    if (error != ERROR_SUCCESS)
        return service_failed("cannot ask the service manager", error);
    if (facts.is_deleted)
        return service_failed("cannot install the driver", ERROR_SERVICE_MARKED_FOR_DELETE);
    if (facts.is_installed && !facts.is_ours) {
        char path[3 * MAX_PATH];

        (void)text_copy_wide(facts.path, path, sizeof(path));
        report("cannot install the driver: another service has the name Muster already (%s)", path);
        report("remove that first, if it is nobody else's: sc.exe delete Muster");
        return EXIT_FAILED;
    }
    if (facts.is_installed && facts.state != SERVICE_STOPPED && !nt_driver_file_same(from, to))
        return refuse("cannot install the driver", "another version of it is running",
                      "stop it first: `muster driver stop`; what nobody has read by then is gone");
    return EXIT_DONE;
}

/* Brings the file to its place. What was looked at so far was the source; what is placed is looked at
 * again, since the source may stand where others write. */
static int file_bring(const wchar_t *from, const wchar_t *to, const wchar_t *fresh)
{
    struct nt_driver_image image;
    const char *what;
    DWORD error = nt_driver_file_copy(from, fresh);
    bool later;

    if (error != ERROR_SUCCESS)
        return service_failed("cannot copy the driver to the system's drivers", error);
    if (!nt_driver_image_check(fresh, &image, &what, &error)) {
        (void)nt_driver_file_delete(fresh, &later);
        return image_refused(from, what, error);
    }
    error = nt_driver_file_place(fresh, to);
    return error == ERROR_SUCCESS ? EXIT_DONE
                                  : service_failed("cannot put the driver among the system's drivers", error);
}

static int file_place(const wchar_t *from, const wchar_t *to)
{
    wchar_t *fresh = nt_driver_file_new(to);
    int code;

    if (!fresh)
        return service_failed("cannot install the driver", ERROR_NOT_ENOUGH_MEMORY);
    code = file_bring(from, to, fresh);
    free(fresh);
    return code;
}

/* A file that was not there before goes again where the service cannot be made. */
static int service_make(const wchar_t *from, const wchar_t *to)
{
    const bool is_there = nt_driver_file_same(from, to), was_there = GetFileAttributesW(to) != INVALID_FILE_ATTRIBUTES;
    bool service_was_there, later;
    int code = is_there ? EXIT_DONE : file_place(from, to);
    DWORD error;

    if (code != EXIT_DONE)
        return code;
    error = nt_service_install(&service_was_there);
    if (error != ERROR_SUCCESS) {
        if (!was_there)
            (void)nt_driver_file_delete(to, &later);
        return service_failed("cannot install the driver", error);
    }
    print("%s.\n", !service_was_there ? "The driver is installed"
                   : is_there         ? "The driver was installed already"
                                      : "The driver was replaced by this one");
    return EXIT_DONE;
}

static int install_from(const wchar_t *from)
{
    struct nt_driver_image image;
    wchar_t to[MAX_PATH];
    const char *what;
    DWORD error;
    int code;

    if (!nt_driver_image_check(from, &image, &what, &error))
        return image_refused(from, what, error);
    if (!nt_service_file(to))
        return service_failed("cannot find the system's drivers", GetLastError());
    code = service_judge(from, to);
    if (code == EXIT_DONE)
        code = service_make(from, to);
    if (code != EXIT_DONE)
        return code;
    print("Version %u.%u.%u.%u%s. Next: muster driver start\n", image.version[0], image.version[1], image.version[2],
          image.version[3],
          image.is_signed ? "" : ", not signed: Windows loads it only where test signing is on and it is test-signed");
    return EXIT_DONE;
}

static int driver_install(const char *path)
{
    wchar_t *from = path ? wide_from_text(path) : nt_driver_file_beside();
    int code;

    if (!from)
        return service_failed("cannot install the driver", ERROR_NOT_ENOUGH_MEMORY);
    code = install_from(from);
    free(from);
    return code;
}

/* ---- the others ---------------------------------------------------------------------------------- */

static int driver_start(void)
{
    bool was_running;
    DWORD error = nt_service_start(&was_running);

    if (error != ERROR_SUCCESS)
        return service_failed("cannot start the driver", error);
    print("The driver %s.\n", was_running ? "was running already" : "runs");
    return EXIT_DONE;
}

static int driver_stop(void)
{
    bool was_running;
    DWORD error = nt_service_stop(&was_running);

    if (error == ERROR_SERVICE_REQUEST_TIMEOUT)
        return refuse("cannot stop the driver", "it has not ended within 10 s",
                      "a program has its device open still: end `muster watch`, and it goes");
    if (error != ERROR_SUCCESS)
        return service_failed("cannot stop the driver", error);
    print("The driver %s.\n", was_running ? "has stopped" : "was not running");
    return EXIT_DONE;
}

/* The file goes last, and only where no service points to it. */
static int file_remove(void)
{
    wchar_t file[MAX_PATH];
    bool later = false;
    DWORD error = nt_service_file(file) ? nt_driver_file_delete(file, &later) : GetLastError();

    if (error != ERROR_SUCCESS)
        return service_failed("the service is removed, but its file is not", error);
    if (later)
        print("Its file is in use, and goes when Windows starts again.\n");
    return EXIT_DONE;
}

static int driver_remove(void)
{
    struct nt_service_facts facts;
    DWORD error = nt_service_ask(&facts);
    int code;

    if (error != ERROR_SUCCESS)
        return service_failed("cannot ask the service manager", error);
    if (facts.is_installed && !facts.is_ours)
        return refuse("cannot remove the driver", "the service of the name Muster is not Muster's",
                      "if it is nobody else's: sc.exe delete Muster");
    if (facts.is_installed && facts.state != SERVICE_STOPPED) {
        code = driver_stop();
        if (code != EXIT_DONE)
            return code;
    }
    if (facts.is_installed) {
        error = nt_service_delete();
        if (error != ERROR_SUCCESS)
            return service_failed("cannot remove the driver", error);
    }
    code = file_remove();
    if (code == EXIT_DONE)
        print("The driver %s.\n", facts.is_installed ? "is removed" : "was not installed");
    return code;
}

/* ---- the command line ---------------------------------------------------------------------------- */

static int command_run_action(const char *action, const char *path, bool as_json)
{
    if (strcmp(action, "install") == 0)
        return driver_install(path);
    if (strcmp(action, "start") == 0)
        return driver_start();
    if (strcmp(action, "stop") == 0)
        return driver_stop();
    if (strcmp(action, "remove") == 0)
        return driver_remove();
    return nt_driver_status(as_json);
}

static bool action_known(const char *action)
{
    static const char *const actions[] = {"install", "start", "stop", "remove", "status"};

    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
        if (strcmp(action, actions[i]) == 0)
            return true;
    return false;
}

int verb_driver(int count, char **arguments)
{
    const char *action, *path = NULL;
    bool as_json = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":h", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_print();
            return EXIT_DONE;
        }
        if (option != OPTION_JSON)
            return option_report("driver", arguments, option);
        as_json = true;
    }
    action = optind < count ? arguments[optind++] : NULL;
    if (!action)
        return report_usage("driver", "say what to do: install, start, stop, remove or status");
    if (!action_known(action))
        return report_usage("driver", "cannot '%s' the driver: install, start, stop, remove or status", action);
    if (as_json && strcmp(action, "status") != 0)
        return report_usage("driver", "option '--json' is for status");
    if (strcmp(action, "install") == 0 && optind < count)
        path = arguments[optind++];
    if (optind < count)
        return report_usage("driver", "unexpected argument '%s'", arguments[optind]);
    return command_run_action(action, path, as_json);
}
