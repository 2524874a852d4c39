"""Closes system calls by which a process gets at what no namespace separates, or at memory that nobody counts.

Loaded by ``confine`` in a sandbox; standard library only. A filter of seccomp(2) that cannot be taken off again, nor by
a program that is started later: the calls fail with EPERM, as they do in other containers. Programs for this machine's
other instruction set (32 bits) are held too. It knows x86-64 and ARM64, and leaves other machines alone.
"""

import ctypes
import errno
import os
import struct

LARGEST_SEGMENT_BYTES = 64 * 1024
"""Of System V shared memory, which outlives its process: databases lock by a small one. 4,096 can be had at once."""

LOAD, EQUAL, GREATER, AT_LEAST, RETURN = 0x20, 0x15, 0x25, 0x35, 0x06  # bpf(4): words of linux/bpf_common.h
ALLOW, DENY = 0x7FFF0000, 0x00050000 | errno.EPERM
NUMBER, ARCHITECTURE, SIZE_LOW, SIZE_HIGH = 0, 4, 24, 28  # in struct seccomp_data; a segment's size is argument 1
X32_BIT = 0x40000000  # a third instruction set of x86-64 under the same name
SET_FILTER, SPECULATION_ALLOWED = 1, 4

RINGS = (425, 426, 427)  # io_uring_setup and its two, the same everywhere
# add_key, request_key, keyctl: keys of the server's session. perf_event_open, bpf, userfaultfd: doors to the kernel.
X86_64 = (0xC000003E, (248, 249, 250, 298, 321, 323, *RINGS), 29)
ARM64 = (0xC00000B7, (217, 218, 219, 241, 280, 282, *RINGS), 194)
# The old ones pass shared memory by numbers of their own (ipc, shmget): closed whole.
I386 = (0x40000003, (286, 287, 288, 336, 357, 374, 117, 395, *RINGS), None)
ARM = (0x40000028, (309, 310, 311, 364, 386, 388, 307, *RINGS), None)
MACHINES = {"x86_64": (317, (X86_64, I386)), "aarch64": (277, (ARM64, ARM))}
"""``uname -m`` → the number of seccomp(2), and the instruction sets: (name, closed calls, shmget)."""

Instruction = tuple[int, int, int, int]
Architecture = tuple[int, tuple[int, ...], int | None]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def close_calls() -> None:
    """For this process and all that come of it; needs ``no_new_privs``. Raises OSError."""
    known = MACHINES.get(os.uname().machine)
    if known is None:
        return
    number, architectures = known
    content = b"".join(struct.pack("HBBI", *one) for one in _filter(architectures))
    program = _Program(len(content) // 8, content)
    if ctypes.CDLL(None, use_errno=True).syscall(number, SET_FILTER, SPECULATION_ALLOWED, ctypes.byref(program)):
        raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")


def _filter(architectures: tuple[Architecture, ...]) -> list[Instruction]:
    instructions: list[Instruction] = []
    for name, closed, shmget in architectures:
        section = _section(closed, shmget)
        instructions += [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 0, len(section), name), *section]
    return [*instructions, _answer(DENY)]


def _section(closed: tuple[int, ...], shmget: int | None) -> list[Instruction]:
    """For one instruction set: a jump of 1 leaves an answer out."""
    section = [(LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, X32_BIT), _answer(DENY)]
    for number in closed:
        section += [(EQUAL, 0, 1, number), _answer(DENY)]
    if shmget is not None:
        small = [(LOAD, 0, 0, SIZE_HIGH), (EQUAL, 1, 0, 0), _answer(DENY)]
        small += [(LOAD, 0, 0, SIZE_LOW), (GREATER, 0, 1, LARGEST_SEGMENT_BYTES), _answer(DENY)]
        section += [(EQUAL, 0, len(small), shmget), *small]
    return [*section, _answer(ALLOW)]


def _answer(value: int) -> Instruction:
    return (RETURN, 0, 0, value)
