#!/usr/bin/env python3
"""Interrupted, suspended, or with nobody listening: the run ends truthfully and goes on exactly."""
import os
import re
import signal
import subprocess
import time

from harness import (BIN, check, check_one_row_per_question, equal, loopback, main, make_names, rows, spawn, start, statuses,
                     test, write_names, zonesweep)

RATE = 4_000  # questions per second: slow enough to be in the middle of things


def slow_scan(t, names, server, *options):
    return start("scan", write_names(t.folder / "names.txt", names), "-r", server.address, "-o", t.folder / "out",
                 "--rate", RATE, "--rows-per-shard", 5000, "--progress", "none", *options)


def resume(t, server, *options):
    return zonesweep("scan", t.folder / "names.txt", "-r", server.address, "-o", t.folder / "out", "--rows-per-shard", 5000,
                     "--resume", *options)


@test
def sigint_drains_says_how_to_resume_and_resumes_exactly(t):
    names, server = make_names(16_000), loopback(t, "--exists", 100)
    running = slow_scan(t, names, server)
    time.sleep(1.5)
    asked = time.monotonic()
    running.signal(signal.SIGINT)
    done = running.wait(10)
    check(time.monotonic() - asked < 6, "draining took", time.monotonic() - asked)
    equal(done.code, 130, "exit code")
    check("--resume" in done.err, "it does not say how to go on:", done.err)
    check(not (t.folder / "out" / "_SUCCESS").exists(), "it looks finished")
    resume(t, server)
    equal(check_one_row_per_question(t.folder / "out", names, ("A",)), len(names), "rows")
    equal(statuses(t.folder / "out"), {"NOERROR": len(names)}, "statuses")
    zonesweep("shards", "verify", t.folder / "out")


@test
def sigterm_exits_143_and_resumes_exactly(t):
    names, server = make_names(12_000), loopback(t, "--exists", 100)
    running = slow_scan(t, names, server)
    time.sleep(1.2)
    running.signal(signal.SIGTERM)
    equal(running.wait(10).code, 143, "exit code")
    resume(t, server)
    equal(check_one_row_per_question(t.folder / "out", names, ("A",)), len(names), "rows")


@test
def a_second_sigint_stops_at_once(t):
    names, server = make_names(20_000), loopback(t, "--exists", 100, "--delay", "1500ms")
    running = slow_scan(t, names, server, "--timeout", "4s")
    time.sleep(3)  # a start waits until a resolver has answered
    running.signal(signal.SIGINT)
    time.sleep(0.3)
    check(running.running(), "it did not wait for what was in flight")
    asked = time.monotonic()
    running.signal(signal.SIGINT)
    done = running.wait(10)
    check(time.monotonic() - asked < 1, "stopping took", time.monotonic() - asked)
    equal(done.code, 130, "exit code")


@test
def a_suspended_run_finds_its_answers_before_its_timeouts(t):
    names, server = make_names(14_000), loopback(t, "--exists", 100)
    running = slow_scan(t, names, server)
    time.sleep(1.2)
    running.signal(signal.SIGSTOP)
    time.sleep(6)
    running.signal(signal.SIGCONT)
    equal(running.wait(60).code, 0, "exit code")
    found = statuses(t.folder / "out")
    check(found["TIMEOUT"] <= len(names) // 1000, "timeouts after SIGCONT:", found)
    equal(sum(found.values()), len(names), "rows")
    again = sum(row.get("tries", 1) > 1 for row in rows(t.folder / "out"))
    check(again <= len(names) // 100, again, "rows needed another try")


@test
def a_reader_that_goes_away_ends_the_run_quietly(t):
    names, server = write_names(t.folder / "names.txt", make_names(200_000)), loopback(t)
    command = f"{BIN} scan {names} -r {server.address} -o - --progress none | head -n 1; exit ${{PIPESTATUS[0]}}"
    process = spawn(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    check(process.returncode in (0, 141), "exit code", process.returncode, err)
    check(out.startswith(b"{") and out.count(b"\n") == 1, "the one row:", out[:200])
    equal(err, b"", "stderr")


@test
def rows_to_a_full_device_exit_5(t):
    names, server = write_names(t.folder / "names.txt", make_names(50_000)), loopback(t)
    with open("/dev/full", "wb") as full:
        process = spawn([BIN, "scan", names, "-r", server.address, "-o", "-", "--progress", "none"], stdout=full,
                        stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    equal(process.returncode, 5, "exit code")
    equal(len(err.strip().splitlines()), 1, f"lines on stderr ({err!r})")


@test
def rows_to_a_pipe_are_plain_and_complete(t):
    names, server = make_names(20_000), loopback(t)
    done = zonesweep("scan", write_names(t.folder / "names.txt", names), "-r", server.address, "-o", "-", "--progress", "none")
    found = sorted(int(re.search(r'"seq":(\d+)', line).group(1)) for line in done.out.splitlines())
    equal(found, list(range(len(names))), "seqs")


@test
def names_from_stdin_are_scanned(t):
    names, server = make_names(5_000), loopback(t)
    path = write_names(t.folder / "names.txt", names)
    with open(path, "rb") as stdin:
        zonesweep("scan", "-", "-r", server.address, "-o", t.folder / "out", stdin=stdin)
    equal(check_one_row_per_question(t.folder / "out", names, ("A",)), len(names), "rows")


@test
def standard_error_that_is_closed_or_full_harms_nothing(t):
    names, server = make_names(3_000), loopback(t)
    path = write_names(t.folder / "names.txt", names)
    full = lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
    for number, harm in enumerate((lambda: os.close(2), lambda: os.closerange(0, 3), full)):
        out = t.folder / f"out{number}"
        zonesweep("scan", path, "-r", server.address, "-o", out, "--rate", 2000, "--progress", "json", before_exec=harm)
        equal(check_one_row_per_question(out, names, ("A",)), len(names), "rows")


if __name__ == "__main__":
    main()
