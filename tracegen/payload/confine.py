"""A process takes its own rights away: resource limits, Landlock, a seccomp filter, no new privileges.

Straight system calls through ctypes: Linux on x86-64 and on 64-bit ARM, no library.  What is denied answers with an
error that programs know, never with a kill: an honest program that meets a wall goes on as it would elsewhere.
Knows nothing of namespaces or users (tracegen/sandbox/), or of what will run.

Longer than the house's 350 lines: a third of it is one table, each system call beside the reason why it is there.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple


class Unconfined(OSError):
    """The kernel refused to take rights away: whoever asked for it must not go on."""


PENDING = 4096
"""Signals that wait, and timers, which the kernel counts with them."""


class Caps(NamedTuple):
    """Limits of one process, by ``setrlimit``: bytes of address space and of a file, processes and threads of the user,
    open files, seconds of processor time."""

    memory: int
    file_bytes: int
    processes: int
    open_files: int
    seconds: int


PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2

_libc: Any = ctypes.CDLL(None, use_errno=True)


def cap(caps: Caps) -> None:
    """Set the limits, soft and hard; never higher than they are already."""
    wanted = [
        (resource.RLIMIT_AS, caps.memory),
        (resource.RLIMIT_FSIZE, caps.file_bytes),
        (resource.RLIMIT_NPROC, caps.processes),
        (resource.RLIMIT_NOFILE, caps.open_files),
        (resource.RLIMIT_CPU, caps.seconds),
        # 1, not 0: only then does the kernel not start the machine's crash reporter either (core(5), coredump.c).
        (resource.RLIMIT_CORE, 1),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, PENDING),
    ]
    for which, value in wanted:
        _, hard = resource.getrlimit(which)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))


def no_new_privileges() -> None:
    """setuid programs give nothing from here on; Landlock and seccomp ask for it."""
    _checked(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def dumpable(yes: bool) -> None:
    """Whether processes of the same user may look into this one (ptrace, /proc/PID/mem)."""
    _checked(_libc.prctl(PR_SET_DUMPABLE, int(yes), 0, 0, 0), "dumpable")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _checked(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "subreaper")


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise Unconfined(number, "{}: {}".format(what, os.strerror(number)))
    return result


# Landlock: https://docs.kernel.org/userspace-api/landlock.html.  Rights by the ABI that brought them.

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""The same on every architecture."""
_PATH_BENEATH = 1
_FS_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_NET_RIGHTS = {4: 0b11}
_SCOPES = {6: 0b11}
_READ = 1 << 0 | 1 << 2 | 1 << 3
"""Execute, read a file, read a folder."""
_OF_A_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_IOCTL_DEV = 1 << 15


def landlock_abi() -> int:
    """The kernel's Landlock version; 0 if it has none."""
    return int(max(_libc.syscall(_CREATE_RULESET, None, 0, 1), 0))


def scopes_signals(abi: int) -> bool:
    """Whether a domain keeps its signals, and its abstract sockets, to itself."""
    return abi >= min(_SCOPES)


def guards_truncation(abi: int) -> bool:
    """Whether a file that may not be written cannot be cut either."""
    return abi >= 3


def ruleset(reads: Iterable[str], writes: Iterable[str], abi: int, *, tcp: bool) -> int:
    """A file descriptor of rules: these folders and files may be read, or written too; nothing else.

    ``tcp``: whether TCP may be, as where the network is a namespace's own.  ``abi``: the kernel's version, or an older
    one.  What does not exist is left out.  Raises Unconfined without Landlock.
    """
    rights, net, scopes = (_since(table, abi) for table in (_FS_RIGHTS, {} if tcp else _NET_RIGHTS, _SCOPES))
    if not rights:
        raise Unconfined(errno.ENOSYS, "the kernel has no Landlock")
    attributes = struct.pack("=QQQ", rights, net, scopes)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    found = _checked(_libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0), "landlock")
    for paths, allowed in ((reads, rights & _READ), (writes, rights & ~_IOCTL_DEV)):
        for path in paths:
            _allow(found, path, allowed)
    return found


def _since(table: Any, abi: int) -> int:
    return sum(bits for since, bits in table.items() if abi >= since)


def _allow(rules: int, path: str, allowed: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            allowed &= _OF_A_FILE
        rule = struct.pack("=Qi", allowed, descriptor)
        _checked(_libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0), "landlock: " + path)
    finally:
        os.close(descriptor)


def restrict(rules: int) -> None:
    """Live by a ruleset, from here on and with all descendants."""
    _checked(_libc.syscall(_RESTRICT_SELF, rules, 0), "landlock")


