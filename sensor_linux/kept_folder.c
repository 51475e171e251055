/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster/kept.h: the folder itself: where it is, whether it can be trusted, who has it.
 *
 * The lock is flock(2) on the folder: it goes with its process, and needs no file that could be left behind. Whose it
 * is stands in /proc/locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "kept_internal.h"
#include "sensor_internal.h"

#define USUAL_PLACE   "/sys/fs/bpf"
#define OWN_PLACE     "/run/muster/bpf" /* where the usual one is not to be had */
#define FOLDER        "/muster"
#define LOCK_WAIT_MS  500 /* for a forked child of one that died, which has not closed its copy yet */
#define LOCK_RETRY_MS 10

static bool fail(struct muster_sensor_error *error, int number, const char *what, const char *advice)
{
    (void)sensor_fail(error, number, what);
    if (advice)
        error->advice = advice;
    return false;
}

/* ---- where --------------------------------------------------------------------------------------- */

static bool is_bpffs(const char *path)
{
    struct statfs status;

    return statfs(path, &status) == 0 && (unsigned long)status.f_type == BPF_FS_MAGIC;
}

/* What is mounted in a namespace of our own goes when we go, and the kernel side with it. */
static bool mounts_are_seen(void)
{
    char ours[64] = "", first[64] = "";

    if (readlink("/proc/self/ns/mnt", ours, sizeof(ours) - 1) < 0 ||
        readlink("/proc/1/ns/mnt", first, sizeof(first) - 1) < 0)
        return true;
    return strcmp(ours, first) == 0;
}

