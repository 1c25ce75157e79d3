#!/usr/bin/env python3
"""A lossy network and a resolver with a limit: rows are answered or TIMEOUT, and nothing is ever invented."""
from harness import World, check, equal, loopback, main, make_names, statuses, test, write_names, zonesweep


@test
def under_thirty_percent_loss_each_way_names_are_answered(t):
    names = make_names(100_000 if t.long else 10_000)
    server, out = loopback(t, "--exists", 100, "--loss", 30), t.folder / "out"
    done = zonesweep("scan", write_names(t.folder / "names.txt", names), "-r", server.address, "-o", out, "--tries", 10,
                     "--deadline", "60s", limit=1200)
    found = statuses(out)
    t.note(f"{len(names)} names in {done.seconds:.1f} s: {dict(found)}")
    World(exists=100).check(out, names, ("A",), also=("TIMEOUT",))
    check(found["NOERROR"] >= 0.995 * len(names), "answered:", found)
    equal(found["NOERROR"] + found["TIMEOUT"], len(names), f"answered or TIMEOUT {found}")


@test
def a_resolver_that_drops_above_2000_a_second_loses_no_row(t):
    names = make_names(120_000 if t.long else 24_000)
    server, out = loopback(t, "--exists", 100, "--max-qps", 2000), t.folder / "out"
    done = zonesweep("scan", write_names(t.folder / "names.txt", names), "-r", server.address, "-o", out, limit=600)
    found = statuses(out)
    t.note(f"{len(names)} names in {done.seconds:.1f} s, {len(names) / done.seconds:.0f} a second")
    equal(found, {"NOERROR": len(names)}, "statuses")
    check(len(names) / done.seconds >= 1500, "only", len(names) / done.seconds, "names a second")


@test
def names_that_nobody_answers_end_in_timeout(t):
    server, out = loopback(t), t.folder / "out"
    dead = [f"f-mute.{i}.example" for i in range(200)]
    zonesweep("scan", write_names(t.folder / "names.txt", dead), "-r", server.address, "-o", out, "--timeout", "200ms", "--tries", 2)
    equal(statuses(out), {"TIMEOUT": len(dead)}, "statuses")


if __name__ == "__main__":
    main()