# seccomp: classic BPF over struct seccomp_data {int nr; u32 arch; u64 ip; u64 args[6]}, little-endian.

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH, and the column of the tables below."""

_DENIED = {
    # Into other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # Large or young parts of the kernel that a traced program has no use for.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "lookup_dcookie": (212, 18),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    # Memory and messages that outlive a process, or count for nobody.
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),  # a page of two megabytes stays in a pipe's slot of four kilobytes
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # Namespaces and mounts.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount_setattr": (442, 442),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    # The machine.
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "personality": (135, 92),
}
"""Answered with EPERM: (x86-64, 64-bit ARM)."""

_ABSENT = {
    "clone3": (435, 435),  # its flags are behind a pointer; libc falls back on clone
    "memfd_create": (319, 279),  # memory in no process's account
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),  # the whole machine has 65,536 of its events
}
"""Answered with ENOSYS, as by a kernel that does not have them."""

_NEWEST = 467
"""From here on, system calls are younger than this table: ENOSYS, until somebody has looked at them."""

_SHARED_FILES = {
    "sendmsg": (46, 211),  # hides open files from whoever adds up what a task has
    "sendmmsg": (307, 269),
    "inotify_init": (253, None),  # Landlock lets names of files through
    "inotify_init1": (294, 26),
    "setxattr": (188, 5),  # Landlock does not ask who gives attributes to files that everybody may write
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
}
"""Answered with EPERM where the machine's own file system is in sight."""

_TIMES = {
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
"""There too, for the same reason, but shutil.copy2 cannot do without: nothing happens, and it is said that it did."""

_FALLOCATE = (285, 47)
"""Takes any amount of disk at once; libc writes instead, where the file system does not have it."""

_OWNED = {
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
}
"""What the owner of files may do to them wherever they lie, for Landlock does not look: EPERM."""

_RIGHTS = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
}
"""The same, but pretended as `_TIMES` are, for shutil.copy."""

_TRUNCATE = (76, 45)

_OF_SELF = {
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
}
"""Only with 0, oneself, as first argument: others of the same user could be starved."""

_PRIORITIES = {"setpriority": ((141, 140), 0), "ioprio_set": ((251, 30), 1)}
"""Only of the process (the second number) itself."""

_SIGNALS = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}

