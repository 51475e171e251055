/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one table of fields. What is known of a field stands here and nowhere else in C: its number, where it stands in
 * a record, what it is called outside, how it is written, and where it comes from. Numbers, validation, the sinks'
 * names, the fuzzers and muster-fields(7) are made from it.
 *
 * A new field is a row here, its member in wire.h (appended, if it is a scalar), the place that fills it, and its rows
 * in docs/record-format.md, which tests compare.
 *
 *     X(symbol, number, member, form, name, column, linux, windows)
 *
 *     symbol   MUSTER_FIELD_symbol
 *     number   its bit in `valid` and `unavailable`. On the wire: never reused, new ones are appended
 *     member   of the record's fixed part (wire.h), in the type that heads the section; the last one where a bit says
 *              so of several. Texts have none
 *     form     how NDJSON writes the value:
 *                  NUMBER     a number
 *                  ID         a decimal number in a string
 *                  FLAG       true or false
 *                  TIME       on the stream's clock, as a date
 *                  WALL_TIME  nanoseconds since 1970, as a date
 *                  HEX        "0x1f"
 *                  DEVICE     major << 20 | minor, as "8:1"
 *                  TTY        the same, as {"major":136,"minor":1}
 *                  CAPABILITIES  an array of names, as capabilities(7) has them: CAP_SYS_ADMIN; CAP_41 for one that is
 *                             not known; empty where it has none
 *                  IMAGE      an array of names of the bits MUSTER_IMAGE_; not there where none is set
 *                  INTEGRITY  the name of a level of Windows, or "0x2010"
 *                  TEXT       a string
 *                  ARGUMENTS  an array of strings
 *              A new form is one of sinks/ndjson_forms.c; a field that has one of these needs nothing in sinks/
 *     name     its name in NDJSON: Elastic Common Schema, or in our own object `muster`
 *     column   of --format text; "" where that does not show it
 *     linux, windows   where it comes from there; "" where it does not exist
 */
#ifndef MUSTER_FIELDS_H
#define MUSTER_FIELDS_H

/* clang-format off */

/* struct muster_process: every event of a process */
#define MUSTER_PROCESS_FIELDS(X) \
    X(PID,          0, process.pid,             NUMBER, "process.pid",                "PID",  "task_struct.tgid, in the initial pid namespace", "ProcessId") \
    X(TID,          1, process.tid,             NUMBER, "process.thread.id",          "",     "the thread that acted: called exec or fork, or ended last", "thread of the callback") \
    X(START,        2, process.start_ns,        TIME,   "process.start",              "",     "group_leader.start_boottime", "create time of the process") \
    X(PARENT_PID,   3, process.parent_pid,      NUMBER, "process.parent.pid",         "PPID", "real_parent.tgid", "ParentProcessId") \
    X(PARENT_START, 4, process.parent_start_ns, TIME,   "process.parent.start",       "",     "start_boottime of the parent's group_leader", "create time of the parent") \
    X(SESSION,      5, process.session_id,      NUMBER, "process.session_leader.pid", "",     "signal.pids[PIDTYPE_SID], in the initial pid namespace", "") \
    X(USER,         6, process.user_id,         ID,     "process.user.id",            "USER", "cred.euid: effective", "") \
    X(GROUP,        7, process.group_id,        ID,     "process.group.id",           "",     "cred.egid: effective", "") \
    X(REAL_USER,    8, process.real_user_id,    ID,     "process.real_user.id",       "",     "cred.uid", "") \
    X(REAL_GROUP,   9, process.real_group_id,   ID,     "process.real_group.id",      "",     "cred.gid", "")

/* struct muster_process_start: start and running */
#define MUSTER_START_FIELDS(X) \
    X(ARGS_COUNT,             10, args_count,             NUMBER,       "process.args_count",                    "",        "linux_binprm.argc: the true number", "") \
    X(IMAGE_FLAGS,            11, image_flags,            IMAGE,        "muster.image",                          "COMMAND", "the mapped file: deleted, memfd, set-id bits of its mode", "FileOpenNameAvailable") \
    X(LOGON_ID,               17, logon_id,               HEX,          "muster.windows.logon_id",               "",        "", "AuthenticationId: LUID of the logon that the token came from") \
    X(TERMINAL_SESSION,       18, terminal_session_id,    NUMBER,       "muster.windows.session_id",             "",        "", "session of the token; 0: services") \
    X(CREATOR_PID,            19, creator_pid,            NUMBER,       "muster.creator.pid",                    "",        "", "CreatingThreadId: who called for it; may differ from the parent, which a caller can choose") \
    X(CREATOR_TID,            20, creator_tid,            NUMBER,       "muster.creator.tid",                    "",        "", "CreatingThreadId") \
    X(CREATOR_START,          21, creator_start_ns,       TIME,         "muster.creator.start",                  "",        "", "create time of the creator") \
    X(INTEGRITY,              22, integrity_rid,          INTEGRITY,    "muster.windows.integrity_level",        "",        "", "RID of the token's mandatory label: 0x2000 medium, 0x3000 high, 0x4000 system") \
    X(ELEVATED,               23, elevated,               FLAG,         "muster.windows.elevated",               "",        "", "the token has the administrators' group, and enabled") \
    X(LOGIN_USER,             24, login_user_id,          ID,           "muster.login_user.id",                  "",        "task_struct.loginuid: who logged in, kept through su and sudo; not there where nobody did", "") \
    X(PROCESS_GROUP,          25, process_group_id,       NUMBER,       "process.group_leader.pid",              "",        "signal.pids[PIDTYPE_PGID], in the initial pid namespace", "") \
    X(TTY,                    26, tty_device,             TTY,          "process.tty.char_device",               "",        "signal.tty: the controlling terminal", "") \
    X(CAPABILITIES_EFFECTIVE, 27, capabilities_effective, CAPABILITIES, "process.thread.capabilities.effective", "",        "cred.cap_effective", "") \
    X(CAPABILITIES_PERMITTED, 28, capabilities_permitted, CAPABILITIES, "process.thread.capabilities.permitted", "",        "cred.cap_permitted", "") \
    X(CGROUP,                 29, cgroup_id,              ID,           "muster.cgroup.id",                      "",        "of its cgroup in the unified hierarchy (v2): the inode in cgroupfs", "") \
    X(PID_NAMESPACE,          30, pid_namespace,          NUMBER,       "muster.namespace.pid",                  "",        "inode of its pid namespace", "") \
    X(MOUNT_NAMESPACE,        31, mount_namespace,        NUMBER,       "muster.namespace.mount",                "",        "inode of its mount namespace", "") \
    X(NAMESPACE_PID,          32, namespace_pid,          NUMBER,       "process.vpid",                          "",        "its pid in its own pid namespace", "") \
    X(IMAGE_INODE,            33, image_inode,            ID,           "muster.executable.inode",               "",        "i_ino of the mapped file", "") \
    X(IMAGE_DEVICE,           34, image_device,           DEVICE,       "muster.executable.device",              "",        "s_dev of the mapped file's file system", "") \
    X(IMAGE_MODIFIED,         35, image_modified_ns,      WALL_TIME,    "muster.executable.mtime",               "",        "mtime of the mapped file", "") \
    X(ARGS_DIGEST,            36, args_digest,            HEX,          "muster.args_digest",                    "",        "of a skeleton: SipHash-2-4 of the first 4,096 bytes of the argument area, see muster-record(5)", "")

