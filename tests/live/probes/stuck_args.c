/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process whose arguments cannot be read: a page of them is mapped from a file of a file system
 * that never answers a read. Whoever reads that memory waits until it is gone.
 * Takes the folder to mount on and a long argument. Prints its pid, and sleeps until it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE      4096UL
#define ROOT_NODE 1

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void answer(int fuse, const struct fuse_in_header *request, int error, const void *body, size_t size)
{
    char bytes[512];
    struct fuse_out_header header = {
        .len = (uint32_t)(sizeof(header) + size), .error = -error, .unique = request->unique};

    memcpy(bytes, &header, sizeof(header));
    if (size > 0)
        memcpy(bytes + sizeof(header), body, size);
    if (write(fuse, bytes, header.len) < 0 && errno != ENOENT)
        exit(1);
}

static struct fuse_attr attributes(uint64_t node)
{
    return (struct fuse_attr){
        .ino = node, .mode = node == ROOT_NODE ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1, .size = 16 * PAGE};
}

static void serve_one(int fuse, const struct fuse_in_header *request)
{
    const struct fuse_init_out init = {
        .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = PAGE};
    const struct fuse_entry_out entry = {.nodeid = 2, .entry_valid = 100, .attr_valid = 100, .attr = attributes(2)};
    const struct fuse_attr_out attribute = {.attr_valid = 100, .attr = attributes(request->nodeid)};
    const struct fuse_open_out opened = {0};

    switch (request->opcode) {
    case FUSE_INIT:
        answer(fuse, request, 0, &init, sizeof(init));
        break;
    case FUSE_LOOKUP:
        answer(fuse, request, 0, &entry, sizeof(entry));
        break;
    case FUSE_GETATTR:
        answer(fuse, request, 0, &attribute, sizeof(attribute));
        break;
    case FUSE_OPEN:
        answer(fuse, request, 0, &opened, sizeof(opened));
        break;
    case FUSE_READ: /* never answered: this is what it is all about */
    case FUSE_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        answer(fuse, request, ENOSYS, NULL, 0);
    }
}

static void serve(int fuse)
{
    static char request[1 << 20];

    while (read(fuse, request, sizeof(request)) > 0)
        serve_one(fuse, (const void *)request);
    _exit(0);
}

int main(int count, char **arguments)
{
    char options[64], path[512];
    int fuse, file;
    uintptr_t page;

    if (count != 3 || strlen(arguments[2]) < 3 * PAGE)
        return 2;
    page = ((uintptr_t)arguments[2] + PAGE) & ~(PAGE - 1); /* wholly inside the long argument */
    fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
    if (fuse < 0 || mount("stuck", arguments[1], "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        fail("fuse");
    if (fork() == 0)
        serve(fuse);
    close(fuse); /* so that the connection ends with the server, and with it every wait */
    snprintf(path, sizeof(path), "%s/file", arguments[1]);
    file = open(path, O_RDONLY);
    if (file < 0 || mmap((void *)page, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED)
        fail(path);
    printf("{\"pid\":%d}\n", (int)getpid());
    fflush(stdout);
    for (;;)
        pause();
}
