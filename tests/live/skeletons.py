# SPDX-License-Identifier: Apache-2.0
"""Which command line a skeleton had, from its digest: as docs/record-format.md has it, and from nothing of the product's."""

from stream_check import dig, with_action

DIGESTED_BYTES = 4096
WORD = (1 << 64) - 1


def rotated(word, bits):
    return (word << bits | word >> (64 - bits)) & WORD


def siphash(data, key=bytes(range(16))):
    """SipHash-2-4: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012."""
    low, high = (int.from_bytes(key[at:at + 8], "little") for at in (0, 8))
    a, b, c, d = low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d, low ^ 0x6c7967656e657261, high ^ 0x7465646279746573

    def rounds(count):
        nonlocal a, b, c, d
        for _ in range(count):
            a, c = (a + b) & WORD, (c + d) & WORD
            b, d, a = rotated(b, 13) ^ a, rotated(d, 16) ^ c, rotated(a, 32)
            a, c = (a + d) & WORD, (c + b) & WORD
            d, b, c = rotated(d, 21) ^ a, rotated(b, 17) ^ c, rotated(c, 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at:at + 8], "little")
        d ^= word
        rounds(2)
        a ^= word
    c ^= 255
    rounds(4)
    return a ^ b ^ c ^ d


def args_digest(arguments):
    """As NDJSON has it."""
    return f"{siphash(b''.join(argument.encode() + bytes(1) for argument in arguments)[:DIGESTED_BYTES]):#x}"


def skeletons_of(events):
    return [event for event in with_action(events, "process-started") if dig(event, "muster.skeleton")]


def recognise(events, command_lines):
    """Gives the skeletons the arguments, of those command lines, that have their digest."""
    known = {args_digest(arguments): arguments for arguments in command_lines}
    for event in skeletons_of(events):
        arguments = known.get(dig(event, "muster.args_digest"))
        if arguments is not None:
            event["process"]["args"] = arguments
