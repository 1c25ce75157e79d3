#!/usr/bin/env python3
"""One slow registry in front of all others: it starves nobody, its chunks stay open, and a killed run goes on where it was."""
import collections
import random
import signal
import time

from harness import BIN, Program, check, equal, free_port, loopback, main, manifest, rows, run, test, write_names, zonesweep

RATE = 15  # questions a second that a server is asked


def names_with_one_slow_zone(files, slow_names):
    """The names of one zone first, as an input sorted by zone has them, then those of 300 others."""
    others = [name for name in (files / "names.txt").read_text().split() if not name.endswith(".w0")]
    return [f"slow{number}.w0" for number in range(slow_names)] + others[:1_000]


def world(t, slow_names, per_shard):
    """The names, and a scan of them that lacks only what to ask and where to write."""
    files = t.folder / "files"
    files.mkdir()
    server = loopback(t, "--registration-files", files, "--whois-port", free_port(), "--rdap-port", free_port(),
                      "--registration-names", 3_000)
    names = names_with_one_slow_zone(files, slow_names)
    path = write_names(t.folder / "names.txt", names)
    command = ["env", f"SSL_CERT_FILE={files / 'ca.pem'}", BIN, "scan", path, "-r", server.address, "--rdap-bootstrap", files / "dns.json",
               "--whois-servers", files / "whois-servers.tsv", "--iana-server", "none", "--allow-private", "127.0.0.0/8",
               "--rows-per-shard", per_shard, "--flush-interval", "500ms", "--progress", "none", "--whois-rate", RATE,
               "--rdap-rate", RATE, "-o", t.folder / "out"]
    return names, command


def check_rows(out, names):
    for table in ("dns", "registration"):
        found = collections.Counter(row["seq"] for row in rows(out, table))
        equal(sorted(found), list(range(len(names))), f"names with a row in {table}")
        check(set(found.values()) == {1}, "more than one row of a name in", table)
    for row in rows(out, "registration"):
        check(row["input"] == names[row["seq"]], "another name's row:", row)
    zonesweep("shards", "verify", out)


@test
def a_slow_registry_in_front_starves_nobody_and_its_chunks_survive_kills(t):
    slow_names, per_shard = 300, 20
    names, command = world(t, slow_names, per_shard)
    out = t.folder / "out"
    command += ["--probe", "dns,registration", "--resume"]
    chance = random.Random(3)
    kills, most_open = 0, 0
    for _ in range(60 if t.long else 8):
        running = Program(command)
        time.sleep(chance.uniform(1.0, 3.0))
        if not running.running():
            equal(running.wait().code, 0, f"exit code ({running.err()})")
            break
        running.process.kill()
        equal(running.wait(10).code, -signal.SIGKILL, "ended by")
        kills += 1
        most_open = max(most_open, len(list((out / "dns").glob(".part-*.frames"))))
    check(kills >= 4, "only", kills, "kills before the work was done")
    done = {line["chunk"] for line in manifest(out)}
    last_slow = slow_names // per_shard - 1
    check(last_slow not in done and any(chunk > last_slow for chunk in done),
          "the others waited for the slow registry: committed", sorted(done))
    final = run(command, 120)
    equal(final.code, 0, f"exit code of the last start ({final.err})")
    t.note(f"{len(names)} names, {kills} kills, up to {most_open} chunks open")
    check_rows(out, names)


@test
def a_low_limit_on_open_files_is_no_limit_on_open_chunks(t):
    names, command = world(t, slow_names=90, per_shard=2)
    out = t.folder / "out"
    final = run(["prlimit", "--nofile=256", *command, "--probe", "registration"], 120)
    equal(final.code, 0, f"exit code ({final.err})")
    found = collections.Counter(row["seq"] for row in rows(out, "registration"))
    equal(sorted(found), list(range(len(names))), "names with a row")


if __name__ == "__main__":
    main()
