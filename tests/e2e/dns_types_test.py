#!/usr/bin/env python3
"""What we show of a record is what dig prints, for every type, as NSD, Knot and BIND serve it.

Each test asks one server for each name of a zone, once with dig and once by itself; the second answer goes through
dns_dump (tests/e2e/dns_dump.cc), which decodes with protocols/dns. Both must show the same records.
"""
import shutil
import socket
import struct
import subprocess

from dns_reading import decoded, receive
from harness import Skip, check, equal, knot, main, named, nsd, test

ZONE = "types.test"
LONG = "x" * 255


def hex_of(data):
    return f"\\# {len(data)} {data.hex()}"


def param(key, value):
    return struct.pack(">HH", key, len(value)) + value


def svcb(priority, target, *params):
    return hex_of(struct.pack(">H", priority) + target + b"".join(params))


def bitmap(*types):
    windows = {}
    for number in types:
        bits = windows.setdefault(number >> 8, bytearray(32))
        bits[(number & 255) >> 3] |= 0x80 >> (number & 7)
    out = b""
    for window, bits in sorted(windows.items()):
        bits = bytes(bits).rstrip(b"\0")
        out += bytes([window, len(bits)]) + bits
    return out


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


# Type -> the RDATA of its records. What not every server can read is in the form of RFC 3597, which all can.
RECORDS = {
    "A": ["192.0.2.1", "0.0.0.0", "255.255.255.255", "10.9.100.200"],
    "AAAA": ["2001:db8::1", "::", "::1", "1::", "1:0:0:2::3", "::ffff:192.0.2.1", "::192.0.2.1", "::2", "fe80::1:0:0:1",
             "1:0:2:3:4:5:6:7"],
    "NS": ["ns1.types.test.", "ns.elsewhere.", "NS2.Types.Test."],
    "PTR": ["host.types.test.", "."],
    "MX": ["0 .", "10 mail", "65535 Mail.Elsewhere."],
    "TXT": ['"plain"', '""', '"two" "strings"', '"quote \\" backslash \\\\ semicolon ; at @"',
            '"\\000\\009\\127\\128\\255"', f'"{LONG}" "{LONG}" "end"', '"k=v; p=MIIB"', '"utf8 \\195\\188"'],
    "SPF": ['"v=spf1 -all"', '"a" "b"'],
    "SRV": ["0 0 0 .", "1 65535 443 host", "10 20 30 Host.Elsewhere."],
    "NAPTR": ['100 10 "S" "SIP+D2U" "" _sip._udp', '0 0 "" "" "!^.*$!sip:info@example.test!" .',
              '65535 1 "u" "E2U+sip" "!^(\\\\+1.*)$!sip:\\\\1@x!" .'],
    "CAA": ['0 issue "ca.example; account=1"', '128 issuewild ";"', '0 iodef "mailto:a@b"', '0 tbs "quote \\" \\\\ \\007"',
            '255 x ""'],
    "DS": [f"12345 8 1 {'ab' * 20}", f"0 13 2 {'0f' * 32}", f"65535 14 4 {'cd' * 48}", "1 255 200 00"],
    "CDS": [f"12345 8 2 {'AB' * 32}", "0 0 0 00"],
    "DNSKEY": [hex_of(struct.pack(">HBB", 257, 3, 13) + bytes(range(64))),
               hex_of(struct.pack(">HBB", 256, 3, 8) + bytes(range(256)) + b"\1")],
    "CDNSKEY": [hex_of(struct.pack(">HBB", 257, 3, 15) + bytes(range(32))), hex_of(b"\0\0\3\0\0")],
    "TLSA": [f"3 1 1 {'d2' * 32}", "0 0 0 00", f"255 255 255 {'12' * 64}"],
    "SMIMEA": [f"3 0 0 {'30' * 100}", f"3 1 2 {'ab' * 64}"],
    "SSHFP": [f"1 1 {'ab' * 20}", f"4 2 {'cd' * 32}"],
    "SVCB": [svcb(0, wire("alias.types.test")), svcb(1, b"\0"), svcb(65535, wire("svc.elsewhere"), param(3, b"\x01\xbb")),
             svcb(1, b"\0", param(0, b"\0\1\0\4"), param(1, b"\2h2\2h3\x08http/1.1"), param(2, b""), param(3, b"\x20\xfb"),
                  param(4, bytes(range(8))), param(5, bytes(range(70))), param(6, bytes(16) + bytes(range(16))),
                  param(7, b"/dns-query{?dns}"), param(667, b"hello \"\\ \0\xff"), param(65280, b"")),
             svcb(2, b"\0", param(1, b'\3a,b\3c\\d\2"e'))],
    "HTTPS": [svcb(0, wire("alias")), svcb(1, b"\0", param(1, b"\2h3"), param(4, b"\xc0\0\2\1"))],
    "LOC": ["51 30 12.748 N 0 7 39.611 W 0.00m 0.00m 0.00m 0.00m", "0 0 0 N 0 0 0 E 0m", "90 S 180 W -100000m",
            "42 21 54 N 71 6 18 W -24m 30m", "1 2 3.004 S 5 6 7.008 E 42849672.95m 90000000.00m 0.01m 100m"],
    "HINFO": ['"RFC8482" ""', '"cpu \\" x" "os"'],
    "RP": [". .", "admin.types.test. info"],
    "URI": ['10 1 "ftp://ftp1.example.com/public"', '0 65535 "https://e/?q=\\"x\\""'],
    "ZONEMD": [hex_of(struct.pack(">IBB", 2018031500, 1, 1) + bytes(range(48))),
               hex_of(struct.pack(">IBB", 1, 240, 1) + bytes(range(48)))],
    "OPENPGPKEY": [hex_of(bytes(range(256)) * 3), hex_of(b"\1")],
    "AFSDB": ["1 afs", "65535 ."],
    "KX": ["10 kx"],
    "CERT": ["PKIX 1 RSASHA256 AQID", "65534 0 0 AA==", "URI 9 ECDSAP256SHA256 aHR0cA=="],
    "DLV": [hex_of(struct.pack(">HBB", 1, 8, 2) + b"\xab" * 32)],
    "CSYNC": [hex_of(struct.pack(">IH", 66, 3) + bitmap(1, 2, 28)), hex_of(struct.pack(">IH", 4294967295, 0))],
    "EUI48": ["00-00-5e-00-53-2a"],
    "EUI64": ["00-00-5e-ef-10-00-00-2a"],
    "NID": ["10 0014:4fff:ff20:ee64"],
    "L32": ["10 10.1.2.0"],
    "L64": ["10 2001:0db8:1140:1000"],
    "LP": ["10 l64"],
    "DHCID": ["AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="],
    "APL": ["1:192.168.32.0/21 !1:192.168.38.0/28", "2:ff00:0:0:0:0:0:0:0/8", "1:0.0.0.0/0"],
    "IPSECKEY": ["10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
                 "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
                 "10 2 2 2001:db8::1 AQNRU3mG", "10 3 2 gw.types.test. AQNRU3mG"],
    "HIP": [hex_of(b"\x04\x02\x00\x06" + b"\1\2\3\4" + b"abcdef"),
            hex_of(b"\x04\x02\x00\x06" + b"\1\2\3\4" + b"abcdef" + wire("rvs.types.test") + wire("rvs2"))],
    "X25": [hex_of(b"\x0c311061700956")],
    "ISDN": [hex_of(b"\x0f150862028003217"), hex_of(b"\x0f150862028003217\x03004")],
    "RT": ["2 relay"],
    "NSAP": [hex_of(bytes.fromhex("47000580005a0000000001e133ffffff00016100"))],
    "PX": [hex_of(b"\0\x32" + wire("net2.it") + wire("prmd-net2.admd-p400.c-it"))],
    "TALINK": [hex_of(wire("h1.types.test") + wire("h2"))],
    "NINFO": [hex_of(b"\5hello\0")],
    "RKEY": [hex_of(struct.pack(">HBB", 0, 3, 8) + b"key")],
    "NSEC3PARAM": ["1 0 10 AABBCCDD", "1 1 0 -"],
    "DOA": [hex_of(struct.pack(">IIB", 1, 2, 3) + b"\x0aimage/jpeg" + bytes(100)), hex_of(struct.pack(">IIB", 0, 0, 0) + b"\0")],
    "AMTRELAY": [hex_of(b"\x0a\x81\xc0\0\2\1"), hex_of(b"\x0a\x00"), hex_of(b"\x0a\x02" + bytes(15) + b"\1"),
                 hex_of(b"\x0a\x03" + wire("relay.types.test"))],
    "AVC": [hex_of(b"\7app-id:\1x")],
    "RESINFO": [hex_of(b"\x09qnamemin\x20\5infou")],
    "TYPE65280": [hex_of(b""), hex_of(b"\xab"), hex_of(bytes(range(100)))],
    "TYPE1234": [hex_of(b"\xc0\x0c")],
}
# Types that are written in the form of RFC 3597: not every server knows their word.
NUMBERS = {"X25": 19, "ISDN": 20, "NSAP": 22, "PX": 26, "DNSKEY": 48, "HIP": 55, "NINFO": 56, "RKEY": 57, "TALINK": 58,
           "CDNSKEY": 60, "OPENPGPKEY": 61, "CSYNC": 62, "ZONEMD": 63, "SVCB": 64, "HTTPS": 65, "AVC": 258, "DOA": 259,
           "AMTRELAY": 260, "RESINFO": 261, "DLV": 32769}
