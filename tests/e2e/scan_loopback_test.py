#!/usr/bin/env python3
"""A whole scan against the loopback internet: every row there once, about the right name, with the right data."""
import json

from harness import (World, check, equal, loopback, main, make_names, manifest, rows, shard_files, test, write_names,
                     zonesweep)


def scan(t, names, server, *options, out="out"):
    folder = t.folder / out
    done = zonesweep("scan", write_names(t.folder / f"{out}.txt", names), "-t", "A,MX", "-r", server.address, "-o", folder,
                     *options, limit=1800)
    zonesweep("shards", "verify", folder, limit=600)
    return folder, done


@test
def a_million_questions_give_a_million_right_rows(t):
    names = make_names(1_000_000 if t.long else 100_000)
    folder, done = scan(t, names, loopback(t), "--rows-per-shard", len(names) // 10)
    t.note(f"{len(names)} names in {done.seconds:.1f} s, {done.cpu / len(names) * 1e6:.2f} us of CPU each, "
           f"peak {done.peak_kib / 1024:.1f} MiB")
    t.note(dict(World().check(folder, names, ("A", "MX"))))
    equal(len(shard_files(folder)), 10, "shards")


@test
def every_name_of_a_full_world_has_its_address(t):
    names = make_names(20_000, suffix="full.example")
    folder, _ = scan(t, names, loopback(t, "--exists", 100))
    found = World(exists=100).check(folder, names, ("A", "MX"))
    equal(found["NXDOMAIN"], 0, "names said not to exist")


@test
def rows_are_right_under_loss_duplicates_reordering_and_wrong_ids(t):
    names = make_names(20_000, suffix="rough.example")
    server = loopback(t, "--exists", 100, "--loss", 5, "--dup", 5, "--badid", 2, "--reorder", 10)
    folder, _ = scan(t, names, server, "--tries", 12)
    World(exists=100).check(folder, names, ("A", "MX"))


@test
def manifest_run_and_success_tell_the_same_story(t):
    names = make_names(10_000)
    folder, _ = scan(t, names, loopback(t), "--rows-per-shard", 3000)
    lines = sorted(manifest(folder), key=lambda line: line["chunk"])  # a line is written when its chunk is done
    equal([line["chunk"] for line in lines], [0, 1, 2, 3], "chunks")
    equal([line["first_seq"] for line in lines], [0, 3000, 6000, 9000], "first_seq")
    equal(sum(line["names"] for line in lines), len(names), "names in the manifest")
    check((folder / "_SUCCESS").exists(), "_SUCCESS is missing")
    json.loads((folder / "_run.json").read_text())
    equal(sorted(path.name for path in (folder / "dns").iterdir()), [f"part-{i:05}.ndjson.zst" for i in range(4)], "shards")
    leftovers = {path.name for path in folder.rglob(".*")} - {".lock", ".state"}  # docs/formats/output.md
    equal(leftovers, set(), "leftovers")


@test
def a_zone_file_gives_its_delegated_names_each_once(t):
    zone, names = t.folder / "tld.zone", make_names(5_000, suffix="tld")
    with open(zone, "w", encoding="ascii") as file:
        file.write("$TTL 3600\ntld. IN SOA ns.tld. host.tld. ( 1 2 3\n 4 5 )\ntld. NS ns.tld.\nns.tld. A 192.0.2.1\n$ORIGIN tld.\n")
        for i, name in enumerate(names):
            owner = (f"{name}.", name.removesuffix(".tld"), name.removesuffix(".tld").upper())[i % 3]
            file.write(f"{owner} IN NS ns1.{name}.\n\t86400 NS ns2 ; a comment\nns1.{name}. A 192.0.2.{i % 250}\n")
            if i % 5 == 0:
                file.write(f"{owner} DS 1 13 2 {i:064x}\n{owner} RRSIG DS 13 2 3600 20300101000000 20250101000000 1 tld. AAAA\n")
    out = t.folder / "out"
    zonesweep("scan", zone, "-r", loopback(t, "--exists", 100).address, "-o", out)
    equal([row["name"].rstrip(".") for row in sorted(rows(out), key=lambda row: row["seq"])], names, "names")


@test
def an_empty_input_gives_an_empty_but_finished_run(t):
    folder, _ = scan(t, [], loopback(t))
    equal(list(rows(folder)), [], "rows")
    check((folder / "_SUCCESS").exists(), "_SUCCESS is missing")


@test
def what_is_no_name_becomes_a_row_and_addresses_become_ptr(t):
    names = ["good.example", "bad..example", "x" * 64 + ".example", "192.0.2.7", "BÜCHER.example", "a b.example"]
    folder, _ = scan(t, names, loopback(t, "--exists", 100))
    found = {}
    for row in rows(folder):
        found.setdefault(row["seq"], []).append(row)
    equal(sorted(found), list(range(len(names))), "seqs")
    for seq in (1, 2, 5):
        equal({row["status"] for row in found[seq]}, {"ILLEGAL_INPUT"}, names[seq])
        equal({row["input"] for row in found[seq]}, {names[seq]}, "input")
    equal({row["type"] for row in found[3]}, {"PTR"}, "types of an address")
    equal({row["name"].rstrip(".") for row in found[3]}, {"7.2.0.192.in-addr.arpa"}, "name of an address")
    equal({row["name"].rstrip(".") for row in found[4]}, {"xn--bcher-kva.example"}, "A-label")
    equal({row["input"] for row in found[4]}, {"BÜCHER.example"}, "input")


if __name__ == "__main__":
    main()