_CLONE = (56, 220)
_CLONE_NEW = 0x7E020000
"""Every CLONE_NEW… flag that clone takes."""
_SOCKET, _SOCKETPAIR, _IOCTL = (41, 198), (53, 199), (16, 29)
_FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6: what a network namespace of one's own makes harmless.  AF_VSOCK knows no namespaces."""
_PROTOCOLS = (0, 6, 17)
"""The family's own, TCP, UDP: others load modules into the kernel."""
_REQUESTS = (0x5412, 0x541C, 0x8901, 0x8902)
"""TIOCSTI and TIOCLINUX type into a terminal; FIOSETOWN and SIOCSPGRP have the kernel send signals to others."""
_FCNTL, _OWNERS = (72, 25), (8, 15)
"""F_SETOWN, F_SETOWN_EX: the same."""
_MMAP, _SHARED_ANONYMOUS = (9, 222), 0x21
"""Memory that is in no process's account while nobody touches it."""
_PRCTL = (157, 167)
_SETSOCKOPT, _SOL_SOCKET, _BUFFERS = (54, 208), 1, (7, 8, 32, 33)
"""SO_SNDBUF, SO_RCVBUF and their FORCE: what a buffer holds is in no process's account."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NR, _ARCH, _ARGS = 0, 4, 16

_Instruction = Tuple[int, int, int, int]
_Numbers = Tuple[Optional[int], Optional[int]]


class View(NamedTuple):
    """What of the machine a task has in sight, and so must be denied by system call.

    ``namespaces``: the processes, network and files are its own: internet and unix sockets are harmless.  ``owner``:
    files in sight belong to its user.  ``abi``: Landlock's version, 0 without it.  ``own``: the one process that
    signals may go to, where neither Landlock nor a namespace bounds them.
    """

    namespaces: bool
    owner: bool = False
    abi: int = 0
    own: Optional[int] = None


def filter_of(machine: str, view: View) -> bytes:
    """The BPF program for this machine's system calls.

    Raises Unconfined for a machine whose system calls are not known.
    """
    if machine not in _ARCHITECTURES:
        raise Unconfined(errno.ENOSYS, "seccomp: no table of system calls for " + machine)
    audit, column = _ARCHITECTURES[machine]
    program: List[_Instruction] = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL_PROCESS)]
    # The numbers of x32, the other way to speak to an x86-64 kernel, are beyond too.
    program += [(_LOAD, 0, 0, _NR), (_AT_LEAST, 0, 1, _NEWEST), _answer(errno.ENOSYS)]

    def on(numbers: _Numbers, body: List[_Instruction]) -> None:
        number = numbers[column]
        if number is not None:
            program.append((_EQUAL, 0, len(body), number))
            program.extend(body)

    def answered(table: Dict[str, Any], error: int) -> None:
        for numbers in table.values():
            on(numbers, [_answer(error)])

    answered(_DENIED, errno.EPERM)
    answered(_ABSENT, errno.ENOSYS)
    for numbers in _OF_SELF.values():
        on(numbers, _unless(0, (0,), errno.EPERM))
    for numbers, which in _PRIORITIES.values():
        on(numbers, [_argument(0), (_EQUAL, 1, 0, which), _answer(errno.EPERM), *_unless(1, (0,), errno.EPERM)])
    on(_CLONE, [_argument(0), (_ANY_BIT, 0, 1, _CLONE_NEW), _answer(errno.EPERM), _allow_it()])
    on(_MMAP, [_argument(3), (_AND, 0, 0, _SHARED_ANONYMOUS), *_if_loaded((_SHARED_ANONYMOUS,), errno.EPERM)])
    on(_IOCTL, _if(1, _REQUESTS, errno.EPERM))
    on(_FCNTL, _if(1, _OWNERS, errno.EPERM))
    on(_PRCTL, _if(0, (PR_SET_DUMPABLE,), errno.EPERM))
    buffers = _if(2, _BUFFERS, errno.EPERM)
    on(_SETSOCKOPT, [_argument(1), (_EQUAL, 0, len(buffers), _SOL_SOCKET), *buffers, _allow_it()])
    on(_SOCKETPAIR, _unless(0, _FAMILIES[:1], errno.EACCES))
    if view.namespaces:
        protocol = _unless(2, _PROTOCOLS, errno.EACCES)
        families = [(_EQUAL, len(_FAMILIES) - index, 0, each) for index, each in enumerate(_FAMILIES)]
        on(_SOCKET, [_argument(0), *families, _answer(errno.EACCES), *protocol])
    else:
        on(_SOCKET, [_answer(errno.EACCES)])
        on(_FALLOCATE, [_answer(errno.EOPNOTSUPP)])
        answered(_SHARED_FILES, errno.EPERM)
        answered(_TIMES, 0)
        if not guards_truncation(view.abi):
            on(_TRUNCATE, [_answer(errno.EPERM)])
    if view.owner:
        answered(_OWNED, errno.EPERM)
        answered(_RIGHTS, 0)
    if view.own is not None:
        group = (1 << 32) - view.own
        for name, numbers in _SIGNALS.items():
            # One's own group by its number or as 0; the rest of the user's processes are none of a program's business.
            mine = (view.own, group, 0) if name == "kill" else () if name == "pidfd_send_signal" else (view.own,)
            on(numbers, _unless(0, mine, errno.EPERM))
    program.append(_allow_it())
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _if(index: int, values: Tuple[int, ...], error: int) -> List[_Instruction]:
    """An error if an argument is one of these."""
    return [_argument(index), *_if_loaded(values, error)]


def _if_loaded(values: Tuple[int, ...], error: int) -> List[_Instruction]:
    tests = [(_EQUAL, len(values) - at, 0, each) for at, each in enumerate(values)]
    return [*tests, _allow_it(), _answer(error)]


def _unless(index: int, values: Tuple[int, ...], error: int) -> List[_Instruction]:
    """An error if an argument is none of these."""
    tests = [(_EQUAL, len(values) - at, 0, each) for at, each in enumerate(values)]
    return [_argument(index), *tests, _answer(error), _allow_it()]


def _answer(error: int) -> _Instruction:
    return _RETURN, 0, 0, _ERRNO | error


def _allow_it() -> _Instruction:
    return _RETURN, 0, 0, _ALLOW


def _argument(index: int) -> _Instruction:
    """Load the low half of an argument: the arguments that are looked at are ints of C."""
    return _LOAD, 0, 0, _ARGS + 8 * index


def filter_calls(program: bytes) -> None:
    """Live by a seccomp filter, from here on and with all descendants; no_new_privileges() comes first."""

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]

    told = Program(len(program) // 8, program)
    _checked(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(told), 0, 0), "seccomp")