ODD_OWNERS = ["a\\.b", "sp\\032ace", "back\\\\slash", "semi\\;colon", "\\@at", "\\$dollar", "quo\\\"te", "par\\(en\\)",
              "ctl\\001\\127", "high\\200\\255", "*", "_under", "UPPER", "x" * 63,
              ".".join(["y" * 59, "z" * 63, "w" * 63]) + "." + "v" * 52]
# Signed zones need no odd types: the records that signing makes are the point.
SIGNED = """
$ORIGIN signed.test.
$TTL 300
@ IN SOA ns hostmaster 1 7200 900 86400 60
@ IN NS ns
ns IN A 192.0.2.1
host IN A 192.0.2.2
host IN AAAA 2001:db8::2
host IN TXT "signed"
host IN TYPE65280 \\# 1 ab
*.wild IN MX 10 host
alias IN CNAME host
gone IN CNAME nothing
child IN NS ns.child
child IN DS 12345 13 2 {digest}
ns.child IN A 192.0.2.3
old IN DNAME new
x.new IN A 192.0.2.4
""".format(digest="ab" * 32)
SIGNED_QUESTIONS = [("signed.test", "SOA"), ("signed.test", "NS"), ("signed.test", "DNSKEY"), ("host.signed.test", "A"),
                    ("host.signed.test", "AAAA"), ("host.signed.test", "ANY"), ("host.signed.test", "MX"),
                    ("no.signed.test", "A"), ("a.wild.signed.test", "MX"), ("a.wild.signed.test", "A"),
                    ("alias.signed.test", "A"), ("gone.signed.test", "A"), ("x.child.signed.test", "A"),
                    ("child.signed.test", "DS"), ("x.old.signed.test", "A"), ("signed.test", "NSEC3PARAM"),
                    ("host.signed.test", "NSEC"), ("host.signed.test", "RRSIG")]


