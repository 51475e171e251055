/* SPDX-License-Identifier: Apache-2.0 */
/* status_page.h: one writer, and readers that try again where they read half of a change. */
#include "status_page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_MAGIC    0x7375746174736d03ULL /* the last byte is the layout's version */
#define PAGE_SUFFIX   ".status"
#define READ_TRIES    1000
#define PATH_BYTES    256
#define PAGES_AT_MOST 1024

/* The file. `change` is odd while figures are being written. */
struct page {
    uint64_t magic;
    uint64_t change;
    struct figures figures;
};

struct status_page {
    struct page *page;
    char path[PATH_BYTES];
    int fd; /* holds the lock that tells that we live */
};

/* Only of root or of the runtime folder's owner: nobody else can put a file there. */
static bool folder_path(char path[PATH_BYTES])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int length;

    if (geteuid() == 0)
        length = snprintf(path, PATH_BYTES, "/run/muster");
    else if (runtime && runtime[0] == '/')
        length = snprintf(path, PATH_BYTES, "%s/muster", runtime);
    else
        return false;
    return length > 0 && length < PATH_BYTES - 32;
}

static int folder_open(void)
{
    char path[PATH_BYTES];
    struct stat status;
    int fd;

    if (!folder_path(path)) {
        errno = ENOENT;
        return -1;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &status) != 0 || status.st_uid != geteuid() || status.st_mode & (S_IWGRP | S_IWOTH))) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    return fd;
}

static int pid_compare(const void *a, const void *b)
{
    const int *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

/* Names are of digits and the suffix. */
static bool name_pid(const char *name, int *ret_pid)
{
    char *end;
    long pid = strtol(name, &end, 10);

    if (name[0] < '0' || name[0] > '9' || strcmp(end, PAGE_SUFFIX) != 0 || pid <= 0 || pid > INT32_MAX)
        return false;
    *ret_pid = (int)pid;
    return true;
}

static size_t pids_list(DIR *folder, int pids[PAGES_AT_MOST])
{
    const struct dirent *entry;
    size_t count = 0;

    while (count < PAGES_AT_MOST && (entry = readdir(folder)) != NULL)
        if (name_pid(entry->d_name, &pids[count]))
            count++;
    qsort(pids, count, sizeof(*pids), pid_compare);
    return count;
}

/* Calls `each` with the name of each page. False with errno set. */
static bool pages_walk(void (*each)(void *context, int folder_fd, const char *name), void *context)
{
    int fd = folder_open(), pids[PAGES_AT_MOST];
    DIR *folder;
    size_t count;

    if (fd < 0)
        return errno == ENOENT;
    folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return false;
    }
    count = pids_list(folder, pids);
    for (size_t i = 0; i < count; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "%d" PAGE_SUFFIX, pids[i]);
        each(context, dirfd(folder), name);
    }
    closedir(folder);
    return true;
}

