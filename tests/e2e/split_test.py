#!/usr/bin/env python3
"""Machines that share a list, rows in order, and every kind of compression."""
import shutil

from harness import (Skip, check, check_one_row_per_question, equal, lines, loopback, main, make_names, manifest, rows, run,
                     shard_files, test, write_names, zonesweep)

VOLATILE = ("ts", "rtt_us", "tries", "server", "transport")


def settled(folder):
    """The rows without what differs between two runs, by (seq, type)."""
    result = {}
    for row in rows(folder):
        for member in VOLATILE:
            row.pop(member, None)
        result[row["seq"], row["type"]] = row
    return result


@test
def three_machines_write_the_shards_that_one_would(t):
    names = make_names(30_500)
    path, server = write_names(t.folder / "names.txt", names), loopback(t)
    common = ["scan", path, "-t", "A,MX", "-r", server.address, "--rows-per-shard", 2000]
    whole, merged = t.folder / "whole", t.folder / "merged"
    zonesweep(*common, "-o", whole)
    for index in range(3):
        part = t.folder / f"part{index}"
        zonesweep(*common, "-o", part, "--split", f"{index}/3")
        zonesweep("shards", "verify", part)
        check((part / f"_manifest.{index}-of-3.ndjson").exists(), [file.name for file in part.iterdir()])
        chunks = sorted(line["chunk"] for line in manifest(part))
        equal(chunks, [chunk for chunk in range(16) if chunk % 3 == index], f"chunks of machine {index}")
        (merged / "dns").mkdir(parents=True, exist_ok=True)
        for file in part.glob("_*.*"):  # manifest, summary and mark of this machine
            shutil.copy(file, merged)
        for file in shard_files(part):
            check(not (merged / "dns" / file.name).exists(), "two machines wrote", file.name)
            shutil.copy(file, merged / "dns")
    equal([file.name for file in shard_files(merged)], [file.name for file in shard_files(whole)], "shards")
    check(settled(merged) == settled(whole), "the rows differ")
    zonesweep("shards", "verify", merged)


@test
def machines_may_share_one_folder(t):
    names = make_names(9_000)
    path, server, out = write_names(t.folder / "names.txt", names), loopback(t), t.folder / "out"
    for index in range(3):
        zonesweep("scan", path, "-r", server.address, "--rows-per-shard", 1000, "-o", out, "--split", f"{index}/3")
    zonesweep("shards", "verify", out)
    equal(check_one_row_per_question(out, names, ("A",)), len(names), "rows")


@test
def ordered_rows_stand_in_input_order(t):
    names = make_names(30_000)
    server = loopback(t, "--delay", "20ms", "--reorder", 30, "--loss", 2)
    out = t.folder / "out"
    zonesweep("scan", write_names(t.folder / "names.txt", names), "-t", "A,MX", "-r", server.address, "-o", out, "--ordered",
              "--rows-per-shard", 10_000, "--tries", 10)
    last = -1
    for row in rows(out):
        check(row["seq"] >= last, "seq", row["seq"], "after", last)
        last = row["seq"]
    equal(check_one_row_per_question(out, names, ("A", "MX")), 2 * len(names), "rows")


@test
def every_compression_holds_the_same_rows(t):
    names = make_names(6_000)
    path, server = write_names(t.folder / "names.txt", names), loopback(t)
    found = {}
    for compression, suffix in (("zstd", ".ndjson.zst"), ("gzip", ".ndjson.gz"), ("none", ".ndjson")):
        out = t.folder / compression
        zonesweep("scan", path, "-r", server.address, "-o", out, "--compress", compression, "--rows-per-shard", 2500)
        zonesweep("shards", "verify", out)
        equal([file.name for file in shard_files(out)], [f"part-{i:05}{suffix}" for i in range(3)], compression)
        found[compression] = settled(out)
    check(found["zstd"] == found["gzip"] == found["none"], "the rows differ")


@test
def shards_cat_prints_the_rows_of_the_shards(t):
    names, out = make_names(3_000), t.folder / "out"
    zonesweep("scan", write_names(t.folder / "names.txt", names), "-r", loopback(t).address, "-o", out, "--rows-per-shard", 1000)
    direct = b"".join(line for file in shard_files(out) for line in lines(file)).decode()
    equal(zonesweep("shards", "cat", out).out, direct, "shards cat")
    check("part-00002" in zonesweep("shards", "ls", out).out, "shards ls")


@test
def verify_finds_a_flipped_bit_a_missing_shard_and_a_stray_one(t):
    names, out = make_names(3_000), t.folder / "out"
    zonesweep("scan", write_names(t.folder / "names.txt", names), "-r", loopback(t).address, "-o", out, "--rows-per-shard", 1000)
    victim = shard_files(out)[1]
    good = victim.read_bytes()
    victim.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    check("part-00001" in zonesweep("shards", "verify", out, expect=7).err, "the damaged shard is not named")
    victim.unlink()
    check("part-00001" in zonesweep("shards", "verify", out, expect=7).err, "the missing shard is not named")
    victim.write_bytes(good)
    zonesweep("shards", "verify", out)


@test
def an_input_in_pieces_and_packed_gives_the_same_names(t):
    names, server = make_names(4_000), loopback(t)
    first = write_names(t.folder / "first.txt", names[:2500])
    second = write_names(t.folder / "second.txt", names[2500:])
    for command in (["gzip", "-q", first], ["zstd", "-q", second]):
        if run(command).code != 0:
            raise Skip(command[0])
    out = t.folder / "out"
    zonesweep("scan", f"{first}.gz", f"{second}.zst", "-r", server.address, "-o", out)
    equal(check_one_row_per_question(out, names, ("A",)), len(names), "rows")


if __name__ == "__main__":
    main()
