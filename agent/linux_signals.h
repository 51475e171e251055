/* SPDX-License-Identifier: Apache-2.0 */
/* What muster does to the signals that it was given, and gives them back to a command that it starts. */
#ifndef MUSTER_LINUX_SIGNALS_H
#define MUSTER_LINUX_SIGNALS_H

/* First of all things: SIGPIPE is ignored, since a write says EPIPE instead. */
void signals_begin(void);

/*
 * Blocks SIGCHLD and what a terminal or a supervisor sends, but for what whoever started us had ignored, to be read
 * from the file descriptor that this returns; -1 with errno set. Before any thread.
 */
int signals_open(void);

/* Stops this process as Ctrl-Z does, which signals_open keeps from doing it; returns when it is continued. */
void signals_suspend(void);

/* In a new process: as they were when muster was started. */
void signals_give_back(void);

#endif
