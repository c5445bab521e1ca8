"""The seccomp programs, interpreted here call by call, and the kernel's own answers, in processes of their own."""

from __future__ import annotations

import errno
import os
import re
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.scripted import every_interpreter
from tracegen.payload import confine
from tracegen.payload.confine import View

MACHINES = ("x86_64", "aarch64")
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {
    "x86_64": (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), r"#define __NR_(\w+)\s+(\d+)"),
    "aarch64": (Path("/usr/include/asm-generic/unistd.h"), r"#define __NR(?:3264)?_(\w+)\s+(\d+)"),
}
TABLES: tuple[Mapping[str, tuple[int | None, int | None]], ...] = (
    confine._DENIED,
    confine._ABSENT,
    confine._SHARED_FILES,
    confine._TIMES,
    confine._OWNED,
    confine._RIGHTS,
    confine._OF_SELF,
    confine._SIGNALS,
    {name: numbers for name, (numbers, _) in confine._PRIORITIES.items()},
    {
        "clone": confine._CLONE,
        "socket": confine._SOCKET,
        "socketpair": confine._SOCKETPAIR,
        "ioctl": confine._IOCTL,
        "fcntl": confine._FCNTL,
        "mmap": confine._MMAP,
        "prctl": confine._PRCTL,
        "setsockopt": confine._SETSOCKOPT,
        "fallocate": confine._FALLOCATE,
        "truncate": confine._TRUNCATE,
    },
)
NUMBERS = {name: numbers for table in TABLES for name, numbers in table.items()}
NAMESPACES = View(namespaces=True, abi=7)
IN_SIGHT = View(namespaces=False, abi=7)
OWNER = View(namespaces=False, owner=True, abi=7)

ALLOWED, KILLED = "allowed", "killed"


def answer(program: bytes, machine: str, number: int, *args: int, audit: int | None = None) -> str | int:
    """What a classic BPF program says of a call: `ALLOWED`, `KILLED`, or an error number.

    Only the instructions that seccomp's programs here consist of; anything else is an error of this test.
    """
    padded = (*args, *[0] * (6 - len(args)))
    values = [each & (1 << 64) - 1 for each in padded]
    data = struct.pack("=IIQ6Q", number, AUDIT[machine] if audit is None else audit, 0, *values)
    instructions = list(struct.iter_unpack("=HBBI", program))
    at = value = 0
    while True:
        code, if_true, if_false, operand = instructions[at]
        at += 1
        if code == 0x20:
            [value] = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            value &= operand
        elif code in (0x15, 0x35, 0x45):
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += if_true if holds else if_false
        elif code == 0x06:
            kind = operand & 0xFFFF0000
            return int(operand & 0xFFFF) if kind == 0x00050000 else {0x7FFF0000: ALLOWED, 0x80000000: KILLED}[kind]
        else:
            raise AssertionError(f"instruction {at - 1}: {code:#x}")


def column(machine: str) -> int:
    return MACHINES.index(machine)


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(machine: str, view: View, name: str, *args: int) -> str | int:
    number = NUMBERS[name][column(machine)]
    assert number is not None
    return answer(confine.filter_of(machine, view), machine, number, *args)


def test_the_numbers_are_those_of_the_kernels_headers(machine: str) -> None:
    path, pattern = HEADERS[machine]
    if not path.exists():
        pytest.skip(f"there is no {path}")
    known = {name: int(number) for name, number in re.findall(pattern, path.read_text(encoding="ascii"))}
    older = {name for name in NUMBERS if name not in known}
    # What the header is too old for has one number on all machines.
    for name in older:
        own = NUMBERS[name][column(machine)]
        assert own is None or own >= 424, name
    assert {name: known[name] for name in NUMBERS if name not in older} == {
        name: numbers[column(machine)] for name, numbers in NUMBERS.items() if name not in older
    }


def test_no_call_is_in_two_tables() -> None:
    assert sum(map(len, TABLES)) == len(NUMBERS)