def zone_text():
    lines = [f"$ORIGIN {ZONE}.", "$TTL 300", "@ IN SOA ns1 host\\.master 4294967295 7200 900 1209600 86400", "@ IN NS ns1",
             "ns1 IN A 192.0.2.53", "alias IN CNAME A", "Chain1 IN CNAME chain2", "chain2 IN CNAME a",
             "old IN DNAME new.types.test.", "leaf.new IN A 192.0.2.99"]
    for ttl, (kind, records) in enumerate(RECORDS.items(), 300):
        for data in records:
            word = word_of(kind)
            owner = f"{kind.lower()}.sub" if kind in ("NS", "DS") else kind.lower()
            lines.append(f"{owner} {ttl} IN {word} {data}")
    lines += [f"{owner} IN A 192.0.2.7" for owner in ODD_OWNERS]
    return "\n".join(lines) + "\n"


def word_of(kind):
    return f"TYPE{NUMBERS[kind]}" if kind in NUMBERS else kind


def questions():
    asked = [(f"{kind.lower()}.sub.{ZONE}" if kind in ("NS", "DS") else f"{kind.lower()}.{ZONE}", word_of(kind))
             for kind in RECORDS]
    asked += [(f"{owner}.{ZONE}", "A") for owner in ODD_OWNERS]
    return asked + [(ZONE, "SOA"), (ZONE, "NS"), (f"alias.{ZONE}", "A"), (f"chain1.{ZONE}", "A"), (f"leaf.old.{ZONE}", "A"),
                    (f"nothing.{ZONE}", "A"), (f"a.{ZONE}", "MX"), (f"mx.{ZONE}", "ANY")]


