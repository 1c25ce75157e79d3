#!/usr/bin/env python3
"""Whatever is wrong before or around a run ends in its fixed exit code and one clear line."""
import gzip
import os
import resource
import socket

from harness import (BIN, Skip, check, check_one_row_per_question, equal, free_port, loopback, main, make_names, run,
                     test, write_names, zonesweep)


def fails(arguments, code, *words, **options):
    """zonesweep ends with `code`, and says so in exactly one line that has all of `words`."""
    done = zonesweep(*arguments, "--progress", "none", expect=code, limit=60, **options)
    lines = done.err.strip().splitlines()
    equal(len(lines), 1, f"lines on stderr ({done.err.strip()!r})")
    for word in words:
        check(word.lower() in lines[0].lower(), f"{word!r} is not in {lines[0]!r}")
    check(done.out == "", "stdout:", done.out[:200])
    return lines[0]


def scan(t, *arguments, server="127.0.0.1:9"):
    return ["scan", *arguments, "-r", server, "-o", t.folder / "out"]


@test
def no_such_file_exits_4(t):
    fails(scan(t, t.folder / "absent.txt"), 4, "absent.txt")
    check(not (t.folder / "out" / "_run.json").exists(), "a run was begun")


@test
def a_directory_as_input_exits_4(t):
    fails(scan(t, t.folder), 4, str(t.folder), "directory")


@test
def an_unreadable_file_exits_4(t):
    if os.geteuid() == 0:
        raise Skip("root reads everything")
    path = write_names(t.folder / "secret.txt", ["a.example"])
    path.chmod(0)
    fails(scan(t, path), 4, "secret.txt")


@test
def a_truncated_gzip_exits_4_and_keeps_the_rows_before(t):
    names = make_names(50_000)
    whole = gzip.compress("".join(f"{name}\n" for name in names).encode())
    path = t.folder / "names.txt.gz"
    path.write_bytes(whole[:len(whole) // 2])
    fails(scan(t, path, server=loopback(t).address), 4, "names.txt.gz")
    check((t.folder / "out").is_dir() and not (t.folder / "out" / "_SUCCESS").exists(), "it must not look finished")


@test
def a_corrupt_zstd_exits_4(t):
    path = t.folder / "names.txt.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(range(7, 250)))
    fails(scan(t, path, server=loopback(t).address), 4, "names.txt.zst")


@test
def a_binary_file_exits_4(t):
    path = t.folder / "program"
    path.write_bytes(open(BIN, "rb").read(200_000))
    fails(scan(t, path, server=loopback(t).address), 4, "program")


@test
def an_unknown_type_exits_2(t):
    path = write_names(t.folder / "names.txt", ["a.example"])
    fails(scan(t, path, "-t", "A,BOGUS"), 2, "BOGUS")


@test
def unknown_options_and_values_exit_2(t):
    path = write_names(t.folder / "names.txt", ["a.example"])
    fails(scan(t, path, "--colour"), 2, "--colour")
    fails(scan(t, path, "--timeout", "fast"), 2, "fast")
    fails(scan(t, path, "--split", "3/3"), 2, "split")
    fails(scan(t, path, "--compress", "squash"), 2, "squash", "zstd, gzip, none")
    fails(["scan", path, "-r", "127.0.0.1:99999", "-o", t.folder / "out"], 2, "99999")
    fails(["scan", path, "-r", "127.0.0.1"], 2, "-o")


@test
def no_resolver_alive_exits_3(t):
    path = write_names(t.folder / "names.txt", make_names(100))
    fails(scan(t, path, server=f"127.0.0.1:{free_port()}"), 3, "127.0.0.1")  # closed port: ICMP says so
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:  # open, and never answers
        mute.bind(("127.0.0.1", 0))
        fails(["scan", path, "-r", f"127.0.0.1:{mute.getsockname()[1]}", "-o", t.folder / "out2"], 3, "127.0.0.1")


@test
def one_dead_resolver_beside_a_living_one_costs_no_row(t):
    names = make_names(2_000)
    path = write_names(t.folder / "names.txt", names)
    out = t.folder / "out"
    zonesweep("scan", path, "-r", f"127.0.0.1:{free_port()}", "-r", loopback(t, "--exists", 100).address, "-o", out)
    equal(check_one_row_per_question(out, names, ("A",)), len(names), "rows")


@test
def a_folder_that_is_not_empty_exits_2(t):
    path = write_names(t.folder / "names.txt", ["a.example"])
    (t.folder / "out").mkdir()
    (t.folder / "out" / "precious.txt").write_text("mine")
    fails(scan(t, path, server=loopback(t).address), 2, "out", "empty")
    equal((t.folder / "out" / "precious.txt").read_text(), "mine", "the file that was there")


@test
def a_file_as_output_folder_exits_5_or_2(t):
    path = write_names(t.folder / "names.txt", ["a.example"])
    (t.folder / "out").write_text("a file")
    done = zonesweep(*scan(t, path, server=loopback(t).address), expect=None, limit=60)
    check(done.code in (2, 5), "exit code", done.code)
    equal((t.folder / "out").read_text(), "a file", "the file that was there")


@test
def a_read_only_folder_exits_5(t):
    path = write_names(t.folder / "names.txt", ["a.example"])
    place = t.folder / "ro"
    place.mkdir()
    if os.geteuid() == 0:  # permissions do not stop root; a read-only mount does
        if run(["mount", "-t", "tmpfs", "-o", "ro,size=1M", "tmpfs", place]).code != 0:
            raise Skip("may not mount a read-only file system here")
        t.finally_do(lambda: run(["umount", place]))
    else:
        place.chmod(0o555)
    fails(["scan", path, "-r", loopback(t).address, "-o", place / "out"], 5, "read-only" if os.geteuid() == 0 else "denied")
    fails(["scan", path, "-r", loopback(t).address, "-o", place], 5)


@test
def sixty_four_descriptors_are_enough_or_exit_3_names_the_number(t):
    names = make_names(5_000)
    path = write_names(t.folder / "names.txt", names)
    out = t.folder / "out"
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    done = zonesweep("scan", path, "-r", loopback(t, "--exists", 100).address, "-o", out, expect=None, before_exec=few)
    if done.code == 3:
        check("ulimit -n" in done.err or "descriptors" in done.err, done.err)
        equal(len(done.err.strip().splitlines()), 1, "lines on stderr")
    else:
        equal(done.code, 0, "exit code")
        equal(check_one_row_per_question(out, names, ("A",)), len(names), "rows")


if __name__ == "__main__":
    main()