@pytest.mark.parametrize("view", [NAMESPACES, IN_SIGHT, OWNER], ids=["namespaces", "in sight", "owner"])
def test_every_number_gets_the_answer_of_its_table(machine: str, view: View) -> None:
    program = confine.filter_of(machine, view)
    at = column(machine)
    wanted: dict[int | None, str | int] = {}
    for table, error in ((confine._DENIED, errno.EPERM), (confine._ABSENT, errno.ENOSYS)):
        wanted |= {numbers[at]: error for numbers in table.values()}
    if not view.namespaces:
        wanted |= {numbers[at]: errno.EPERM for numbers in confine._SHARED_FILES.values()}
        wanted |= {numbers[at]: 0 for numbers in confine._TIMES.values()}
        wanted |= {confine._FALLOCATE[at]: errno.EOPNOTSUPP}
    if view.owner:
        wanted |= {numbers[at]: errno.EPERM for numbers in confine._OWNED.values()}
        wanted |= {numbers[at]: 0 for numbers in confine._RIGHTS.values()}
    # By their arguments, which are 0 here: of oneself; no family; not shared.
    wanted |= {confine._SOCKET[at]: errno.EACCES, confine._SOCKETPAIR[at]: errno.EACCES}
    for name, (numbers, which) in confine._PRIORITIES.items():
        wanted[numbers[at]] = ALLOWED if which == 0 else errno.EPERM
        assert name
    for number in range(confine._NEWEST):
        assert answer(program, machine, number) == wanted.get(number, ALLOWED), number


def test_calls_that_are_younger_than_the_table_and_those_of_x32_are_absent(machine: str) -> None:
    program = confine.filter_of(machine, NAMESPACES)
    for number in (confine._NEWEST, confine._NEWEST + 1, 512, 547, 0x40000000, 0x40000000 + 59, 0xFFFFFFFF):
        assert answer(program, machine, number) == errno.ENOSYS


@pytest.mark.parametrize("audit", [0x40000003, 0x40000028, 0, 0xC00000B7 ^ 1])
def test_another_architectures_calls_kill(machine: str, audit: int) -> None:
    program = confine.filter_of(machine, NAMESPACES)
    assert {answer(program, machine, number, audit=audit) for number in range(600)} == {KILLED}


def test_a_machine_that_is_not_known_is_refused() -> None:
    with pytest.raises(confine.Unconfined, match="no table of system calls for riscv64"):
        confine.filter_of("riscv64", NAMESPACES)


def test_only_plain_clones_are_allowed(machine: str) -> None:
    assert ask(machine, NAMESPACES, "clone", 17) == ALLOWED
    assert ask(machine, NAMESPACES, "clone", 0x3D0F00) == ALLOWED  # a thread
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask(machine, NAMESPACES, "clone", flag | 17) == errno.EPERM


def test_sockets_are_unix_and_internet_ones_where_the_network_is_ones_own(machine: str) -> None:
    for family in (1, 2, 10):
        assert ask(machine, NAMESPACES, "socket", family, 1, 0) == ALLOWED
        assert ask(machine, IN_SIGHT, "socket", family, 1, 0) == errno.EACCES
    assert ask(machine, NAMESPACES, "socket", 2, 1, 6) == ALLOWED
    for family, protocol in ((2, 132), (2, 1), (10, 58), (2, 262)):
        assert ask(machine, NAMESPACES, "socket", family, 1, protocol) == errno.EACCES
    for family in (0, 16, 17, 38, 40, 44):
        assert ask(machine, NAMESPACES, "socket", family, 1, 0) == errno.EACCES
    assert ask(machine, IN_SIGHT, "socketpair", 1, 1, 0) == ALLOWED


def test_memory_that_nobody_counts_cannot_be_had(machine: str) -> None:
    assert ask(machine, NAMESPACES, "mmap", 0, 4096, 3, 0x22) == ALLOWED
    assert ask(machine, NAMESPACES, "mmap", 0, 4096, 3, 0x01) == ALLOWED
    for flags in (0x21, 0x23, 0x8021):
        assert ask(machine, NAMESPACES, "mmap", 0, 4096, 3, flags) == errno.EPERM
    for option in (7, 8, 32, 33):
        assert ask(machine, NAMESPACES, "setsockopt", 3, 1, option) == errno.EPERM
    assert ask(machine, NAMESPACES, "setsockopt", 3, 1, 2) == ALLOWED
    assert ask(machine, NAMESPACES, "setsockopt", 3, 6, 7) == ALLOWED


def test_others_are_not_reached_by_their_number(machine: str) -> None:
    for name in confine._OF_SELF:
        assert (ask(machine, NAMESPACES, name, 0), ask(machine, NAMESPACES, name, 1)) == (ALLOWED, errno.EPERM)
    assert ask(machine, NAMESPACES, "setpriority", 0, 0) == ALLOWED
    for args in ((0, 1), (1, 0), (2, 0)):
        assert ask(machine, NAMESPACES, "setpriority", *args) == errno.EPERM
    assert (ask(machine, NAMESPACES, "ioprio_set", 1, 0), ask(machine, NAMESPACES, "ioprio_set", 3, 0)) == (ALLOWED, 1)
    for command in (8, 15):
        assert ask(machine, NAMESPACES, "fcntl", 3, command) == errno.EPERM
    assert ask(machine, NAMESPACES, "fcntl", 3, 1) == ALLOWED
    for request in (0x5412, 0x541C, 0x8901, 0x8902):
        assert ask(machine, NAMESPACES, "ioctl", 0, request) == errno.EPERM
    assert ask(machine, NAMESPACES, "ioctl", 0, 0x5401) == ALLOWED
    assert (ask(machine, NAMESPACES, "prctl", 4), ask(machine, NAMESPACES, "prctl", 15)) == (errno.EPERM, ALLOWED)


