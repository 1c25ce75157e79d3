#!/usr/bin/env python3
"""Names that select a fault of the loopback internet: each row ends in the status that it must end in."""
from harness import World, addresses, check, equal, loopback, main, rows, test, write_names, zonesweep

EACH = 5  # names per fault
WORLD = World()

# fault labels -> the statuses that are right for an A question; NOERROR means with the address of the name
OUTCOMES = {
    # what the network does
    "f-loss-30": {"NOERROR"},
    "f-dup-50": {"NOERROR"},
    "f-delay-300": {"NOERROR"},
    "f-mute": {"TIMEOUT"},
    # truncation
    "f-tc": {"NOERROR"},
    "f-tc-keep": {"NOERROR"},
    "f-tc-rst": {"TRUNCATED"},
    "f-tc-refuse": {"TRUNCATED"},
    "f-tc-mute": {"TRUNCATED"},
    "f-tc-tc": {"TRUNCATED"},
    # answers that are not ours: over TCP the question is safe
    "f-badid": {"NOERROR"},
    "f-badid-then": {"NOERROR"},
    "f-badq": {"NOERROR"},
    "f-badq-then": {"NOERROR"},
    "f-badq-type": {"NOERROR"},
    "f-badq-none": {"NOERROR", "BAD_ANSWER", "TIMEOUT"},
    "f-qr0": {"BAD_ANSWER", "TIMEOUT", "NOERROR"},
    "f-qr0-then": {"NOERROR"},
    "f-empty-then": {"NOERROR"},
    # EDNS
    "f-edns-formerr": {"NOERROR"},
    "f-edns-notimp": {"NOERROR"},
    "f-edns-badvers": {"NOERROR"},
    "f-edns-drop": {"NOERROR", "TIMEOUT"},
    "f-edns-many": {"NOERROR"},
    "f-edns-strip": {"NOERROR"},
    "f-edns-two": {"BAD_ANSWER", "NOERROR"},
    # outcomes
    "f-ede": {"SERVFAIL"},
    "f-servfail": {"SERVFAIL"},
    "f-refused": {"REFUSED"},
    "f-formerr": {"FORMERR"},
    "f-notimp": {"NOTIMP"},
    "f-rcode-9": {"RCODE9"},
    "f-nxdomain": {"NXDOMAIN"},
    "f-nodata": {"NODATA"},
    "f-lame": {"BAD_ANSWER"},
    "f-referral": {"BAD_ANSWER"},
    # aliases
    "f-cname-3": {"ALIAS"},
    "f-cname-1000": {"CNAME_LOOP"},
    "f-cname-loop": {"CNAME_LOOP"},
    "f-cname-self": {"CNAME_LOOP"},
    "f-cname-dangling": {"NXDOMAIN"},
    # sizes and TCP
    "f-big-6000": {"NOERROR"},
    "f-tc.f-tcpclose-2": {"NOERROR"},
    "f-tc.f-tcp-split": {"NOERROR"},
    "f-tc.f-tcp-zero": {"TRUNCATED", "BAD_ANSWER"},
    "f-tc.f-tcp-short": {"TRUNCATED", "BAD_ANSWER"},
    "f-tc.f-tcp-twice": {"NOERROR"},
    # malformed: never a row with data
    "f-garbage": {"BAD_ANSWER", "TIMEOUT"},
    "f-bad-rdlength": {"BAD_ANSWER", "TIMEOUT"},
    "f-bad-pointer": {"BAD_ANSWER", "TIMEOUT"},
    "f-bad-forward": {"BAD_ANSWER", "TIMEOUT"},
    "f-bad-label": {"BAD_ANSWER", "TIMEOUT"},
    "f-bad-count": {"BAD_ANSWER", "TIMEOUT"},
    "f-bad-rdata": {"BAD_ANSWER", "TIMEOUT"},
    "f-bad-cut": {"BAD_ANSWER", "TIMEOUT"},
    # content
    "f-bytes": {"ALIAS"},
    "f-poison": {"NOERROR"},
    "f-ttl": {"NOERROR"},
    "f-lower": {"NOERROR"},
    "f-flags": {"NOERROR"},
}


def scan(t, names, *options):
    out = t.folder / "out"
    zonesweep("scan", write_names(t.folder / "names.txt", names), "-r", loopback(t).address, "-o", out, "--tries", 8, "--timeout",
              "500ms", "--deadline", "20s", *options)
    zonesweep("shards", "verify", out)
    return list(rows(out))


@test
def every_fault_ends_in_the_status_it_must(t):
    faults = [fault for fault in OUTCOMES for _ in range(EACH)]
    names = [f"{fault}.{index}.example" for index, fault in enumerate(faults)]
    found = scan(t, names)
    equal(sorted(row["seq"] for row in found), list(range(len(names))), "seqs")
    wrong = {}
    for row in found:
        fault, name = faults[row["seq"]], names[row["seq"]]
        status = row["status"]
        if status == "NOERROR":
            owners = {answer["name"].rstrip(".") for answer in row["answers"] if answer["type"] == "A"}
            if owners == {name} and addresses(row) != [WORLD.address(name)]:
                status = f"NOERROR with {addresses(row)}"
            elif owners != {name}:
                status = "ALIAS"
        if status not in OUTCOMES[fault]:
            wrong.setdefault(fault, set()).add(status)
    check(not wrong, "; ".join(f"{fault}: {sorted(got)} instead of {sorted(OUTCOMES[fault])}" for fault, got in wrong.items()))


@test
def hostile_bytes_reach_neither_row_nor_terminal_unescaped(t):
    names = [f"f-bytes.{index}.example" for index in range(20)]
    found = scan(t, names, "-t", "A,TXT")
    equal(len(found), 2 * len(names), "rows")
    for row in found:
        equal(row["status"], "NOERROR", row["name"])
        texts = [value for answer in row["answers"] for value in (answer["name"], answer["data"])]
        check(all(32 <= ord(character) < 127 for text in texts for character in text), "unescaped bytes:", texts)
    server = loopback(t)
    for name in names[:2]:
        for kind in ("A", "TXT"):
            said = zonesweep("lookup", name, "-t", kind, "-r", server.address).out
            check(all(character == "\n" or 32 <= ord(character) < 127 for character in said), "unescaped bytes:", repr(said))


@test
def records_that_nobody_asked_for_are_not_output(t):
    for row in scan(t, [f"f-poison.{index}.example" for index in range(20)]):
        check("6.6.6.6" not in str(row.get("answers")), "a poisoned answer:", row)
        check("victim" not in str(row.get("answers")), "a poisoned answer:", row)


@test
def a_truncated_answer_says_tcp_and_a_failed_one_keeps_its_mark(t):
    for row in scan(t, ["f-tc.1.example", "f-tc-rst.2.example", "plain-3.example"]):
        if row["seq"] == 0:
            equal((row["status"], row["transport"]), ("NOERROR", "tcp"), row["name"])
        if row["seq"] == 1:
            equal(row["status"], "TRUNCATED", row["name"])


@test
def extended_errors_are_in_the_row(t):
    for row in scan(t, ["f-ede-18.1.example"]):
        equal(row["status"], "SERVFAIL", "status")
        check(row.get("ede"), "no ede:", row)


if __name__ == "__main__":
    main()
