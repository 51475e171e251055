/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new pid namespace: its first process (pid 1 inside) forks a second; the second execs IMAGE with
 * TOKEN.2, then the first with TOKEN.1. Prints the pids that they have outside, as the kernel
 * translates them for the credentials of a message.
 */
#include <sched.h>
#include <sys/socket.h>

#include "probe.h"

static void send_credentials(int to)
{
    char byte = 'x';

    if (send(to, &byte, 1, 0) != 1)
        die("send");
}

static pid_t receive_credentials(int from)
{
    char byte;
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct ucred credentials;
    struct cmsghdr *header;

    if (recvmsg(from, &message, 0) != 1)
        die("recvmsg");
    header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_CREDENTIALS)
        die("no credentials");
    memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
    return credentials.pid;
}

static _Noreturn void second_process(int outside, const char *image, const char *run)
{
    char token[128];

    send_credentials(outside);
    snprintf(token, sizeof(token), "%s.2", run);
    exec_image(image, token);
}

static _Noreturn void first_process(int outside, const char *image, const char *run)
{
    char token[128];
    pid_t second;

    send_credentials(outside);
    second = fork();
    if (second < 0)
        die("fork");
    if (second == 0)
        second_process(outside, image, run);
    wait_for(second);
    snprintf(token, sizeof(token), "%s.1", run);
    exec_image(image, token);
}

int main(int argc, char **argv)
{
    int sockets[2];
    int on = 1;
    pid_t first;
    pid_t second;

    if (argc != 3)
        usage("pid_namespace IMAGE RUN");
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets) != 0 ||
        setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0)
        die("socketpair");
    if (unshare(CLONE_NEWPID) != 0)
        die("unshare");
    if (fork() == 0)
        first_process(sockets[1], argv[1], argv[2]);
    first = receive_credentials(sockets[0]);
    second = receive_credentials(sockets[0]);
    wait_for(first);
    printf("{\"token\":\"%s.1\",\"pid\":%d,\"inner_pid\":1,\"ppid\":%d}\n", argv[2], (int)first, (int)getpid());
    printf("{\"token\":\"%s.2\",\"pid\":%d,\"inner_pid\":2,\"ppid\":%d}\n", argv[2], (int)second, (int)first);
    return 0;
}
