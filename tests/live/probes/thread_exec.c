/* SPDX-License-Identifier: Apache-2.0 */
/* An exec by a thread that is not the leader: the process keeps its pid and its start time, and the
 * thread takes over the leader's id. */
#include <pthread.h>

#include "probe.h"

static const char *image;
static const char *token;

static void *exec_from_thread(void *unused)
{
    (void)unused;
    dprintf(STDOUT_FILENO, "{\"token\":\"%s\",\"pid\":%d,\"ppid\":%d,\"start_ticks\":%llu,\"tid\":%d}\n", token,
            (int)getpid(), (int)getppid(), own_start_ticks(), (int)gettid());
    exec_image(image, token);
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc != 3)
        usage("thread_exec IMAGE TOKEN");
    image = argv[1];
    token = argv[2];
    if (pthread_create(&thread, NULL, exec_from_thread, NULL) != 0)
        die("pthread_create");
    for (;;)
        pause();
}
