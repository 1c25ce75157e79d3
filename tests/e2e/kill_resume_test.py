#!/usr/bin/env python3
"""Killed at random moments and restarted at once, on a bad network: the rows are exact, and little is asked twice."""
import os
import random
import signal
import time

from harness import (Program, Skip, World, as_nobody, asked, check, equal, loopback, main, make_names, run, start, stop, test,
                     write_names, zonesweep)

FLUSH_SECONDS = 0.5
# A question whose last try was asked so long before the kill had its outcome, whatever the network did to it: the longest
# retry timeout, and a little for the machine.
TRY_SECONDS = 1.0
SLACK_SECONDS = 1.0


@test
def killed_again_and_again_the_rows_are_exact(t):
    rounds, rate, mean_seconds = (200, 8_000, 1.5) if t.long else (25, 6_000, 1.2)
    names = make_names(int(rounds * rate * mean_seconds / 2 * 0.9), suffix="kill.example")
    path = write_names(t.folder / "names.txt", names)
    log = t.folder / "asked.log"
    server = loopback(t, "--exists", 100, "--loss", 5, "--dup", 5, "--badid", 2, "--log", log)
    program, place = as_nobody(t)
    out = place / "out"
    command = [*program, "scan", path, "-t", "A,MX", "-r", server.address, "-o", out, "--tries", 12, "--timeout", f"{TRY_SECONDS}s",
               "--deadline", "30s", "--flush-interval", f"{FLUSH_SECONDS}s", "--rows-per-shard", 4_000, "--progress", "none",
               "--resume"]
    chance = random.Random(20)
    kills = []
    while len(kills) < rounds:
        running = Program([*command, "--rate", rate])
        time.sleep(chance.uniform(0.02, 2 * mean_seconds))
        if not running.running():
            done = running.wait()
            check(done.code == 0, f"start {len(kills) + 1} ended with exit code {done.code}: {done.err}")
            break
        kills.append(time.monotonic())
        running.process.kill()
        check(running.wait(10).code == -signal.SIGKILL, "it was gone before the kill:", running.err())
    check(len(kills) >= rounds * 0.7, "only", len(kills), "kills before the work was done")
    final = run(command, 600)
    equal(final.code, 0, f"exit code of the last start ({final.err})")
    t.note(f"{len(names)} names, {len(kills)} kills")
    zonesweep("shards", "verify", out)
    World(exists=100).check(out, names, ("A", "MX"))
    stop(server.process)
    check_little_was_asked_again(t, log, kills)


def check_little_was_asked_again(t, log, kills):
    """Nothing that had its outcome a flush interval before a kill is asked after it."""
    last_asked, again, too_old, kill_index = {}, 0, [], 0
    for seconds, name, kind in asked(log):
        while kill_index < len(kills) and seconds > kills[kill_index]:
            kill_index += 1
        before = last_asked.get((name, kind))
        if before is not None and before[1] != kill_index:  # asked in an earlier round, too
            again += 1
            age = kills[before[1]] - before[0]
            if age > FLUSH_SECONDS + TRY_SECONDS + SLACK_SECONDS:
                too_old.append(f"{name} {kind} was asked {age:.2f} s before kill {before[1]}")
        last_asked[name, kind] = (seconds, kill_index)
    t.note(f"{len(last_asked)} questions, {again} asked again after a kill ({again / max(1, len(kills)):.0f} a kill)")
    check(not too_old, len(too_old), "questions were asked again although they were done:", *too_old[:5])


@test
def a_hundred_immediate_restarts_all_start(t):
    """The kernel tears the killed predecessor's rings down late; a user without privileges feels it in his locked memory."""
    names = make_names(400_000)
    path = write_names(t.folder / "names.txt", names)
    server, (program, place) = loopback(t), as_nobody(t)
    out = place / "out"
    chance = random.Random(7)
    for number in range(100 if t.long else 30):
        running = Program([*program, "scan", path, "-r", server.address, "-o", out, "--rate", 2000, "--progress", "none",
                                 "--resume"])
        time.sleep(chance.uniform(0.03, 0.25))
        check(running.running(), f"start {number} ended: {running.err()}")
        running.process.kill()
        running.wait(10)


def begin(t, names, server, *options):
    """A run in the middle of its work."""
    path = write_names(t.folder / "names.txt", names)
    running = start("scan", path, "-t", "A", "-r", server.address, "-o", t.folder / "out", "--rate", 3000, "--rows-per-shard",
                    2000, "--flush-interval", "200ms", "--progress", "none", *options)
    time.sleep(1.5)
    check(running.running(), "it ended:", running.err())
    return running, path


def one_line(done, code, *words):
    equal(done.code, code, f"exit code ({done.err})")
    equal(len(done.err.strip().splitlines()), 1, f"lines on stderr ({done.err!r})")
    for word in words:
        check(word in done.err, f"{word!r} is not in {done.err!r}")


