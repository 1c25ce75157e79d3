#!/usr/bin/env python3
"""What is known is not asked again: within a run, by the next run, and whatever became of the cache's file."""
import collections
import contextlib
import json
import os
import random
import signal
import sqlite3
import time

from harness import (World, asked, check, equal, kill, loopback, main, make_names, rows, start, test, write_names,
                     zonesweep)

from registration_world import RegistrationWorld

VARYING = ("cached", "ts", "rtt_us")  # and every ttl


def a_list(count):
    """`count` names: mail hosts that many share, 12 % that occur before, in an order that has no system."""
    repeated = count * 12 // 100
    hosts = min(20_000, count // 50)
    distinct = make_names(count - repeated - hosts) + [f"mx{i}.mail.test" for i in range(hosts)]
    draw = random.Random(7)
    names = distinct + draw.choices(distinct, k=repeated)
    draw.shuffle(names)
    return names


def totals(folder):
    return json.loads((folder / "_run.json").read_text())["totals"]


def without_what_varies(row):
    row = {member: value for member, value in row.items() if member not in VARYING}
    for section in ("answers", "authorities", "additionals"):
        for record in row.get(section, ()):
            record.pop("ttl")
    return row


def content(folder):
    """A digest of each row by its place; a million rows are too many to hold."""
    return {(row["seq"], row["type"]): hash(json.dumps(without_what_varies(row))) for row in rows(folder)}


def opened(path):
    """For sqlite3 a connection as a context is a transaction; here it also ends."""
    return contextlib.closing(sqlite3.connect(path, isolation_level=None))


def scan(t, path, server, out, *options, **more):
    return zonesweep("scan", path, "-t", "A,MX", "-r", server.address, "-o", t.folder / out, "--progress", "none", *options, **more)


def questions_at(server, log):
    server.stop()
    return collections.Counter((question.name.lower(), question.type) for question in asked(log) if question.type in ("A", "MX"))


def one_server(t):
    """The same address for all runs: answers are kept for a set of resolvers."""
    return loopback(t, "--log", t.folder / "asked.log")


@test
def a_name_that_comes_again_is_not_asked_again_and_the_next_run_asks_nothing(t):
    names = a_list(1_000_000 if t.long else 30_000)
    distinct = len(set(names)) * 2
    path, cache = write_names(t.folder / "names.txt", names), t.folder / "answers.cache"
    server = one_server(t)
    started = time.monotonic()
    scan(t, path, server, "first", "--cache-file", cache, limit=900)
    first = totals(t.folder / "first")
    middle = time.monotonic()
    scan(t, path, server, "second", "--cache-file", cache, limit=900)
    second = totals(t.folder / "second")
    t.note(f"{len(names)} names: {distinct} questions in {middle - started:.1f} s, then {second['questions']} in "
           f"{time.monotonic() - middle:.1f} s; {first['cache']}")
    equal(first["questions"], distinct, "questions of the first run")
    counted = questions_at(server, t.folder / "asked.log")
    equal(len(counted), distinct, "distinct questions at the server")
    again = sum(counted.values()) - distinct - (first["retries"] + second["retries"])
    check(again <= distinct // 100, again, "questions of the second run")
    check(second["queries"] <= distinct // 100, second["queries"], "queries of the second run")
    equal(first["cache"]["hits"] + first["coalesced"], 2 * len(names) - distinct, "rows without a question")
    World().check(t.folder / "first", names, ("A", "MX"))
    equal(content(t.folder / "first"), content(t.folder / "second"), "rows of both runs")


@test
def repetitions_that_come_last_are_known_too(t):
    distinct = make_names(880_000 if t.long else 20_000)
    names = distinct + distinct[:len(distinct) * 12 // 88]
    server = one_server(t)
    scan(t, write_names(t.folder / "names.txt", names), server, "out", limit=900)
    found = totals(t.folder / "out")
    t.note(found["cache"])
    equal(found["questions"], 2 * len(distinct), "questions")
    equal(sum(row["cached"] for row in rows(t.folder / "out")), 2 * (len(names) - len(distinct)), "cached rows")


@test
def a_name_is_known_in_any_case_and_shows_its_own_row(t):
    names = ["a-0.example", "A-0.Example", "a-0.EXAMPLE."] + make_names(3_000)[1:] + ["a-0.EXAMPLE"]
    server = one_server(t)
    scan(t, write_names(t.folder / "names.txt", names), server, "out", "--window", 100)
    equal(totals(t.folder / "out")["questions"], 2 * 3_000, "questions")
    found = {(row["seq"], row["type"]): row for row in rows(t.folder / "out")}
    for seq in (1, 2, len(names) - 1):
        equal(found[seq, "A"]["input"], names[seq], "input")
        equal(found[seq, "A"]["name"], "a-0.example", "name")
        equal(found[seq, "A"]["answers"][0]["data"], found[0, "A"]["answers"][0]["data"], "address")


@test
def times_to_live_are_what_remains(t):
    server, cache = one_server(t), t.folder / "answers.cache"
    path = write_names(t.folder / "names.txt", ["www.all.test", "f-ttl-2.all.test", "f-ttl-0.all.test", "gone.f-nx.all.test"])
    scan(t, path, server, "first", "--cache-file", cache)
    time.sleep(3.1)
    scan(t, path, server, "second", "--cache-file", cache)
    first = {row["name"]: row for row in rows(t.folder / "first") if row["type"] == "A"}
    second = {row["name"]: row for row in rows(t.folder / "second") if row["type"] == "A"}
    equal(first["www.all.test"]["answers"][0]["ttl"], 300, "ttl of the first run")
    check(295 <= second["www.all.test"]["answers"][0]["ttl"] <= 297, second["www.all.test"])
    check(second["www.all.test"]["cached"] and not first["www.all.test"]["cached"])
    check(not second["f-ttl-2.all.test"]["cached"], "an answer was served after its time")
    check(not second["f-ttl-0.all.test"]["cached"], "an answer of TTL 0 was kept")


@test
def a_failure_is_known_for_a_moment_and_never_to_the_next_run(t):
    names = ["f-servfail.a.test"] + make_names(2_000) + ["f-servfail.a.test"]
    server, cache = one_server(t), t.folder / "answers.cache"
    path = write_names(t.folder / "names.txt", names)
    scan(t, path, server, "first", "--cache-file", cache, "--tries", 1)
    with opened(cache) as database:
        equal(database.execute("SELECT count(*) FROM entries WHERE name LIKE 'f-servfail%'").fetchone(), (0,), "failures stored")
        check(database.execute("SELECT count(*) FROM entries").fetchone()[0] > 3_000)
    scan(t, path, server, "second", "--cache-file", cache, "--tries", 1)
    counted = questions_at(server, t.folder / "asked.log")
    equal(counted["f-servfail.a.test", "A"], 2, "times that the failing name was asked")


@test
def records_that_nobody_asked_for_do_not_enter(t):
    victim = "victim.all.test"
    server = one_server(t)
    path = write_names(t.folder / "names.txt", ["f-poison.a.test"] * 2 + make_names(3_000) + [victim])
    scan(t, path, server, "out", "--window", 10)
    counted = questions_at(server, t.folder / "asked.log")
    equal(counted[victim, "A"], 1, "times that the victim was asked for")


@test
def without_a_cache_every_name_is_asked(t):
    names = make_names(2_000)
    server = one_server(t)
    scan(t, write_names(t.folder / "names.txt", names * 2), server, "out", "--no-cache", "--window", 100)
    found = totals(t.folder / "out")
    equal(found["cache"], None, "cache")
    equal(found["questions"] + found["coalesced"], 8_000, "questions and coalesced")
    check(found["questions"] > 7_500, found["questions"])
    check(not any(row["cached"] for row in rows(t.folder / "out")))
    zonesweep("scan", t.folder / "names.txt", "-r", server.address, "-o", t.folder / "x", "--no-cache", "--cache-size", "64MiB",
              expect=2)


@test
def progress_says_what_the_cache_did(t):
    names = make_names(4_000) * 2
    server = one_server(t)
    done = zonesweep("scan", write_names(t.folder / "names.txt", names), "-r", server.address, "-o", t.folder / "out", "--progress",
                     "json")
    last = json.loads(done.err.splitlines()[-1])
    for member in ("hits", "misses", "expired", "evicted", "entries", "bytes"):
        check(member in last["cache"], member, "is missing:", last)
    equal(last["cache"]["hits"] + last["coalesced"], 4_000, "hits and coalesced")


@test
def a_small_cache_forgets_and_the_rows_are_right(t):
    names = a_list(60_000)
    server = one_server(t)
    scan(t, write_names(t.folder / "names.txt", names), server, "out", "--cache-size", "1MiB")
    found = totals(t.folder / "out")
    t.note(found["cache"])
    check(found["cache"]["evicted"] > 10_000)
    check(found["cache"]["bytes"] <= 1 << 20)
    World().check(t.folder / "out", names, ("A", "MX"))


@test
def registration_answers_are_known_to_the_next_run(t):
    world = RegistrationWorld(t, zones=30, names=2_000)
    names = [name for name in world.names() if not name.startswith("f-")]
    names += [f"www.{name}" for name in names[:200]]
    cache, found = t.folder / "answers.cache", []
    for number in range(2):
        done, out = world.scan(t, names, "registration", "--cache-file", cache)
        check("cache file" not in done.err, done.err)
        found.append((totals(out), {row["seq"]: row for row in rows(out, "registration")}))
        out.rename(t.folder / f"out-{number}")
    (first, before), (second, after) = found
    asked_first = first["registration"]["rdap"] + first["registration"]["whois"]
    asked_second = second["registration"]["rdap"] + second["registration"]["whois"]
    t.note(f"{asked_first} questions, then {asked_second}; {second['cache']}")
    check(asked_first <= len(names) * 1.05, asked_first)
    kept = sum(row["status"] in ("OK", "NOT_FOUND") for row in before.values())
    check(kept > len(names) * 0.9, kept)
    equal(before.keys(), after.keys(), "rows")
    for seq, row in before.items():
        for member in VARYING:
            row.pop(member, None)
            after[seq].pop(member, None)
        equal(after[seq], row, "the row of the second run")
    check(asked_second <= asked_first // 100, asked_second, "questions of the second run")


# ----------------------------------------------------------------------------------- zonesweep cache stats|clear|warm


def stats(path):
    return json.loads(zonesweep("cache", "stats", path, "--json").out)


@test
def stats_say_what_the_file_holds(t):
    names = make_names(2_000)
    path, server, cache = write_names(t.folder / "names.txt", names), one_server(t), t.folder / "answers.cache"
    for number in range(2):
        scan(t, path, server, f"out-{number}", "--cache-file", cache)
    found = stats(cache)
    equal((found["entries"], found["live"], found["damaged"]), (4_000, 4_000, 0), "entries")
    equal(found["bytes"], cache.stat().st_size, "bytes")
    check(found["oldest_s"] < 60, found["oldest_s"])
    equal([place["up_to_s"] for place in found["ttl_left"] if place["entries"]], [300, 3600], "times to live")
    equal([run["hit_rate"] for run in found["runs"]], [1.0, 0.0], "hit rates, the latest first")
    check("100.0%" in zonesweep("cache", "stats", cache).out)
    zonesweep("cache", "stats", t.folder / "nothing.cache", expect=4)
    check(not (t.folder / "nothing.cache").exists())
    zonesweep("cache", "stats", path, expect=4)
    equal(path.read_text().split(), names, "a file that is no cache")


@test
def clear_removes_all_or_by_name_or_by_age(t):
    names = [f"{i}.one.example" for i in range(500)] + [f"{i}.two.example" for i in range(500)] + ["one.example", "xone.example"]
    path, server, cache = write_names(t.folder / "names.txt", names), one_server(t), t.folder / "answers.cache"
    zonesweep("scan", path, "-r", server.address, "-o", t.folder / "out", "--cache-file", cache)
    equal(stats(cache)["entries"], 1002, "entries")
    zonesweep("cache", "clear", cache, "--older-than", "1h")
    equal(stats(cache)["entries"], 1002, "entries, of which none is old")
    zonesweep("cache", "clear", cache, "--name", ".ONE.example")
    equal(stats(cache)["entries"], 501, "entries after one of two names")
    time.sleep(2.1)
    zonesweep("cache", "clear", cache, "--name", "two.example", "--older-than", "1s")
    equal(stats(cache)["entries"], 1, "entries after the other")
    zonesweep("cache", "clear", cache)
    equal(stats(cache)["entries"], 0, "entries at the end")
    zonesweep("scan", path, "-r", server.address, "-o", t.folder / "again", "--cache-file", cache)
    equal(totals(t.folder / "again")["questions"], 1002, "questions after all was cleared")


@test
def warm_from_a_list_asks_and_a_scan_then_does_not(t):
    names = make_names(3_000)
    path, server, cache = write_names(t.folder / "names.txt", names), one_server(t), t.folder / "answers.cache"
    zonesweep("cache", "warm", cache, path, "-t", "A,MX", "-r", server.address)
    scan(t, path, server, "out", "--cache-file", cache)
    equal(totals(t.folder / "out")["questions"], 0, "questions after a list was warmed")
    World().check(t.folder / "out", names, ("A", "MX"))


@test
def warm_from_shards_takes_every_answer_whose_time_is_not_over(t):
    names = make_names(3_000) + ["f-ttl-1.all.test", "f-servfail.all.test", "under_score.all.test", "W\\032eird\\.label.all.test"]
    kinds = "A,AAAA,MX,NS,SOA,TXT,CAA"
    path, server, cache = write_names(t.folder / "names.txt", names), one_server(t), t.folder / "answers.cache"
    command = ["scan", path, "-t", kinds, "-r", server.address, "--progress", "none", "--rows-per-shard", 1000]
    zonesweep(*command, "-o", t.folder / "first", "--tries", 1, "--timeout", "300ms")
    time.sleep(1.5)
    done = zonesweep("cache", "warm", cache, t.folder / "first")
    t.note(done.err.strip())
    zonesweep(*command, "-o", t.folder / "second", "--tries", 1, "--cache-file", cache)
    found = totals(t.folder / "second")
    check(found["questions"] <= 7 * 3, found["questions"], "questions after the shards were taken")
    equal(content(t.folder / "second"), content(t.folder / "first"), "rows")
    check(zonesweep("cache", "warm", cache, t.folder / "nothing", expect=None).code in (2, 4), "a source that is not there")


# ------------------------------------------------------------------------------------------ what a file suffers


def truncated(path):
    os.truncate(path, path.stat().st_size // 3)


def random_bytes(path):
    path.write_bytes(os.urandom(300_000))


def random_middle(path):
    with open(path, "r+b") as file:
        for at in range(4096, path.stat().st_size, 8192):
            file.seek(at)
            file.write(os.urandom(2048))


def no_database(path):
    path.write_text("name,answer\n" * 1000)


def newer_schema(path):
    with opened(path) as database:
        database.execute("PRAGMA user_version=99")


def another_programs(path):
    path.unlink()
    with opened(path) as database:
        database.execute("CREATE TABLE entries(name TEXT)")


def other_values(path):
    """Sound pages and rows, and every value another name's: only the checksums tell."""
    with opened(path) as database:
        database.execute("UPDATE entries SET value = (SELECT value FROM entries e WHERE e.id = entries.id + 1) "
                         "WHERE id < (SELECT max(id) FROM entries)")


def a_folder(path):
    path.unlink()
    path.mkdir()


@test
def a_damaged_foreign_or_newer_file_costs_no_row(t):
    names = a_list(5_000)
    path, server = write_names(t.folder / "names.txt", names), one_server(t)
    scan(t, path, server, "plain", "--no-cache")
    expected = content(t.folder / "plain")
    for spoil in (truncated, random_bytes, random_middle, no_database, newer_schema, another_programs, other_values, a_folder):
        cache = t.folder / f"{spoil.__name__}.cache"
        scan(t, path, server, f"{spoil.__name__}-0", "--cache-file", cache)
        spoil(cache)
        done = scan(t, path, server, spoil.__name__, "--cache-file", cache)
        equal(content(t.folder / spoil.__name__), expected, f"rows after {spoil.__name__}")
        if spoil is other_values:
            continue
        check("cache file" in done.err, spoil.__name__, "went without a warning:", done.err)
        check("set aside" in done.err or spoil is a_folder, spoil.__name__, "was not set aside:", done.err)
        if spoil is a_folder:
            continue
        third = scan(t, path, server, f"{spoil.__name__}-2", "--cache-file", cache)
        check("cache file" not in third.err, spoil.__name__, "is still complained of:", third.err)
        asked_again = totals(t.folder / f"{spoil.__name__}-2")["questions"]
        check(asked_again <= 100, asked_again, "questions with the file that was begun after", spoil.__name__)


@test
def a_locked_file_costs_no_row_and_is_left_alone(t):
    names = a_list(5_000)
    path, server, cache = write_names(t.folder / "names.txt", names), one_server(t), t.folder / "answers.cache"
    scan(t, path, server, "first", "--cache-file", cache)
    holder = sqlite3.connect(cache, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    done = scan(t, path, server, "second", "--cache-file", cache)
    check("another process" in done.err, done.err)
    holder.execute("ROLLBACK")
    holder.close()
    equal(content(t.folder / "second"), content(t.folder / "first"), "rows")
    scan(t, path, server, "third", "--cache-file", cache)
    check(totals(t.folder / "third")["questions"] <= 100)


@test
def killed_while_it_writes_the_file_is_sound(t):
    names = a_list(60_000)
    path, server, cache = write_names(t.folder / "names.txt", names), one_server(t), t.folder / "answers.cache"
    for number in range(12 if t.long else 4):
        running = start("scan", path, "-t", "A,MX", "-r", server.address, "-o", t.folder / f"killed-{number}", "--progress", "none",
                        "--cache-file", cache, "--rate", 20_000)
        time.sleep(1.05 + 0.31 * number % 2.0)  # it writes every second
        kill(running.process)
        running.wait()
        check("cache file" not in running.err(), running.err())
    done = scan(t, path, server, "after", "--cache-file", cache)
    check("cache file" not in done.err, done.err)
    found = totals(t.folder / "after")
    t.note(f"{found['cache']['loaded']} entries survived")
    check(found["cache"]["loaded"] > 10_000)
    World().check(t.folder / "after", names, ("A", "MX"))


@test
def sigterm_closes_the_file_cleanly(t):
    names = make_names(60_000)
    path, server, cache = write_names(t.folder / "names.txt", names), one_server(t), t.folder / "answers.cache"
    running = start("scan", path, "-t", "A,MX", "-r", server.address, "-o", t.folder / "out", "--progress", "none", "--cache-file",
                    cache, "--rate", 20_000)
    time.sleep(1.5)
    running.signal(signal.SIGTERM)
    equal(running.wait().code, 143, "exit code")
    equal(sorted(p.name for p in t.folder.glob("answers.cache*")), ["answers.cache"], "files beside it")
    with opened(cache) as database:
        kept, = database.execute("SELECT count(*) FROM entries").fetchone()
        equal(database.execute("SELECT count(*) FROM runs").fetchone(), (1,), "runs")
    found = sum(row["status"] in ("NOERROR", "NODATA", "NXDOMAIN") for row in rows(t.folder / "out"))
    check(kept > 10_000 and kept >= found * 0.9, kept, "entries for", found, "rows")


if __name__ == "__main__":
    main()
