#!/usr/bin/env python3
"""What a user asks of registration: shared answers, opt-out, the registrar, one name for people."""
from harness import check, equal, main, rows, test, write_names, zonesweep
from registration_world import RegistrationWorld

FAST = ["--whois-rate", 0, "--rdap-rate", 0]


def scan(t, world, names, *options):
    """seq -> row."""
    world.tell({name.rsplit(".", 1)[1] for name in names})
    out = t.folder / f"out{len(list(t.folder.glob('out*')))}"
    done = world.begin(write_names(t.folder / "names.txt", names), out, "registration", *FAST, *options).wait(60)
    equal(done.code, 0, done.err)
    return {row["seq"]: row for row in rows(out, "registration")}


@test
def names_of_one_domain_share_its_answer_and_its_redirects(t):
    world = RegistrationWorld(t)
    names = [f"h{i}.{domain}" for domain in ("f-rredirect-3.r1", "name1.r2", "name1.w3") for i in range(20)]
    found = scan(t, world, names)
    equal({row["status"] for row in found.values()}, {"OK"}, "statuses")
    for seq, row in found.items():
        equal((row["input"], row["domain"]), (names[seq], names[seq].partition(".")[2]), "name and domain")
    world.stop()
    asked = sum(server["requests"] for kind in world.statistics().values() for server in kind.values())
    check(asked <= 6 + 4 * 3, "questions for 60 names of three domains:", asked)


@test
def who_opted_out_is_not_asked_about(t):
    world = RegistrationWorld(t)
    (t.folder / "opt-out").write_text("# people who said no\nname1.w1\nsub.name2.w2\n")
    found = scan(t, world, ["name1.w1", "www.name1.w1", "name2.w2", "x.sub.name2.w2"], "--opt-out", t.folder / "opt-out")
    equal([found[seq]["status"] == "CANCELLED" for seq in range(4)], [True, True, False, True], "cancelled")
    equal(found[0]["error"], "opted out", "reason")
    check("registered" not in found[0], found[0])
    world.stop()
    asked = [host for kind in world.statistics().values() for host, server in kind.items() if server["requests"]]
    check(all("w1" not in host.split(".") for host in asked), asked)


@test
def the_registrar_fills_in_and_never_overwrites(t):
    world = RegistrationWorld(t)
    names = [f"name{i}.{zone}" for zone in ("w0", "w2", "r1", "r5") for i in range(5)]
    alone, both = scan(t, world, names), scan(t, world, names, "--registrar")
    filled = 0
    for seq, before in alone.items():
        after = both[seq]
        equal(after["status"], before["status"], "status")
        for member in ("registrar", "created", "updated", "expires", "statuses", "nameservers", "server", "source", "dnssec"):
            equal(after.get(member), before.get(member), f"{member} of {before['input']}")
        filled += "registrant_org" in after and "registrant_org" not in before
    check(filled > 0, "the registrar added nothing at all")


@test
def lookup_shows_dns_and_registration_for_people(t):
    world = RegistrationWorld(t)
    options = world.options("dns,registration")
    at = options.index("--progress")
    del options[at:at + 2]  # lookup shows none
    said = zonesweep("lookup", "name1.b1", "nothing-here.b1", "-t", "A", *options).out
    for words in ("name1.b1  A ", "name1.b1  REG ", "registrar ", "expires ", "name servers "):
        check(words in said, f"{words!r} is missing:", said)
    check("\x1b" not in said, "colour in a pipe")
    check("\x1b[" in zonesweep("lookup", "name1.b1", "--color", "always", *options).out, "no colour")


if __name__ == "__main__":
    main()
