#!/usr/bin/env python3
"""Machines that do not let us: no io_uring, little locked memory, no privileges. The cause is named, and no row is lost."""
import ctypes
import os
import struct

from harness import (BIN, Skip, as_nobody, check, check_one_row_per_question, equal, loopback, main, make_names, run, test,
                     write_names, zonesweep)

EPERM, ENOSYS = 1, 38
IO_URING_SETUP, IO_URING_REGISTER = 425, 427


def deny(errno, first, last):
    """For before_exec: a seccomp filter under which the system calls first..last fail, as containers do it."""
    load, jump_ge, jump_gt, give = 0x20, 0x35, 0x25, 0x06  # BPF: ld word, jge, jgt, ret
    program = b"".join(struct.pack("HBBI", *step) for step in (
        (load, 0, 0, 0),  # the system call's number
        (jump_ge, 0, 2, first),
        (jump_gt, 1, 0, last),
        (give, 0, 0, 0x00050000 | errno),
        (give, 0, 0, 0x7FFF0000),
    ))

    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, filter_mode = 38, 22, 2

    def apply():
        if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, filter_mode, ctypes.byref(Filter(5, program)), 0, 0):
            os._exit(99)

    return apply


def refused(t, errno, *words):
    names = write_names(t.folder / "names.txt", ["a.example"])
    done = zonesweep("scan", names, "-r", "127.0.0.1:9", "-o", t.folder / "out", "--progress", "none", expect=None, limit=30,
                     before_exec=deny(errno, IO_URING_SETUP, IO_URING_REGISTER))
    if done.code == 99:
        raise Skip("may not install a seccomp filter here")
    equal(done.code, 3, f"exit code ({done.err})")
    equal(len(done.err.strip().splitlines()), 1, f"lines on stderr ({done.err!r})")
    check(any(word in done.err for word in words), f"none of {words} in {done.err!r}")
    check(not (t.folder / "out" / "_run.json").exists(), "a run was begun")


@test
def io_uring_denied_by_seccomp_exits_3_and_says_container(t):
    refused(t, EPERM, "seccomp", "sysctl" if open("/proc/sys/kernel/io_uring_disabled").read().strip() != "0" else "seccomp")


@test
def a_kernel_without_io_uring_exits_3_and_says_kernel(t):
    refused(t, ENOSYS, "kernel")


@test
def a_user_without_privileges_scans_with_the_usual_limits(t):
    names, server, (program, place) = make_names(20_000), loopback(t), as_nobody(t)
    done = run([*program, "scan", write_names(t.folder / "names.txt", names), "-r", server.address, "-o", place / "out", "--progress",
                "none"])
    equal(done.code, 0, f"exit code ({done.err})")
    equal(check_one_row_per_question(place / "out", names, ("A",)), len(names), "rows")


@test
def little_locked_memory_shrinks_the_rings_or_exits_3_with_the_limit_needed(t):
    if os.geteuid() != 0:
        raise Skip("changes the limits of another user: needs root")
    names, server = make_names(5_000), loopback(t)
    path = write_names(t.folder / "names.txt", names)
    for kib in (1024, 256, 64, 0):
        program, place = as_nobody(t, memlock=kib << 10)
        out = place / f"out-{kib}"
        done = run([*program, "scan", path, "-r", server.address, "-o", out, "--progress", "none"])
        if done.code == 3:
            check("ulimit -l" in done.err or "memlock" in done.err, done.err)
            t.note(f"{kib} KiB: {done.err.strip()}")
            continue
        equal(done.code, 0, f"exit code with {kib} KiB ({done.err})")
        equal(check_one_row_per_question(out, names, ("A",)), len(names), "rows")


@test
def signals_in_the_middle_of_system_calls_are_not_noticed(t):
    """EINTR on every few calls of io_uring_enter."""
    names, server = make_names(3_000), loopback(t)
    path, out = write_names(t.folder / "names.txt", names), t.folder / "out"
    traced = ["strace", "-f", "-o", "/dev/null", "-e", "trace=io_uring_enter", "-e"]
    probe = run([*traced, "inject=io_uring_enter:error=EINTR:when=3+5", "true"])
    if probe.code != 0:
        raise Skip(f"strace does not work here: {probe.err.strip()}")
    for number, fault in enumerate(("EINTR:when=3+5", "EAGAIN:when=5+7", "EBUSY:when=6+9")):
        done = run([*traced, f"inject=io_uring_enter:error={fault}", BIN, "scan", path, "-r", server.address, "-o", f"{out}{number}",
                    "--progress", "none"], 120)
        equal(done.code, 0, f"exit code under {fault} ({done.err})")
        equal(check_one_row_per_question(f"{out}{number}", names, ("A",)), len(names), "rows")


if __name__ == "__main__":
    main()
