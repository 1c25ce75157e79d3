#!/usr/bin/env python3
"""A 50,000-name zone served by NSD, Knot, BIND and Unbound: no row differs from what dig prints."""
import re
import subprocess

from harness import (Failure, check, check_one_row_per_question, equal, knot, main, named, nsd, rows, spawn, test, unbound,
                     write_names, zonesweep)

ZONE = "real.test"
NAMES = 50_000
TYPES = ("A", "MX", "TXT")
ABSENT = 7  # i % 10 of the names that the zone has not


def records_of(i):
    """What the zone holds for name n<i>: addresses, mail hosts, text, aliases, chains, and holes."""
    name, kind = f"n{i}", i % 10
    if kind < 4:
        yield f"{name} A 192.0.2.{i % 256}"
        yield f"{name} MX 10 mx{i % 100}"
        if kind == 3:
            yield f"{name} A 198.51.100.{i % 251}"
            yield f"{name} MX 20 mail.elsewhere.example."
    elif kind == 4:
        yield f"{name} MX 0 ."
        yield f'{name} TXT "v=spf1 -all" "second \\"quoted\\" string; with \\\\ and \\200\\000"'
    elif kind == 5:
        yield f"{name} AAAA 2001:db8::{i % 65536:x}"  # NODATA for all that is asked
    elif kind == 6:
        yield f"{name} CNAME n{i - 6}"
    elif kind == 8:
        yield f"{name} CNAME hop-{i}"
        yield f"hop-{i} CNAME {['n1', 'n5', f'n{ABSENT}'][i // 10 % 3]}"  # an address, NODATA, NXDOMAIN
    elif kind == 9:
        yield f"*.{name} A 203.0.113.{i % 256}"  # and the name itself is an empty non-terminal


def write_zone(t):
    path = t.folder / "real.zone"
    with open(path, "w", encoding="ascii") as file:
        file.write(f"$ORIGIN {ZONE}.\n$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 86400 300\n@ NS ns1\nns1 A 127.0.0.1\n")
        for i in range(100):
            file.write(f"mx{i} A 192.0.2.{i}\n")
        for i in range(NAMES):
            file.writelines(f"{line}\n" for line in records_of(i))
    return path


def asked_name(i):
    return f"below.n{i}.{ZONE}" if i % 20 == 9 else f"n{i}.{ZONE}"


BLOCK = re.compile(r"status: (\w+), id: \d+\n;; flags: ([a-z ]*);")


def dig_all(t, server, questions):
    """{(name, type): (status, answer set)}, by dig in batch mode, two of them at a time."""
    halves = [questions[::2], questions[1::2]]
    running = []
    for number, half in enumerate(halves):
        batch = t.folder / f"dig-{server.port}-{number}.txt"
        batch.write_text("".join(f"{name} {kind}\n" for name, kind in half))
        with open(f"{batch}.out", "wb") as out:
            running.append((half, batch, spawn(
                ["dig", "@127.0.0.1", "-p", server.port, "+noall", "+comments", "+question", "+answer", "+tries=3", "+time=5",
                 "-f", batch], stdout=out, stderr=subprocess.STDOUT)))
    found = {}
    for half, batch, process in running:
        equal(process.wait(1800), 0, "dig's exit code")
        with open(f"{batch}.out", encoding="utf-8", errors="replace") as text:
            found.update(parse_dig(text.read()))
        check(all(question in found for question in half), "dig did not answer everything")
    return found


def parse_dig(text):
    found = {}
    for block in text.split(";; ->>HEADER<<-")[1:]:
        header = BLOCK.search(block)
        question = re.search(r"^;(\S+)\.\s+IN\s+(\S+)$", block, re.MULTILINE)
        if not header or not question:
            raise Failure(f"cannot read what dig said: {block[:500]}")
        answers = set()
        for line in block.splitlines()[1:]:  # the first is the rest of the header line
            if line and line[0] != ";":
                owner, _ttl, _class, kind, data = line.split(None, 4)
                answers.add((owner.lower(), kind, data))
        found[question[1].lower(), question[2]] = (header[1], answers)
    return found


def same_dots(name):
    return name if name.endswith(".") else f"{name}."


def row_as_dig(row):
    answers = {(same_dots(answer["name"]).lower(), answer["type"], answer["data"]) for answer in row.get("answers", [])}
    return row["status"], answers


def compare(t, make_server):
    zone_file = write_zone(t)
    server = make_server(zone_file)
    names = [asked_name(i) for i in range(NAMES)]
    out = t.folder / "out"
    done = zonesweep("scan", write_names(t.folder / "names.txt", names), "-t", ",".join(TYPES), "-r", server.address, "-o", out)
    t.note(f"{len(names) * len(TYPES)} questions in {done.seconds:.1f} s")
    equal(check_one_row_per_question(out, names, TYPES), len(names) * len(TYPES), "rows")
    zonesweep("shards", "verify", out)

    questions = [(name, kind) for name in names for kind in TYPES]
    expected = dig_all(t, server, questions)
    differences, compared = [], 0
    for row in rows(out):
        said = expected.get((names[row["seq"]], row["type"]))
        if said is None:
            continue
        status, answers = said
        if status == "NOERROR" and not any(kind == row["type"] for _owner, kind, _data in answers):
            status = "NODATA"
        compared += 1
        if row_as_dig(row) != (status, answers):
            differences.append(f"{row['name']} {row['type']}: {row_as_dig(row)}, dig says {status} {answers}")
    equal(compared, len(questions), "questions compared")
    check(not differences, len(differences), "rows differ:", *differences[:5])


@test
def no_row_differs_from_dig_with_nsd(t):
    compare(t, lambda zone_file: nsd(t, ZONE, zone_file))


@test
def no_row_differs_from_dig_with_knot(t):
    compare(t, lambda zone_file: knot(t, ZONE, zone_file))


@test
def no_row_differs_from_dig_with_bind(t):
    compare(t, lambda zone_file: named(t, ZONE, zone_file))


@test
def no_row_differs_from_dig_with_unbound(t):
    compare(t, lambda zone_file: unbound(t, ZONE, nsd(t, ZONE, zone_file)))


if __name__ == "__main__":
    main()
