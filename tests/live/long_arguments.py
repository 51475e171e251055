# SPDX-License-Identifier: Apache-2.0
"""Runs programs with long arguments, for tests that look at what is shown of them."""

import os
import resource

from sensor import TINY, token
from stream_check import dig

ONE_ARGUMENT_MAX = 131071  # MAX_ARG_STRLEN of the kernel, without the NUL


def args_bytes(arguments):
    """As the kernel counts them: each with a NUL behind it."""
    return sum(len(os.fsencode(argument)) + 1 for argument in arguments)


def token_like(name):
    """A token whose length is always the same."""
    word = token(name)
    head, _, number = word.rpartition(".")
    return f"{head}.".ljust(60 - len(number), "0") + number


def allow_long_arguments():
    """The kernel lets argv have a quarter of the stack's limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = 64 * 1024 * 1024
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_STACK, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def fill_up(arguments, size):
    """Adds some until all have `size` bytes: many of 100 and one of the rest."""
    room = size - args_bytes(arguments)
    rest = [f"{number:099d}" for number in range(room // 100 - 1)]
    rest.append("e" * (room - args_bytes(rest) - 1))
    assert args_bytes([*arguments, *rest]) == size
    return [*arguments, *rest]


def common_length(left, right):
    length = 0
    while length < min(len(left), len(right)) and left[length] == right[length]:
        length += 1
    return length


class LongArguments:
    """For a SharedSensorTest with run_image()."""

    def run_arguments(self, *rest):
        """Runs tiny with a token and these; returns (all arguments, the event)."""
        return self.run_all([TINY, token("args"), *rest])

    def fill(self, size):
        """Likewise, with arguments of `size` bytes, NULs included."""
        return self.run_all(fill_up([TINY, token_like("args")], size))

    def run_all(self, arguments):
        self.run_image(arguments, preexec_fn=allow_long_arguments)
        return arguments, self.started(arguments[1])

    def assert_whole(self, arguments, event):
        self.assertEqual(dig(event, "process.args"), arguments)
        self.assert_fields(event, process__args_count=len(arguments), muster__truncated=None, muster__raw=None)

    def assert_cut(self, arguments, event, limit, longest):
        """Whole arguments of the head, then of the tail; the count and the length are the true ones."""
        self.assert_fields(event, process__args_count=len(arguments), muster__truncated={"process.args": args_bytes(arguments)})
        shown = dig(event, "process.args")
        head = common_length(shown, arguments)
        tail = len(shown) - head
        self.assertGreater(head, 1)
        self.assertEqual(shown[head:], arguments[len(arguments) - tail:])
        self.assertLess(len(shown), len(arguments))
        self.assertLessEqual(args_bytes(shown), limit)
        if longest < limit // 4:
            self.assertGreater(tail, 1)
            self.assertGreaterEqual(args_bytes(shown), limit - 2 * longest - 2)
            self.assertAlmostEqual(args_bytes(shown[:head]), limit // 2, delta=longest + 2)