/* struct muster_process_exit */
#define MUSTER_EXIT_FIELDS(X) \
    X(EXIT_CODE,   12, exit_code,      NUMBER, "process.exit_code",           "COMMAND", "wait status; only where the process ended by itself", "exit status, only where it ended by itself") \
    X(EXIT_SIGNAL, 13, exit_signal,    NUMBER, "muster.exit.signal",          "COMMAND", "wait status; only where a signal ended it", "") \
    X(CORE_DUMPED, 14, core_dumped,    FLAG,   "muster.exit.core_dumped",     "COMMAND", "wait status; only where a signal ended it", "") \
    X(RUN_TIME,    15, run_time_ns,    NUMBER, "event.duration",              "COMMAND", "time of the exit less start_boottime", "likewise") \
    X(USER_TIME,   40, user_time_ns,   NUMBER, "muster.usage.user_ns",        "",        "utime of all its threads", "") \
    X(SYSTEM_TIME, 41, system_time_ns, NUMBER, "muster.usage.system_ns",      "",        "stime of all its threads", "") \
    X(PEAK_RSS,    42, peak_rss_bytes, NUMBER, "muster.usage.peak_rss_bytes", "",        "the most memory it had resident, as getrusage(2) has it", "")

/* Both of these: what was not seen, but concluded, has happened between two times. */
#define MUSTER_WINDOW_FIELDS(X) \
    X(WINDOW, 37, window_end_ns, TIME, "event.end", "COMMAND", "window_start_ns and window_end_ns: of an event that was lost, and concluded from what ran before and after", "")

/* struct muster_gap */
#define MUSTER_GAP_FIELDS(X) \
    X(SEQUENCE_RANGE, 16, last_sequence, NUMBER, "muster.loss.last_sequence", "", "first_sequence and last_sequence; absent where what was lost was never numbered", "likewise")

/* Texts, which stand behind the fixed part in ascending order of number. */
#define MUSTER_TEXT_FIELDS(X) \
    X(EXECUTABLE,        48, , TEXT,      "process.executable",        "",        "absolute path of the file that was mapped", "ImageFileName") \
    X(WORKING_DIRECTORY, 49, , TEXT,      "process.working_directory", "",        "absolute path", "") \
    X(ARGS,              50, , ARGUMENTS, "process.args",              "COMMAND", "the argument area: each argument followed by a NUL", "") \
    X(SCRIPT,            51, , TEXT,      "muster.script",             "",        "linux_binprm.filename, where an interpreter runs it", "") \
    X(THREAD_NAME,       52, , TEXT,      "process.thread.name",       "COMMAND", "comm of the process's first thread, 15 bytes at most", "") \
    X(PARENT_EXECUTABLE, 53, , TEXT,      "process.parent.executable", "PARENT",  "path of the file that the parent has mapped at that moment", "") \
    X(MESSAGE,           54, , TEXT,      "message",                   "COMMAND", "", "free text of the driver") \
    X(COMMAND_LINE,      55, , TEXT,      "process.command_line",      "COMMAND", "", "CommandLine: one string, as the creator gave it") \
    X(USER_SID,          56, , TEXT,      "process.user.id",           "USER",    "", "TokenUser: \"S-1-5-18\"") \
    X(CGROUP_PATH,       57, , TEXT,      "muster.cgroup.path",        "",        "path of its cgroup in the unified hierarchy (v2), from the hierarchy's root", "") \
    X(INTERPRETER,       58, , TEXT,      "muster.interpreter",        "",        "linux_binprm.interp: the interpreter as the script's first line names it", "")

/* clang-format on */

#define MUSTER_SCALAR_FIELDS(X)                                                                                        \
    MUSTER_PROCESS_FIELDS(X)                                                                                           \
    MUSTER_START_FIELDS(X) MUSTER_EXIT_FIELDS(X) MUSTER_WINDOW_FIELDS(X) MUSTER_GAP_FIELDS(X)
#define MUSTER_FIELDS(X) MUSTER_SCALAR_FIELDS(X) MUSTER_TEXT_FIELDS(X)

#endif