@test
def a_second_process_on_the_folder_exits_6_and_harms_nothing(t):
    names, server = make_names(30_000), loopback(t, "--exists", 100)
    running, path = begin(t, names, server)
    for options in ([], ["--resume"]):
        began = time.monotonic()
        second = zonesweep("scan", path, "-t", "A", "-r", server.address, "-o", t.folder / "out", "--rows-per-shard", 2000, "--progress",
                           "none", *options, expect=None)
        one_line(second, 6, "out")
        check(time.monotonic() - began < 4, "it took its time")
    equal(running.wait(60).code, 0, "exit code of the first")
    World(exists=100).check(t.folder / "out", names, ("A",))


@test
def another_input_or_option_exits_7_and_harms_nothing(t):
    names, server = make_names(20_000), loopback(t, "--exists", 100)
    running, path = begin(t, names, server)
    running.process.kill()
    running.wait(10)
    common = ["-r", server.address, "-o", t.folder / "out", "--resume", "--progress", "none"]
    other = write_names(t.folder / "other.txt", ["intruder.example", *names[1:]])
    one_line(zonesweep("scan", other, "-t", "A", "--rows-per-shard", 2000, *common, expect=None), 7)
    late = write_names(t.folder / "late.txt", [*names[:100], "intruder.example", *names[101:]])
    one_line(zonesweep("scan", late, "-t", "A", "--rows-per-shard", 2000, *common, expect=None), 7)
    one_line(zonesweep("scan", path, "-t", "A,MX", "--rows-per-shard", 2000, *common, expect=None), 7)
    one_line(zonesweep("scan", path, "-t", "A", "--rows-per-shard", 1000, *common, expect=None), 7)
    one_line(zonesweep("scan", path, "-t", "A", "--rows-per-shard", 2000, "--compress", "gzip", *common, expect=None), 7)
    zonesweep("scan", path, "-t", "A", "--rows-per-shard", 2000, "--lanes", 1, "--window", 50, *common)  # rows do not depend on these
    World(exists=100).check(t.folder / "out", names, ("A",))
    zonesweep("shards", "verify", t.folder / "out")


@test
def a_finished_run_resumes_to_itself(t):
    names, server = make_names(5_000), loopback(t, "--exists", 100)
    command = ["scan", write_names(t.folder / "names.txt", names), "-r", server.address, "-o", t.folder / "out", "--rows-per-shard",
               2000]
    zonesweep(*command)
    before = {path.name: path.read_bytes() for path in (t.folder / "out" / "dns").iterdir()}
    zonesweep(*command, "--resume")
    equal({path.name: path.read_bytes() for path in (t.folder / "out" / "dns").iterdir()} == before, True, "shards are as they were")


@test
def a_full_disk_exits_5_and_resumes_after_it_grew(t):
    disk = t.folder / "disk"
    disk.mkdir()
    if run(["mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", disk]).code != 0:
        raise Skip("may not mount a tmpfs here")
    t.finally_do(lambda: run(["umount", "-l", disk]))
    names, server = make_names(150_000), loopback(t, "--exists", 100)
    command = ["scan", write_names(t.folder / "names.txt", names), "-t", "A,MX", "-r", server.address, "-o", disk / "out",
               "--rows-per-shard", 20_000, "--flush-interval", "1s", "--progress", "none"]
    one_line(zonesweep(*command, expect=None), 5, "resume")
    for path in (disk / "out" / "dns").glob("part-*"):
        check(path.stat().st_size > 0, "an empty shard has a final name:", path)
    one_line(zonesweep(*command, "--resume", expect=None), 5)  # still full
    equal(run(["mount", "-o", "remount,size=128M", disk]).code, 0, "remount")
    zonesweep(*command, "--resume")
    World(exists=100).check(disk / "out", names, ("A", "MX"))
    zonesweep("shards", "verify", disk / "out")


@test
def damage_in_committed_files_exits_7_or_is_found_by_verify(t):
    names, server = make_names(9_000), loopback(t, "--exists", 100)
    running, path = begin(t, names, server)
    running.process.kill()
    running.wait(10)
    out = t.folder / "out"
    manifest = out / "_manifest.ndjson"
    good = manifest.read_bytes()
    check(good.count(b"\n") >= 1, "nothing was committed yet")
    manifest.write_bytes(good.replace(b'"names":2000', b'"names":2001', 1))
    check(manifest.read_bytes() != good, "the manifest has no member names")
    done = zonesweep("scan", path, "-t", "A", "-r", server.address, "-o", out, "--rows-per-shard", 2000, "--resume", "--progress",
                     "none", expect=None)
    one_line(done, 7)
    manifest.write_bytes(good)
    zonesweep("scan", path, "-t", "A", "-r", server.address, "-o", out, "--rows-per-shard", 2000, "--resume", "--progress", "none")
    World(exists=100).check(out, names, ("A",))


if __name__ == "__main__":
    main()
