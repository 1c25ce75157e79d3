#!/usr/bin/env python3
"""Registration servers that do whatever they like: each row ends in its status, nothing else suffers, nothing leaks.

The faults are those of the loopback internet (docs/loopback.md). Each stands for one zone with a server of its own."""
import re

from harness import World, check, equal, lines, main, name_hash, shard_files, test, write_names
from registration_world import RegistrationWorld, one_row_each, said

# Short, so that the whole file takes about a minute.
QUICK = ["--whois-rate", 50, "--patience", "6s", "--compress", "none"]
PEAK_KIB = 96 * 1024

AS_THE_WORLD_HAS_IT = None
WHOIS = {
    "wsilent": "TIMEOUT", "wreset": "NET_ERROR", "wrefuse": "NET_ERROR",
    "wrst": "PARTIAL", "wrst-300": "PARTIAL NET_ERROR",
    "wempty": "EMPTY", "wmute": "TIMEOUT", "wslow": "TIMEOUT PARTIAL", "wslow-20": "TIMEOUT PARTIAL",
    "wlate-200": AS_THE_WORLD_HAS_IT, "wnoclose": AS_THE_WORLD_HAS_IT, "whalf": "TIMEOUT",
    "wflood": "TOO_LARGE", "wline": "TOO_LARGE", "wlines": "TOO_LARGE", "wnames": "OK BAD_DATA PARTIAL",
    "wbytes": "OK PARTIAL", "wutf16": "OK NOT_FOUND", "wnul": "BAD_DATA", "wdates": "OK PARTIAL",
    **{f"wthrottle-{text}": "RATE_LIMITED" for text in range(12)}, "wfirst": "RATE_LIMITED", "wban": "RATE_LIMITED",
    "whttp": "BAD_DATA", "wsmtp": "BAD_DATA", "wother": "BAD_DATA", "werror": "BAD_DATA", "wunsupported": "NO_SERVER",
    "wreserved": "OK",
    **{f"wloop-{way}": AS_THE_WORLD_HAS_IT for way in range(2)}, **{f"wref-{place}": AS_THE_WORLD_HAS_IT for place in range(12)},
}
RDAP = {
    "rexpired": "TLS_ERROR", "rnotyet": "TLS_ERROR", "rname": "TLS_ERROR", "rself": "TLS_ERROR", "rold": "TLS_ERROR",
    "rgarbage": "TLS_ERROR", "rslowtls": "TIMEOUT", "rhandshake": "TIMEOUT", "rsilent": "TIMEOUT",
    "rreset": "NET_ERROR", "rrefuse": "NET_ERROR",
    "rh1": AS_THE_WORLD_HAS_IT, "rh2": AS_THE_WORLD_HAS_IT, "rnoalpn": AS_THE_WORLD_HAS_IT,
    "rsettings": "HTTP_ERROR", "rping": "HTTP_ERROR", "rframes": "HTTP_ERROR", "rcontinuation": "HTTP_ERROR",
    **{f"rframe-{kind}": "HTTP_ERROR" for kind in range(8)},
    "rfields": "HTTP_ERROR", "rinform": "HTTP_ERROR", "rstreams": AS_THE_WORLD_HAS_IT,
    "rgoaway": AS_THE_WORLD_HAS_IT, "rclose": AS_THE_WORLD_HAS_IT, "rrst": "HTTP_ERROR", "rrefused-10": "OK NOT_FOUND",
    "rhuge": "TOO_LARGE", "rlayers": "BAD_DATA", "rbrotli": "BAD_DATA", "rgzip": "BAD_DATA",
    "rredirect-1": AS_THE_WORLD_HAS_IT, "rredirect-5": AS_THE_WORLD_HAS_IT, "rredirect-6": "REDIRECT_BLOCKED",
    "rredirect-50": "REDIRECT_BLOCKED", "rloop": "REDIRECT_BLOCKED", "rhttp": "REDIRECT_BLOCKED",
    # 8: https://localhost/, which the loopback internet's resolver does not know.
    **{f"rprivate-{place}": "NET_ERROR" if place == 8 else "REDIRECT_BLOCKED" for place in range(14)},
    "r429": "RATE_LIMITED", "r429date": "RATE_LIMITED", "r503": "RATE_LIMITED", "rretry": "RATE_LIMITED", "r422": "RATE_LIMITED",
    "r403": "RATE_LIMITED", "rnotice": "RATE_LIMITED",
    "r400": "HTTP_ERROR", "r401": "HTTP_ERROR", "r404html": "HTTP_ERROR", "r500": "HTTP_ERROR",
    "r404": AS_THE_WORLD_HAS_IT, "r404empty": AS_THE_WORLD_HAS_IT,
    "rhtml": "BAD_DATA", "rempty": "BAD_DATA", "rarray": "BAD_DATA", "robject": "BAD_DATA", "rclass": "BAD_DATA",
    "rother": "BAD_DATA", "rdeep": "BAD_DATA", "rhalf": "BAD_DATA", "rtail": "BAD_DATA", "rdup": "BAD_DATA",
    "rtypes": "PARTIAL", "rbytes": "OK PARTIAL", "rslow": "TIMEOUT", "rmute": "TIMEOUT", "rlate-100": AS_THE_WORLD_HAS_IT,
}
# By HTTP/1.1, where framing is by words; each by a name at a server of its own.
HTTP1 = {
    **{f"rraw-{kind}": "BAD_DATA" for kind in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)}, "rraw-7": "HTTP_ERROR", "rcut": "BAD_DATA", "rfields": "HTTP_ERROR", "rinform": "HTTP_ERROR", "rhuge": "TOO_LARGE", "rlayers": "BAD_DATA", "rbrotli": "BAD_DATA", "rgzip": "BAD_DATA", "rmute": "TIMEOUT", "rhtml": "BAD_DATA",
    "r404html": "HTTP_ERROR", "rloop": "REDIRECT_BLOCKED", "rredirect-5": AS_THE_WORLD_HAS_IT,
}
NAMES_EACH = 3


