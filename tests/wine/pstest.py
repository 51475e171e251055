# SPDX-License-Identifier: Apache-2.0
"""What a test says to pstest.sys (pstest/pstest.h), and what a record of that has to be."""

import collections
import struct

from records import unix_ns, wtf8

DEVICE_PATH = "\\\\.\\MusterPsTest"
CONTROL_RAISE, CONTROL_STORM, CONTROL_STATUS = (0x9D55 << 16 | function << 2 for function in (0x800, 0x801, 0x802))

START, EXIT = 1, 2
HAS_IMAGE, HAS_COMMAND, OPENED_NAME, NO_TOKEN, ADMIN = 1, 2, 4, 8, 16
SYSTEM_PID = 4
SYSTEM_CREATE_TIME = 132000000000000000
MOST_STRING_BYTES = 65534
PREFIX = [ord(c) for c in "\\??\\"]

Status = collections.namedtuple(
    "Status", "registered storm_threads registrations refusals raised unheard references token_references violations denied processes")


def decode_status(data):
    return Status(*struct.unpack("<II9Q", data))


def units_of(text):
    """A str, or a list of UTF-16 units, as such a list; None stays."""
    if text is None or isinstance(text, list):
        return text
    data = text.encode("utf-16-le", "surrogatepass")
    return list(struct.unpack(f"<{len(data) // 2}H", data))


def sid(authority, *parts):
    return struct.pack("<BB", 1, len(parts)) + authority.to_bytes(6, "big") + struct.pack(f"<{len(parts)}I", *parts)


def sid_text(data):
    count = data[1]
    return "-".join(map(str, ["S", data[0], int.from_bytes(data[2:8], "big"), *struct.unpack_from(f"<{count}I", data, 8)]))


SYSTEM_SID = sid(5, 18)
USER_SID = sid(5, 21, 1004336348, 1177238915, 682003330, 1001)


class Event:
    """A start or an exit; what is not given is as for an everyday process."""

    def __init__(self, kind, pid, *, image="\\??\\C:\\Windows\\a.exe", command="a.exe", parent=SYSTEM_PID, creator=SYSTEM_PID, thread=8,
                 created=SYSTEM_CREATE_TIME + 10_000_000, status=0, logon=0x3E7, session=1, integrity=0x2000, admin=False, token=True,
                 opened=True, user=USER_SID):
        self.kind, self.pid, self.parent, self.creator, self.thread = kind, pid, parent, creator, thread
        self.image, self.command = units_of(image), units_of(command)
        self.created, self.status, self.logon, self.session, self.integrity = created, status, logon, session, integrity
        self.admin, self.token, self.opened, self.user = admin, token, opened, user

    def pack(self):
        image, command = (struct.pack(f"<{len(units or [])}H", *(units or [])) for units in (self.image, self.command))
        flags = sum((HAS_IMAGE * (self.image is not None), HAS_COMMAND * (self.command is not None), OPENED_NAME * self.opened,
                     NO_TOKEN * (not self.token), ADMIN * self.admin))
        head = struct.pack("<QQQQqQIiIIIII68s", self.pid, self.parent, self.creator, self.thread, self.created, self.logon, flags,
                           self.status, self.session, self.integrity, len(self.user), len(image), len(command), self.user)
        size = 8 + len(head) + len(image) + len(command)
        return struct.pack("<II", size, self.kind) + head + image + command

    # ---- the oracle

    def problems(self, record, running):
        """What of `record` is not as this event was. running: {pid: create time} of whom the parent and the
        creator could be."""
        expected, unavailable = (self._start if self.kind == START else self._exit)(running)
        found = dict(record.fields, **record.texts)
        run_time = found.pop("run_time_ns", None)
        problems = [f"{name} is {found.get(name)!r}, not {expected.get(name)!r}"
                    for name in sorted(set(found) | set(expected)) if found.get(name) != expected.get(name)]
        problems += [f"{name} is cut" for name, text in record.texts.items() if not text.is_whole]
        missing = {name for name in unavailable if not record.is_unavailable(name)}
        if missing or bin(record.unavailable).count("1") != len(unavailable):
            problems.append(f"unavailable are {record.unavailable:#x}, not {sorted(unavailable)}")
        if self.kind == EXIT and run_time != record.time_ns - unix_ns(self.created):
            problems.append(f"run time {run_time}")
        if record.type != (1 if self.kind == START else 2):
            problems.append(f"type {record.type}")
        if record.flags != 1:
            problems.append(f"flags {record.flags}: not whole, or not WTF-8")
        return problems

    def _life(self, pid, running):
        """When the process of that id began, if before this one."""
        created = running.get(pid)
        return unix_ns(created) if created is not None and created <= self.created else None

    def _start(self, running):
        expected = {"pid": self.pid, "start_ns": unix_ns(self.created), "creator_pid": self.creator, "creator_tid": self.thread}
        unavailable = set()

        def put(name, value):
            if value is None:
                unavailable.add(name)
            else:
                expected[name] = value

        if self.parent:
            expected["parent_pid"] = self.parent
            put("parent_start_ns", self._life(self.parent, running))
        put("creator_start_ns", self._life(self.creator, running))
        for name, value in (("logon_id", self.logon), ("terminal_session", self.session), ("integrity", self.integrity),
                            ("user_sid", sid_text(self.user).encode())):
            put(name, value if self.token else None)
        expected["elevated"] = int(self.admin)
        put("executable", None if self.image is None else wtf8(self.image[4:] if self.image[:4] == PREFIX else self.image))
        put("command_line", None if self.command is None else wtf8(self.command))
        if self.image is not None:
            expected["image_flags"] = 4 if self.opened else 0
        return expected, unavailable

    def _exit(self, _):
        return {"pid": self.pid, "start_ns": unix_ns(self.created), "exit_code": self.status & 0xFFFFFFFF}, set()


def start(pid, **options):
    return Event(START, pid, **options)


def exit_of(event, status=0):
    return Event(EXIT, event.pid, created=event.created, status=status, image=None, command=None)


class Storm(collections.namedtuple("Storm", "threads count first_pid command_bytes")):
    def pack(self):
        return struct.pack("<IIII", *self)

    def events(self):
        """{pid: (image, command line)} of all that it raises."""
        return {self.first_pid + 4 * (thread * self.count + i):
                (f"C:\\storm\\{thread}\\{i}.exe".encode(), f"storm {thread} {i}".ljust(self.command_bytes // 2, "x").encode())
                for thread in range(self.threads) for i in range(self.count)}