static bool place_mount(const char *place)
{
    if (is_bpffs(place))
        return true;
    if (!mounts_are_seen()) {
        errno = EXDEV;
        return false;
    }
    return mount("bpf", place, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=700") == 0;
}

static bool own_place_mount(void)
{
    if ((mkdir("/run/muster", 0700) != 0 && errno != EEXIST) || (mkdir(OWN_PLACE, 0700) != 0 && errno != EEXIST))
        return false;
    return place_mount(OWN_PLACE);
}

/* *ret_folder: NULL, or what was asked for, which has to be in a file system that is there, or in the usual place. */
static bool place_make(const char **ret_folder)
{
    if (*ret_folder)
        return strncmp(*ret_folder, USUAL_PLACE "/", sizeof(USUAL_PLACE)) != 0 || place_mount(USUAL_PLACE);
    *ret_folder = USUAL_PLACE FOLDER;
    if (place_mount(USUAL_PLACE))
        return true;
    *ret_folder = OWN_PLACE FOLDER;
    return own_place_mount();
}

static const char *place_find(void)
{
    return !is_bpffs(USUAL_PLACE) && is_bpffs(OWN_PLACE) ? OWN_PLACE FOLDER : USUAL_PLACE FOLDER;
}

/* ---- trust --------------------------------------------------------------------------------------- */

static const char *distrust(int fd)
{
    struct statfs system;
    struct stat status;

    if (fstatfs(fd, &system) != 0 || (unsigned long)system.f_type != BPF_FS_MAGIC)
        return "is not in a file system of type bpf";
    if (fstat(fd, &status) != 0 || status.st_uid != geteuid())
        return "belongs to somebody else";
    return status.st_mode & (S_IRWXG | S_IRWXO) ? "is open to others" : NULL;
}

/* *ret_kept NULL where nothing is there. */
static bool folder_open(const char *path, struct muster_kept **ret_kept, struct muster_sensor_error *ret_error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *why = fd < 0 ? NULL : distrust(fd);
    struct muster_kept *kept = NULL;

    *ret_kept = NULL;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd >= 0 && !why)
        kept = calloc(1, sizeof(*kept));
    if (!kept) {
        (void)fail(ret_error, fd < 0 ? errno : ENOMEM, "cannot use the folder that keeps the kernel side",
                   "take it away, if it is nobody else's, or name another with --pins");
        (void)snprintf(ret_error->reason, sizeof(ret_error->reason), "%.100s %s", path, why ? why : strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    kept->fd = fd;
    (void)snprintf(kept->path, sizeof(kept->path), "%s", path);
    *ret_kept = kept;
    return true;
}

bool muster_kept_look(const char *path, struct muster_kept **ret_kept, struct muster_sensor_error *ret_error)
{
    return folder_open(path ? path : place_find(), ret_kept, ret_error);
}

const char *muster_kept_path(const struct muster_kept *kept)
{
    return kept->path;
}

void muster_kept_close(struct muster_kept *kept)
{
    if (!kept)
        return;
    close(kept->fd);
    free(kept);
}

/* ---- the lock ------------------------------------------------------------------------------------ */

static bool lock_take(struct muster_kept *kept, unsigned timeout_ms)
{
    const struct timespec pause = {.tv_nsec = LOCK_RETRY_MS * 1000000L};

    for (unsigned waited_ms = 0; flock(kept->fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_RETRY_MS) {
        if (errno != EWOULDBLOCK || waited_ms >= timeout_ms)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* Whether the folder that we have is still the one at its path: another may have taken that away. */
static bool is_in_place(const struct muster_kept *kept)
{
    struct stat ours, there;

    return fstat(kept->fd, &ours) == 0 && stat(kept->path, &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev;
}

bool muster_kept_wait(struct muster_kept *kept, unsigned timeout_ms)
{
    return lock_take(kept, timeout_ms) && is_in_place(kept);
}

/* A line: "1: FLOCK  ADVISORY  WRITE 8768 00:26:44020 0 EOF" (Linux, fs/locks.c, lock_get_status). */
int muster_kept_holder(const struct muster_kept *kept)
{
    FILE *file = fopen("/proc/locks", "re");
    struct stat status;
    char line[256];
    int holder = 0;

    while (file && fstat(kept->fd, &status) == 0 && fgets(line, sizeof(line), file)) {
        unsigned major_number, minor_number;
        unsigned long inode;
        int pid;

        if (sscanf(line, "%*d: FLOCK %*s WRITE %d %x:%x:%lu", &pid, &major_number, &minor_number, &inode) == 4 &&
            inode == status.st_ino && makedev(major_number, minor_number) == status.st_dev) {
            holder = pid;
            break;
        }
    }
    if (file)
        fclose(file);
    return holder;
}

static bool lock_refused(const struct muster_kept *kept, int *ret_holder, struct muster_sensor_error *ret_error)
{
    *ret_holder = muster_kept_holder(kept);
    (void)fail(ret_error, EBUSY, "another muster service runs already",
               "`muster service status` shows it, `muster service stop` ends it");
    if (*ret_holder > 0)
        (void)snprintf(ret_error->reason, sizeof(ret_error->reason), "process %d", *ret_holder);
    return false;
}

static bool folder_make(const char *path, struct muster_kept **ret_kept, struct muster_sensor_error *ret_error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail(ret_error, errno, "cannot make the folder that keeps the kernel side",
                    geteuid() != 0 ? "run it as root"
                                   : "it has to be in a file system of type bpf: mount -t bpf bpf /sys/fs/bpf");
    if (!folder_open(path, ret_kept, ret_error))
        return false;
    return *ret_kept || fail(ret_error, ENOENT, "cannot make the folder that keeps the kernel side",
                             "somebody takes it away again; see who");
}

bool muster_kept_own(const char *path, struct muster_kept **ret_kept, int *ret_holder,
                     struct muster_sensor_error *ret_error)
{
    *ret_holder = 0;
    if (!place_make(&path))
        return fail(ret_error, errno, "cannot mount a file system of type bpf",
                    geteuid() != 0   ? "run it as root"
                    : errno == EXDEV ? "mount it outside of this mount namespace: mount -t bpf bpf /sys/fs/bpf"
                                     : "mount it as root: mount -t bpf bpf /sys/fs/bpf");
    for (;;) {
        if (!folder_make(path, ret_kept, ret_error))
            return false;
        if (!lock_take(*ret_kept, LOCK_WAIT_MS)) {
            (void)lock_refused(*ret_kept, ret_holder, ret_error);
            break;
        }
        if (is_in_place(*ret_kept))
            return true;
        muster_kept_close(*ret_kept); /* taken away meanwhile: make it anew */
    }
    muster_kept_close(*ret_kept);
    *ret_kept = NULL;
    return false;
}

bool muster_kept_uninstall(struct muster_kept *kept)
{
    if (rmdir(kept->path) != 0)
        return false;
    if (strcmp(kept->path, OWN_PLACE FOLDER) == 0) {
        (void)umount2(OWN_PLACE, MNT_DETACH);
        (void)rmdir(OWN_PLACE);
    }
    return true;
}