def zone_of(kind):
    return f"f-{kind}-1"


def good_names(zones, each=20):
    return [f"good{i}.{zone}" for zone in zones for i in range(each)]


def scan(t, world, names, probe, *options, rdap_rate=50, timeout="2s"):
    """name -> row, after checking what holds whatever servers do."""
    world.tell({name.rsplit(".", 1)[1] for name in names})
    done = world.begin(write_names(t.folder / "names.txt", names), t.folder / "out", probe, *QUICK, "--rdap-rate", rdap_rate,
                       "--registration-timeout", timeout, *options).wait(60)
    equal(done.code, 0, f"exit code ({done.err[-1000:]})")
    check(done.peak_kib < PEAK_KIB, done.peak_kib, "KiB at the peak")
    check_bytes(done.out + done.err)
    for path in shard_files(t.folder / "out", "registration"):
        for line in lines(path):
            check_bytes(line.decode().rstrip("\n"))
    found = one_row_each(t.folder / "out", names)
    expected = world.expected(names, probe)
    for name, row in found.items():
        check((row["status"] == "NOT_FOUND") == (row.get("registered") is False), "not registered, and NOT_FOUND:", row)
        if "registered" in row:
            equal(row["registered"], registered(name), f"{name} is registered")
        check(row["tries"] > 0 or "source" not in row, "a source that was not asked:", row)
    t.note(f"{len(names)} names, {done.seconds:.1f} s, {done.cpu:.1f} s of CPU, {done.peak_kib // 1024} MiB")
    return found, expected


def registered(name):
    """By the rules of docs/loopback.md."""
    return World().expected(name, "A").status != "NXDOMAIN" or name_hash(name, 2) & 7 == 0


_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def check_bytes(text):
    """No control, and nothing that turns the direction of text."""
    found = _UNPRINTABLE.search(text)
    check(not found, f"{found and found.group()!r} in", repr(text[max(0, (found.start() if found else 0) - 60):][:140]))


def check_statuses(kinds, found, expected, names_of):
    wrong = []
    for kind, statuses in kinds.items():
        for name in names_of(kind):
            row = found[name]
            if statuses is AS_THE_WORLD_HAS_IT:
                if kind.startswith("rredirect"):
                    expected[name]["server"] = row["server"]
                if said(row) != expected[name]:
                    wrong.append(f"{name}: {said(row)}, but the world has {expected[name]} ({row.get('error')})")
            elif row["status"] not in statuses.split():
                wrong.append(f"{name}: {row['status']} and not {statuses} ({row.get('error')})")
    check(not wrong, len(wrong), "rows:", *wrong[:20])


def check_good(good, found, expected):
    for name in good:
        equal(said(found[name]), expected[name], f"{name}, whose server is good ({found[name].get('error')})")


