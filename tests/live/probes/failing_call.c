/* SPDX-License-Identifier: Apache-2.0 */
/* failing_call NUMBER COMMAND [ARGUMENT]...: runs a command for which the system call with that number fails with EIO.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "probe.h"

int main(int argc, char **argv)
{
    if (argc < 3)
        usage("failing_call NUMBER COMMAND [ARGUMENT]...");
    unsigned number = (unsigned)strtoul(argv[1], NULL, 10);
    struct sock_filter instructions[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(instructions) / sizeof(*instructions), .filter = instructions};

    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        die("prctl");
    execv(argv[2], argv + 2);
    die("execv");
}