# ------------------------------------------------------------------------------------------------ the two readings


def by_dig(port, asked, folder):
    """Per question, the sorted records that dig shows."""
    if not shutil.which("dig"):
        raise Skip("dig is not installed (tools/install-packages test)")
    batch = folder / "questions"
    batch.write_text("".join(f"{name}. {kind}\n" for name, kind in asked))
    shown = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+tcp", "+norecurse", "+dnssec", "+nocookie", "+noall",
                            "+question", "+answer", "+authority", "+additional", "+time=5", "+tries=1", "-f", str(batch)],
                           stdout=subprocess.PIPE, check=False).stdout.decode("ascii")
    replies = []
    for line in shown.splitlines():
        if line.startswith(";") and line.split()[-2:-1] == ["IN"]:
            replies.append([])
        elif line and not line.startswith(";"):
            replies[-1].append(tuple(line.split(None, 4)) if len(line.split(None, 4)) == 5 else (*line.split(None, 4), ""))
    equal(len(replies), len(asked), "replies that dig shows")
    return [sorted(records) for records in replies]


def wire_name(text):
    out, label, at = b"", b"", 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1].isdigit():
            label += bytes([int(text[at + 1:at + 4])])
            at += 4
        elif text[at] == "\\":
            label += text[at + 1].encode()
            at += 2
        elif text[at] == ".":
            out, label, at = out + bytes([len(label)]) + label, b"", at + 1
        else:
            label += text[at].encode()
            at += 1
    return out + bytes([len(label)]) + label + b"\0"


TYPE_NUMBERS = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18,
                "RT": 21, "AAAA": 28, "LOC": 29, "SRV": 33, "NAPTR": 35, "KX": 36, "CERT": 37, "DNAME": 39, "APL": 42,
                "DS": 43, "SSHFP": 44, "IPSECKEY": 45, "RRSIG": 46, "NSEC": 47, "DHCID": 49, "NSEC3PARAM": 51, "TLSA": 52,
                "SMIMEA": 53, "CDS": 59, "SPF": 99, "NID": 104, "L32": 105, "L64": 106, "LP": 107, "EUI48": 108,
                "EUI64": 109, "ANY": 255, "URI": 256, "CAA": 257, **NUMBERS}


def type_number(kind):
    return int(kind[4:]) if kind.startswith("TYPE") else TYPE_NUMBERS[kind]


def ask(port, name, kind):
    """One reply over TCP, with DO set as dig does."""
    query = (struct.pack(">6H", 1, 0, 1, 0, 0, 1) + wire_name(name) + struct.pack(">HH", type_number(kind), 1) +
             b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, 0))
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(struct.pack(">H", len(query)) + query)
        return receive(connection, struct.unpack(">H", receive(connection, 2))[0])