def test_without_scopes_signals_go_to_oneself_only(machine: str) -> None:
    own = View(namespaces=False, abi=5, own=1234)
    for pid in (1234, -1234, 0):
        assert ask(machine, own, "kill", pid) == ALLOWED
    for pid in (1, -1, 4321, -4321):
        assert ask(machine, own, "kill", pid) == errno.EPERM
    for name in ("tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        assert (ask(machine, own, name, 1234), ask(machine, own, name, 1)) == (ALLOWED, errno.EPERM)
    assert ask(machine, own, "pidfd_send_signal", 1234) == errno.EPERM
    assert ask(machine, IN_SIGHT, "kill", 1) == ALLOWED


@pytest.mark.parametrize(("abi", "wanted"), [(1, errno.EPERM), (2, errno.EPERM), (3, ALLOWED), (7, ALLOWED)])
def test_truncation_is_denied_where_landlock_does_not_know_it(machine: str, abi: int, wanted: str | int) -> None:
    assert ask(machine, View(namespaces=False, abi=abi), "truncate") == wanted


IN_A_PROCESS = """
import os, sys, types
sys.path.insert(0, {folder!r})
import confine
{body}
"""


def confined(python: str, body: str) -> str:
    """What a program prints in a process that may take its own rights away."""
    source = IN_A_PROCESS.format(folder=str(Path(confine.__file__).parent), body=body)
    done = subprocess.run([python, "-I", "-c", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not confine.landlock_abi(), reason="the kernel has no Landlock")
def test_a_ruleset_lets_read_what_it_names_and_write_what_it_names(tmp_path: Path) -> None:
    for name in ("reads", "writes", "neither"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x", encoding="ascii")
    body = f"""
base = {str(tmp_path)!r}
rules = confine.ruleset(["/usr", "/lib", "/lib64", base + "/reads"], [base + "/writes", "/no/such/folder"],
                        confine.landlock_abi(), tcp=False)
confine.no_new_privileges()
confine.restrict(rules)
for name in ("reads", "writes", "neither"):
    for mode in ("r", "r+", "x"):
        path = "{{}}/{{}}/{{}}".format(base, name, "new" if mode == "x" else "file")
        try:
            open(path, mode).close()
        except PermissionError:
            print(name, mode)
"""
    assert confined(sys.executable, body).splitlines() == [
        "reads r+",
        "reads x",
        "neither r",
        "neither r+",
        "neither x",
    ]


@every_interpreter
def test_the_kernel_takes_the_filter_and_an_honest_program_goes_on(python: str) -> None:
    body = """
import mmap, subprocess, threading
confine.no_new_privileges()
confine.filter_calls(confine.filter_of(os.uname().machine, confine.View(namespaces=True)))
try:
    mmap.mmap(-1, 4096)
except PermissionError:
    print("no shared memory")
mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
thread = threading.Thread(target=print, args=("a thread",))
thread.start()
thread.join()
print(subprocess.run(["/bin/echo", "a child"], stdout=subprocess.PIPE).stdout.decode(), end="")
child = subprocess.Popen(["/bin/sleep", "60"])
child.terminate()
print(child.wait())
"""
    assert confined(python, body).splitlines() == ["no shared memory", "a thread", "a child", "-15"]


def test_limits_are_set_for_good() -> None:
    body = """
import resource
confine.cap(confine.Caps(memory=1 << 30, file_bytes=1 << 20, processes=99, open_files=32, seconds=7))
for name in ("AS", "FSIZE", "NOFILE", "CPU", "CORE", "MEMLOCK", "MSGQUEUE"):
    print(name, *resource.getrlimit(getattr(resource, "RLIMIT_" + name, 12)))
"""
    said = dict(line.split(" ", 1) for line in confined(sys.executable, body).splitlines())
    assert said["AS"] == f"{1 << 30} {1 << 30}"
    assert (said["FSIZE"], said["NOFILE"], said["CPU"]) == ("1048576 1048576", "32 32", "7 7")
    # 1 keeps the machine's crash reporter from being started: see coredump.c.
    assert said["CORE"] == "1 1"


def test_landlocks_version_is_what_the_kernel_says() -> None:
    assert 0 <= confine.landlock_abi() < 100
    assert confine.scopes_signals(6) and not confine.scopes_signals(5)
    assert os.uname().sysname == "Linux"