/* The owner's lock goes with its process. Looking for it does not take one. */
static bool lock_take(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool lock_is_taken(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/* The next sensor to start takes away what those left that died. */
static void dead_remove(void *context, int folder_fd, const char *name)
{
    int fd = openat(folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    (void)context;
    if (fd < 0)
        return;
    if (!lock_is_taken(fd))
        (void)unlinkat(folder_fd, name, 0);
    close(fd);
}

static bool page_map(struct status_page *page)
{
    void *memory;

    if (ftruncate(page->fd, sizeof(struct page)) != 0)
        return false;
    memory = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, page->fd, 0);
    if (memory == MAP_FAILED)
        return false;
    page->page = memory;
    page->page->magic = PAGE_MAGIC;
    return true;
}

static int page_open(struct status_page *page, const char *folder)
{
    int fd;

    if (!pages_walk(dead_remove, NULL))
        return -1;
    (void)snprintf(page->path, sizeof(page->path), "%.200s/%d" PAGE_SUFFIX, folder, (int)getpid());
    fd = open(page->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && !lock_take(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* One sensor at a time: a page that is not locked yet looks like a dead one's. */
static int page_open_alone(struct status_page *page)
{
    char folder[PATH_BYTES];
    int folder_fd, fd = -1;

    if (!folder_path(folder) || (mkdir(folder, 0700) != 0 && errno != EEXIST))
        return -1;
    folder_fd = folder_open();
    if (folder_fd < 0)
        return -1;
    if (flock(folder_fd, LOCK_EX) == 0)
        fd = page_open(page, folder);
    close(folder_fd);
    return fd;
}

struct status_page *status_page_create(void)
{
    struct status_page *page = calloc(1, sizeof(*page));

    if (!page)
        return NULL;
    page->fd = page_open_alone(page);
    if (page->fd >= 0 && page_map(page))
        return page;
    status_page_destroy(page);
    return NULL;
}

void status_page_write(struct status_page *page, const struct figures *figures)
{
    uint64_t change;

    if (!page)
        return;
    change = page->page->change;
    __atomic_store_n(&page->page->change, change + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(&page->page->figures, figures, sizeof(*figures));
    __atomic_store_n(&page->page->change, change + 2, __ATOMIC_RELEASE);
}

void status_page_destroy(struct status_page *page)
{
    if (!page)
        return;
    if (page->page)
        (void)munmap(page->page, sizeof(struct page));
    if (page->fd >= 0) {
        (void)unlink(page->path);
        close(page->fd);
    }
    free(page);
}

/* ---- for who asks ---- */

/* Whole figures, or false where the writer died in the middle of a change, or none were written. */
static bool figures_copy(const struct page *page, struct figures *ret_figures)
{
    for (int i = 0; i < READ_TRIES; i++) {
        uint64_t before = __atomic_load_n(&page->change, __ATOMIC_ACQUIRE);

        memcpy(ret_figures, &page->figures, sizeof(*ret_figures));
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (before != 0 && before % 2 == 0 && __atomic_load_n(&page->change, __ATOMIC_RELAXED) == before)
            return true;
    }
    return false;
}

/* Another process wrote it, and it goes to a terminal or into JSON. */
static void text_clean(char *text, size_t size_bytes)
{
    text[size_bytes - 1] = '\0';
    for (; *text; text++)
        if (*text < 0x20 || *text == 0x7f)
            *text = '?';
}

/* Names are whatever a process calls itself. */
static void names_clean(struct muster_sensor_shed_row *rows)
{
    for (unsigned i = 0; i < MUSTER_SENSOR_SHED_ROWS; i++) {
        text_clean(rows[i].name, sizeof(rows[i].name));
        for (char *byte = rows[i].name; *byte; byte++)
            if ((unsigned char)*byte >= 0x80)
                *byte = '?';
    }
}

static bool reading_take(int fd, struct status_reading *ret_reading)
{
    const struct page *page;
    struct stat status;
    bool done;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size != sizeof(struct page))
        return false;
    page = mmap(NULL, sizeof(struct page), PROT_READ, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        return false;
    done = page->magic == PAGE_MAGIC && figures_copy(page, &ret_reading->figures);
    (void)munmap((void *)(uintptr_t)page, sizeof(struct page));
    text_clean(ret_reading->figures.format, FIGURES_FORMAT_BYTES);
    text_clean(ret_reading->figures.output, FIGURES_OUTPUT_BYTES);
    names_clean(ret_reading->figures.shed.parents);
    names_clean(ret_reading->figures.shed.names);
    return done;
}

struct telling {
    void (*tell)(void *context, const struct status_reading *reading);
    void *context;
};

static void page_read(void *context, int folder_fd, const char *name)
{
    const struct telling *telling = context;
    int fd = openat(folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct status_reading reading;

    if (fd < 0)
        return;
    reading.alive = lock_is_taken(fd);
    if (reading_take(fd, &reading))
        telling->tell(telling->context, &reading);
    close(fd);
}

bool status_pages_read(void (*tell)(void *context, const struct status_reading *reading), void *context)
{
    struct telling telling = {.tell = tell, .context = context};

    return pages_walk(page_read, &telling);
}