def by_us(port, asked):
    """Per question, the sorted records that we decode."""
    replies = decoded([ask(port, name, kind) for name, kind in asked])
    for question, records in zip(asked, replies):
        check(isinstance(records, list), "we refuse the answer to", question, records)
    return [sorted(records) for records in replies]


def compare(t, server, asked):
    dig, ours = by_dig(server.port, asked, t.folder), by_us(server.port, asked)
    different = [(question, theirs, mine) for question, theirs, mine in zip(asked, dig, ours) if theirs != mine]
    for question, theirs, mine in different[:10]:
        t.note(*question)
        t.note("  dig: ", *sorted(set(theirs) - set(mine)))
        t.note("  ours:", *sorted(set(mine) - set(theirs)))
    check(not different, len(different), "of", len(asked), "answers differ")
    return ours


def compare_types(t, start):
    zone = t.folder / "types.zone"
    zone.write_text(zone_text())
    ours = compare(t, start(t, ZONE, str(zone)), questions())
    shown = {record[3] for records in ours for record in records}
    missing = {*RECORDS, "SOA", "CNAME", "DNAME"} - shown
    check(not missing, "the server has no records of", sorted(missing))
    t.note(sum(map(len, ours)), "records of", len(shown), "types")


def signed_zone(t, *options):
    keygen, signzone = shutil.which("dnssec-keygen"), shutil.which("dnssec-signzone")
    if not keygen or not signzone:
        raise Skip("dnssec-keygen and dnssec-signzone are not installed (tools/install-packages test)")
    zone = t.folder / "signed.zone"
    keys = [subprocess.run([keygen, "-q", "-K", t.folder, "-a", "ECDSAP256SHA256", *flags, "signed.test"], check=True,
                           stdout=subprocess.PIPE).stdout.decode().strip() for flags in ([], ["-f", "KSK"])]
    zone.write_text(SIGNED + "".join((t.folder / f"{key}.key").read_text() for key in keys))
    subprocess.run([signzone, "-S", "-K", t.folder, "-o", "signed.test", *options, zone], check=True, cwd=t.folder,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return str(zone) + ".signed"


def compare_signed(t, start, *options):
    ours = compare(t, start(t, "signed.test", signed_zone(t, *options)), SIGNED_QUESTIONS)
    shown = {record[3] for records in ours for record in records}
    t.note(sum(map(len, ours)), "records of", len(shown), "types")
    wanted = {"RRSIG", "DNSKEY", "DS", "SOA", "NSEC3" if options else "NSEC"}
    check(wanted <= shown, "never served:", wanted - shown)


@test
def every_type_from_nsd_is_shown_as_by_dig(t):
    compare_types(t, nsd)


@test
def every_type_from_knot_is_shown_as_by_dig(t):
    compare_types(t, knot)


@test
def every_type_from_bind_is_shown_as_by_dig(t):
    compare_types(t, named)


@test
def a_zone_signed_with_nsec_from_nsd_is_shown_as_by_dig(t):
    compare_signed(t, nsd)


@test
def a_zone_signed_with_nsec_from_knot_is_shown_as_by_dig(t):
    compare_signed(t, knot)


@test
def a_zone_signed_with_nsec_from_bind_is_shown_as_by_dig(t):
    compare_signed(t, named)


@test
def a_zone_signed_with_nsec3_from_nsd_is_shown_as_by_dig(t):
    compare_signed(t, nsd, "-3", "AABBCCDD", "-H", "5")


@test
def a_zone_signed_with_nsec3_from_knot_is_shown_as_by_dig(t):
    compare_signed(t, knot, "-3", "-", "-H", "0")


@test
def a_zone_signed_with_nsec3_from_bind_is_shown_as_by_dig(t):
    compare_signed(t, named, "-3", "AABBCCDD", "-H", "5", "-A")


if __name__ == "__main__":
    main()
