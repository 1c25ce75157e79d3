#!/usr/bin/env python3
"""Memory is bounded by options, not by the input; a name costs the same in a long run as in a short one."""
import json
import statistics

from harness import (check, equal, loopback, main, manifest, test, zonesweep)

PEAK_MIB = 64


def write_many(path, count):
    """As make_names, without holding them."""
    with open(path, "w", encoding="ascii") as file:
        for i in range(count):
            file.write(f"{'abcdeghijk'[i % 10] * (i % 7 + 1)}-{i:x}.example\n")
    return path


def measured(t, path, count, server, label):
    out = t.folder / f"out-{label}"
    done = zonesweep("scan", path, "-t", "A", "-r", server.address, "-o", out, "--lanes", 1, "--progress", "none",
                     "--no-cache", limit=3600)
    equal(sum(line["names"] for line in manifest(out)), count, "names committed")
    micros = done.cpu / count * 1e6
    t.note(f"{count} names: {done.seconds:.1f} s, {micros:.3f} us of CPU a name, peak {done.peak_kib / 1024:.1f} MiB")
    return micros, done.peak_kib / 1024


@test
def a_long_run_stays_in_64_mib_and_costs_the_same_per_name(t):
    many = 10_000_000 if t.long else 1_000_000
    server = loopback(t)
    few_path, many_path = write_many(t.folder / "few.txt", 100_000), write_many(t.folder / "many.txt", many)
    short = statistics.median(measured(t, few_path, 100_000, server, f"few{i}")[0] for i in range(5))
    micros, peak = measured(t, many_path, many, server, "many")
    check(peak <= PEAK_MIB, f"peak memory {peak:.1f} MiB")
    # The full form is for a quiet machine; beside other work the short one only sees what grows.
    check(micros <= short * (1.10 if t.long else 1.40), f"{micros:.3f} us a name, {short:.3f} in a short run")


@test
def every_core_in_use_stays_in_64_mib(t):
    count, server = 300_000, loopback(t)
    path = write_many(t.folder / "names.txt", count)
    done = zonesweep("scan", path, "-t", "A,MX", "-r", server.address, "-o", t.folder / "out", "--rows-per-shard", 20_000,
                     "--no-cache")
    t.note(f"peak {done.peak_kib / 1024:.1f} MiB")
    check(done.peak_kib <= PEAK_MIB * 1024, f"peak memory {done.peak_kib / 1024:.1f} MiB")


@test
def the_cache_adds_its_size_and_no_more(t):
    count, cache_mib, server = 1_000_000 if t.long else 400_000, 32, loopback(t)
    path = write_many(t.folder / "names.txt", count)
    done = zonesweep("scan", path, "-t", "A,MX", "-r", server.address, "-o", t.folder / "out", "--rows-per-shard", 20_000,
                     "--cache-size", f"{cache_mib}MiB")
    t.note(f"peak {done.peak_kib / 1024:.1f} MiB")
    check(done.peak_kib <= (PEAK_MIB + cache_mib * 1.05) * 1024, f"peak memory {done.peak_kib / 1024:.1f} MiB")
    check(json.loads((t.folder / "out" / "_run.json").read_text())["totals"]["cache"]["evicted"] > 0, "never full")


if __name__ == "__main__":
    main()
