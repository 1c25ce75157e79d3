#!/usr/bin/env python3
"""Registration scans that are killed, interrupted and resumed: exact rows, little asked twice, promises to servers kept."""
import os
import random
import signal
import subprocess
import time

from harness import World, check, equal, main, test, write_names, zonesweep
from registration_world import RegistrationWorld, differences, one_row_each

FLUSH_SECONDS = 0.5
SLACK_SECONDS = 1.5  # for the machine, and for what is under way


def mixed(zones, each):
    names = [f"name{i}.{zone}" for zone in zones for i in range(each)]
    random.Random(4).shuffle(names)
    return names


def asked_again(servers):
    return sum(counts["requests"] - counts["names"] for hosts in servers.values() for counts in hosts.values())


def check_as_the_world_has_it(world, out, names):
    found = one_row_each(out, names)
    for name, expected in world.expected(names, "registration").items():
        wrong = differences(expected, found[name])
        check(not wrong, name, wrong, "in", found[name])
    World().check(out, names, ("A",))
    zonesweep("shards", "verify", out)


@test
def killed_again_and_again_the_rows_are_exact(t):
    rounds, mean_seconds, rate = (100, 1.5, 30) if t.long else (12, 1.2, 30)
    zones = [f"{kind}{i}" for kind in "wrb" for i in range(20)]
    per_second = rate * len(zones)
    names = mixed(zones, int(rounds * mean_seconds * rate * 0.9))
    world, out = RegistrationWorld(t), t.folder / "out"
    path = write_names(t.folder / "names.txt", names)
    options = ["--whois-rate", rate, "--rdap-rate", rate, "--whois-connections", 8, "--flush-interval", f"{FLUSH_SECONDS}s",
               "--rows-per-shard", 4_000, "--resume"]
    chance, kills = random.Random(21), 0
    while kills < rounds:
        running = world.begin(path, out, "dns,registration", *options)
        time.sleep(chance.uniform(0.05, 2 * mean_seconds))
        if not running.running():
            equal(running.wait().code, 0, f"exit code of a start ({running.err()})")
            break
        running.process.kill()
        running.wait(10)
        kills += 1
    final = world.begin(path, out, "dns,registration", *options).wait(300)
    equal(final.code, 0, f"exit code of the last start ({final.err})")
    check(kills >= rounds * 0.6, "only", kills, "kills before the work was done")
    check_as_the_world_has_it(world, out, names)
    world.stop()
    again = asked_again(world.statistics())
    t.note(f"{len(names)} names, {kills} kills, {again} questions asked again ({again / kills:.0f} a kill, at {per_second} a second)")
    check(again <= kills * per_second * (FLUSH_SECONDS + SLACK_SECONDS), again, "questions were asked again in", kills, "kills")


@test
def an_interrupted_run_finishes_what_it_asked(t):
    zones = [f"{kind}{i}" for kind in "wrb" for i in range(10)]
    names, world, out = mixed(zones, 80), RegistrationWorld(t), t.folder / "out"
    path = write_names(t.folder / "names.txt", names)
    options = ["--whois-rate", 20, "--rdap-rate", 20, "--rows-per-shard", 500, "--resume"]
    running = world.begin(path, out, "dns,registration", *options)
    time.sleep(1.5)
    running.signal(signal.SIGINT)
    done = running.wait(10)
    equal(done.code, 130, f"exit code ({done.err})")
    check("resume" in done.err, "it says how to go on:", done.err)
    equal(world.begin(path, out, "dns,registration", *options).wait(60).code, 0, "exit code of the resume")
    check_as_the_world_has_it(world, out, names)
    world.stop()
    equal(asked_again(world.statistics()), 0, "questions that were asked twice")


@test
def retry_after_is_kept_over_a_resume(t):
    """Also over a kill: what a server asked for is on disk a second later."""
    for how, wait in ((signal.SIGINT, 0), (signal.SIGKILL, 1.5)):
        place = t.folder / how.name
        world = RegistrationWorld(t, folder=place)
        world.tell(["f-r429-60-1"])
        names = mixed(["r0"], 400) + mixed(["f-r429-60-1"], 30)
        path, out = write_names(place / "names.txt", names), place / "out"
        options = ["--rdap-rate", 20, "--rows-per-shard", 100, "--flush-interval", "500ms", "--resume"]
        running = world.begin(path, out, "rdap", *options)
        time.sleep(2 + wait)
        check(running.running(), "it ended:", running.err())
        running.signal(how)
        running.wait(10)
        check(any("backends" in name for name in os.listdir(out)), "what was learnt of the servers is kept:", os.listdir(out))
        world.stop()
        before = world.statistics()["rdap"]
        check(1 <= before["rdap.nic.f-r429-60-1"]["requests"] <= 3, "requests before", before["rdap.nic.f-r429-60-1"])
        world = RegistrationWorld(t, folder=place, ports=world.ports)
        world.tell(["f-r429-60-1"])
        running = world.begin(path, out, "rdap", *options)
        time.sleep(4)
        running.signal(signal.SIGINT)
        running.wait(10)
        world.stop()
        after = world.statistics()["rdap"]
        check(after["rdap.nic.r0"]["requests"] > 20, "the others are asked:", after.get("rdap.nic.r0"))
        equal(after.get("rdap.nic.f-r429-60-1", {}).get("requests", 0), 0, f"requests in the minute that it asked for, after {how.name}")


@test
def a_slow_server_in_front_holds_up_no_other(t):
    """The input is sorted: first a zone whose server takes one question a second. All others end, and are on disk."""
    first, count = (50_000, 200) if t.long else (2_000, 60)
    slow, others = [f"name{i}.w0" for i in range(first)], [f"name{i}.r{zone}" for zone in range(40) for i in range(count)]
    world, out = RegistrationWorld(t), t.folder / "out"
    path = write_names(t.folder / "names.txt", slow + others)
    options = ["--whois-rate", 1, "--rdap-rate", 0, "--rows-per-shard", 500, "--flush-interval", "500ms", "--resume"]
    running = world.begin(path, out, "registration", *options)
    began = time.monotonic()
    need = len(others)
    while time.monotonic() - began < 60 and running.running() and rows_on_disk(out, "r") < need:
        time.sleep(0.5)
    took = time.monotonic() - began
    equal(rows_on_disk(out, "r"), need, "rows of the others on disk, while the slow server is asked")
    check(running.running(), "it ended:", running.err())
    peak = running.peak
    running.process.kill()
    running.wait(10)
    again = world.begin(path, out, "registration", *options)
    time.sleep(3)
    again.signal(signal.SIGINT)
    again.wait(10)
    world.stop()
    servers = world.statistics()
    equal(sum(counts["requests"] - counts["names"] for counts in servers["rdap"].values()), 0, "asked again after the kill")
    equal(sum(counts["names"] for counts in servers["rdap"].values()), need, "names that the others were asked about")
    check(servers["whois"]["whois.nic.w0"]["most_in_a_second"] <= 2, servers["whois"]["whois.nic.w0"])
    t.note(f"{need} names behind {first} of a slow server: on disk after {took:.1f} s; {peak // 1024} MiB")


def rows_on_disk(out, kind):
    """Whole rows in frames of shards that are finished or open, of zones of this kind."""
    found = set()
    for file in (out / "registration").glob("*") if out.exists() else []:
        text = subprocess.run(["zstd", "-dcq", file], capture_output=True).stdout  # the last frame may be a torn one
        found |= {line.split(b",", 1)[0] for line in text.splitlines() if b'"tld":"' + kind.encode() in line}
    return len(found)


if __name__ == "__main__":
    main()