@test
def whois_servers(t):
    world, good = RegistrationWorld(t), good_names(["w0", "w1", "w2", "w7"])
    names_of = lambda kind: [f"name{i}.{zone_of(kind)}" for i in range(NAMES_EACH)]  # noqa: E731
    names = [name for kind in WHOIS for name in names_of(kind)] + good
    found, expected = scan(t, world, names, "whois", "--raw")
    check_statuses(WHOIS, found, expected, names_of)
    check_good(good, found, expected)
    for name in names_of("wrst"):
        check(found[name].get("raw"), "what came before the reset is kept:", found[name])


@test
def rdap_servers(t):
    world, good = RegistrationWorld(t), good_names(["r0", "r1", "b2", "b3"])
    names_of = lambda kind: [f"name{i}.{zone_of(kind)}" for i in range(NAMES_EACH)]  # noqa: E731
    names = [name for kind in RDAP for name in names_of(kind)] + good
    found, expected = scan(t, world, names, "rdap", timeout="6s")
    check_statuses(RDAP, found, expected, names_of)
    check_good(good, found, expected)


@test
def rdap_servers_that_speak_http_1(t):
    world = RegistrationWorld(t)
    at = {kind: number for number, kind in enumerate(HTTP1)}
    names_of = lambda kind: [f"f-{kind}.f-rh1-{at[kind]}"]  # noqa: E731
    names = [name for kind in HTTP1 for name in names_of(kind)]
    found, expected = scan(t, world, names, "rdap", timeout="4s")
    check_statuses(HTTP1, found, expected, names_of)


@test
def whois_holds_where_rdap_does_not(t):
    """--probe registration: behind each of these RDAP servers is a good WHOIS server."""
    world = RegistrationWorld(t)
    names_of = lambda kind: [f"name{i}.{zone_of(kind)}" for i in range(NAMES_EACH)]  # noqa: E731
    failing = [kind for kind, statuses in RDAP.items() if statuses is not AS_THE_WORLD_HAS_IT and "OK" not in statuses
               and statuses != "PARTIAL"]
    names = [name for kind in failing for name in names_of(kind)]
    found, _ = scan(t, world, names, "registration", timeout="6s")
    by_whois = world.expected(names, "whois")
    for name in names:
        equal(said(found[name]), by_whois[name], f"{name} ({found[name].get('error')})")


@test
def one_bad_name_harms_no_other_at_its_server(t):
    """Good names ask the same server, over the same connection, at the same time."""
    kinds = ["rframe-0", "rframe-3", "rrst", "rlate-2900", "rmute", "rsettings", "rhalf", "rother", "rlayers", "rrefused",
             "rcontinuation", "rgoaway", "rclose"]
    world = RegistrationWorld(t)
    zones = {kind: f"b{number}" for number, kind in enumerate(kinds)}
    zones |= {kind + " h1": f"f-rh1-{number}" for number, kind in enumerate(kinds)}
    names = []
    for kind, zone in zones.items():
        good = good_names([zone], 30)
        names += good[:15] + [f"f-{kind.split()[0]}.{zone}"] + good[15:]
    found, expected = scan(t, world, names, "rdap", rdap_rate=0, timeout="6s")
    check_good([name for name in names if name.startswith("good")], found, expected)


@test
def floods_from_many_servers_share_little_memory(t):
    """Answers of a MiB, bodies of many, all at once."""
    world, count = RegistrationWorld(t), 400 if t.long else 60
    for probe, kind in ("whois", "wflood"), ("rdap", "rhuge"):
        zones = [f"f-{kind}-{i}" for i in range(count)]
        world.tell(zones)
        names = [f"name{i}.{zone}" for zone in zones for i in range(2)]
        done = world.begin(write_names(t.folder / "names.txt", names), t.folder / f"out-{probe}", probe, *QUICK, "--rdap-rate", 50,
                           "--registration-timeout", "20s").wait(120)
        equal(done.code, 0, f"exit code ({done.err[-1000:]})")
        found = one_row_each(t.folder / f"out-{probe}", names)
        equal({row["status"] for row in found.values()}, {"TOO_LARGE"}, "statuses")
        t.note(f"{count} servers with {kind}: {done.peak_kib // 1024} MiB, {done.seconds:.1f} s")
        check(done.peak_kib < 256 * 1024, done.peak_kib, "KiB at the peak")


if __name__ == "__main__":
    main()
