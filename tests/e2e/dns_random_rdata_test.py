#!/usr/bin/env python3
"""Random RDATA of every type that dig 9.18 knows, read by dig and by us: what dig takes we take, and both show it alike.

A scripted server in this program answers dig over TCP; the same messages go to dns_dump. Where dig refuses a record, we may
show it: refusing a whole reply for an odd hash length would lose a row. The seed is printed; ZONESWEEP_SEED sets it.
"""
import os
import random
import shutil
import socket
import struct
import subprocess
import threading
import time

from dns_reading import decoded, receive, rows
from harness import Skip, check, equal, main, test

RECORDS = 6_000
RECORDS_LONG = 200_000
BATCH = 6_000  # records of one run of dig


class Generator:
    """RDATA that is mostly well formed, often odd, and sometimes damaged."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        pick, u8, u16, u32, octets, name, plain, text = (
            self.random.choice, self.u8, self.u16, self.u32, self.octets, self.name, self.plain_name, self.text)
        key = lambda: u16() + u8() + u8() + self.blob(0, 300)
        signature = lambda signer: u16() + u8() + u8() + u32() + self.time() + self.time() + u16() + signer() + self.blob()
        mail = lambda: u16() + name()
        self.types = {
            1: lambda: octets(4), 2: name, 3: name, 4: name, 5: name, 7: name, 8: name, 9: name, 12: name, 23: name, 39: plain,
            6: lambda: name() + name() + b"".join(u32() for _ in range(5)), 10: lambda: self.blob(0),
            11: lambda: octets(4) + bytes([pick([6, 17, 9])]) + self.blob(0, 20), 13: lambda: text() + text(),
            14: lambda: name() + name(), 15: mail, 16: self.texts, 17: lambda: name() + name(), 18: mail,
            19: lambda: pick([b"\x05" + b"12345", text()]), 20: lambda: text() + pick([b"", text()]), 21: mail, 22: self.blob,
            24: lambda: signature(name), 25: key, 26: lambda: u16() + name() + name(),
            27: lambda: pick([b"\x05-22.6\x04-3.1\x033.0", text() + text() + text()]), 28: self.address6, 29: self.location,
            30: lambda: name() + bytes([self.random.randrange(128)]) + octets(self.random.randrange(8)) + b"\1",
            31: lambda: self.blob(0), 32: lambda: self.blob(0), 33: lambda: u16() + u16() + u16() + name(),
            34: lambda: bytes([pick([0, 0, 1, 2])]) + pick([self.blob(), b"123456"]),
            35: lambda: u16() + u16() + text() + text() + text() + name(), 36: mail,
            37: lambda: struct.pack(">H", pick([*range(10), 253, 254, 255, 1000])) + u16() + u8() + self.blob(0),
            38: self.a6, 40: lambda: self.blob(3), 42: self.prefixes, 43: self.digest, 44: self.fingerprint,
            45: lambda: self.gateway_key(pick([0, 1, 2, 3])), 46: lambda: signature(plain),
            47: lambda: plain() + self.bitmap(empty=False), 48: key, 49: self.blob,
            50: lambda: u8() + u8() + u16() + self.counted([0, 1, 4, 8]) + self.counted([20, 20, 1, 5]) + self.bitmap(),
            51: lambda: u8() + u8() + u16() + self.counted([0, 1, 4, 8]), 52: lambda: u8() + u8() + u8() + self.blob(0),
            53: lambda: u8() + u8() + u8() + self.blob(0), 55: self.host_identity, 56: self.texts, 57: key,
            58: lambda: plain() + plain(), 59: self.digest, 60: key, 61: lambda: self.blob(1, 400),
            62: lambda: u32() + u16() + self.bitmap(), 63: self.zone_digest, 64: lambda: u16() + plain() + self.params(),
            65: lambda: u16() + plain() + self.params(), 66: lambda: u16() + bytes([pick([1, 2, 200])]) + u16() + name(),
            67: self.blob, 68: self.blob, 99: self.texts, 100: self.blob, 104: lambda: u16() + octets(8),
            105: lambda: u16() + octets(4), 106: lambda: u16() + octets(8), 107: mail, 108: lambda: octets(6),
            109: lambda: octets(8), 256: lambda: u16() + u16() + self.blob(0, 40), 257: self.authorization, 258: self.texts,
            259: lambda: u32() + u32() + u8() + text() + self.blob(0), 260: self.relay, 261: self.texts, 262: self.texts,
            1234: lambda: self.blob(0), 32768: self.digest, 32769: self.digest, 65280: lambda: self.blob(0),
        }

    def rdata(self, kind):
        data = self.types[kind]()
        if self.random.random() > 0.08:
            return data
        damaged = bytearray(data)
        match self.random.randrange(3):
            case 0 if damaged:
                damaged.pop()
            case 1:
                damaged += self.octets(1)
            case _ if damaged:
                damaged[self.random.randrange(len(damaged))] = self.random.randrange(256)
        # dig follows a compression pointer into the header; we do not.
        into_header = any(pair[0] == 0xC0 and pair[1] < 12 for pair in zip(damaged, damaged[1:]))
        return data if into_header else bytes(damaged)

    def octets(self, count):
        odd = b'"\\;,@$(). \x00\xff\x7f'
        return bytes(self.random.choice((self.random.randrange(256), self.random.randrange(32, 127), self.random.choice(odd)))
                     for _ in range(count))

    def blob(self, low=1, high=120):
        return self.octets(self.random.randrange(low, high))

    def u8(self):
        return bytes([self.random.choice([0, 1, 2, 3, 5, 8, 13, 16, 252, 253, 254, 255, self.random.randrange(256)])])

    def u16(self):
        return struct.pack(">H", self.random.choice([0, 1, 256, 65535, self.random.randrange(65536), self.random.randrange(70)]))

    def u32(self):
        return struct.pack(">I", self.random.choice([0, 1, 2**31, 2**32 - 1, self.random.randrange(2**32)]))

    def time(self):
        return struct.pack(">I", self.random.randrange(3_500_000_000))  # dig reads later ones as before 1970

    def label(self):
        size = 63 if self.random.random() < 0.02 else self.random.choice([1, 2, 3, 5, 8])
        plain = bytes(self.random.choice(b"abcXYZ019-_*") for _ in range(size))
        return bytes([size]) + (self.octets(size) if self.random.random() < 0.3 else plain)

    def plain_name(self):
        return b"".join(self.label() for _ in range(self.random.choice([0, 1, 1, 2, 3]))) + b"\0"

    def name(self):
        if self.random.random() < 0.3:
            return self.random.choice([b"", self.label()]) + b"\xc0\x0c"  # the question name
        return self.plain_name()

    def counted(self, sizes):
        size = self.random.choice(sizes)
        return bytes([size]) + self.octets(size)

    def text(self):
        return self.counted([0, 1, 3, 7, 10, 255] if self.random.random() < 0.1 else [0, 1, 3, 7, 10])

    def texts(self):
        return b"".join(self.text() for _ in range(self.random.randrange(1, 4)))

    def bitmap(self, empty=True):
        windows = self.random.choice([[0], [0], sorted(self.random.sample(range(256), 3)), [] if empty else [255]])
        out = b""
        for window in windows:
            size = self.random.choice([1, 2, 6, 17, 32])
            bits = bytearray(self.random.choice([0, 0, self.random.randrange(256)]) for _ in range(size))
            bits[-1] |= 1 << self.random.randrange(8)
            out += bytes([window, len(bits)]) + bits
        return out

    def address6(self):
        words = [self.random.choice([0, 0, 0, 1, 0xFFFF, self.random.randrange(65536)]) for _ in range(8)]
        if self.random.random() < 0.5:
            zeros = self.random.choice([5, 6, 7])
            words[:zeros] = [0] * zeros
        return struct.pack(">8H", *words)

    def params(self):
        keys = sorted(self.random.sample([0, 1, 2, 3, 4, 5, 6, 7, 8, 667, 65535], self.random.randrange(6)))
        others = [key for key in keys if key]
        wanted = sorted(self.random.sample(others, (len(others) + 1) // 2))
        values = {
            0: lambda: b"".join(struct.pack(">H", key) for key in wanted),
            1: lambda: b"".join(self.counted([1, 2, 5]) for _ in range(self.random.randrange(1, 3))), 2: lambda: b"", 3: self.u16,
            4: lambda: self.octets(4 * self.random.randrange(1, 3)), 5: lambda: self.blob(1, 90),
            6: lambda: b"".join(self.address6() for _ in range(self.random.randrange(1, 3))), 7: lambda: b"/dns-query{?dns}"}
        out = b""
        for key in keys:
            value = values.get(key, lambda: self.blob(0, 9))()
            out += struct.pack(">HH", key, len(value)) + value
        return out

    def location(self):
        digits = lambda: self.random.randrange(1, 10) << 4 | self.random.randrange(10)
        precision = lambda: bytes([self.random.choice([0x12, 0x16, 0x13, 0, 0x99, 0x10, digits()])])
        latitude = 2**31 + self.random.choice([0, 1, -1, self.random.randrange(-324_000_000, 324_000_001)])
        longitude = 2**31 + self.random.choice([0, self.random.randrange(-648_000_000, 648_000_001)])
        altitude = self.random.choice([10_000_000, 0, 9_999_999, self.random.randrange(2**32)])
        return b"\0" + precision() + precision() + precision() + struct.pack(">III", latitude, longitude, altitude)

    def prefixes(self):
        out = b""
        for _ in range(self.random.randrange(4)):
            family = self.random.choice([1, 1, 2, 2, 3])
            part = bytearray(self.octets(self.random.randrange(5 if family == 1 else 17)))
            if part:
                part[-1] |= 1
            bits = self.random.randrange(33 if family == 1 else 129)
            out += struct.pack(">HBB", family, bits, len(part) | self.random.choice([0, 128])) + part
        return out

    def gateway(self, kind):
        return {0: b"", 1: self.octets(4), 2: self.address6(), 3: self.plain_name()}.get(kind, self.octets(5))

    def gateway_key(self, kind):
        return self.u8() + bytes([kind]) + self.u8() + self.gateway(kind) + self.random.choice([b"", self.blob()])

    def relay(self):
        kind = self.random.choice([0, 1, 2, 3, 7])
        return self.u8() + bytes([kind | self.random.choice([0, 128])]) + self.gateway(kind)

    def host_identity(self):
        tag, key = self.blob(1, 20), self.blob(1, 80)
        servers = b"".join(self.plain_name() for _ in range(self.random.randrange(3)))
        return bytes([len(tag)]) + self.u8() + struct.pack(">H", len(key)) + tag + key + servers

    def a6(self):
        bits = self.random.choice([0, 128, 64, self.random.randrange(129)])
        suffix = bytearray(self.octets(16 - bits // 8))
        if suffix:
            suffix[0] &= 0xFF >> (bits % 8)
        return bytes([bits]) + suffix + (self.plain_name() if bits else b"")

    def digest(self):
        kind = self.random.choice([0, 1, 2, 3, 4, 5])
        return self.u16() + self.u8() + bytes([kind]) + self.octets({1: 20, 2: 32, 4: 48}.get(kind, self.random.randrange(60)))

    def fingerprint(self):
        kind = self.random.choice([0, 1, 2, 5])
        return self.u8() + bytes([kind]) + self.octets({1: 20, 2: 32}.get(kind, self.random.randrange(40)))

    def zone_digest(self):
        kind = self.random.choice([1, 2, 9])
        return self.u32() + self.u8() + bytes([kind]) + self.octets({1: 48, 2: 64}.get(kind, self.random.randrange(12, 30)))

    def authorization(self):
        tag = self.random.choice([b"issue", b"issuewild", b"iodef", b"Xy9", b"a-b"])
        return self.u8() + bytes([len(tag)]) + tag + self.blob(0, 30)

    def message(self, number, kind):
        question = bytes([len(str(number))]) + str(number).encode() + b"\0"
        owner = self.random.choice([b"\xc0\x0c", self.plain_name()])
        data = self.rdata(kind)
        ttl = self.random.choice([0, 300, 2**31 - 1])
        return (b"\0\0\x84\0\0\1\0\1\0\0\0\0" + question + struct.pack(">HH", kind, 1) + owner +
                struct.pack(">HHIH", kind, 1, ttl, len(data)) + data)


class ScriptedServer:
    """Answers a question for the name "17" with message 17."""

    def __init__(self, t, messages):
        self.messages = messages
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        t.finally_do(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            while head := connection.recv(1):
                query = receive(connection, struct.unpack(">H", head + receive(connection, 1))[0])
                number = int(query[13:13 + query[12]])
                reply = query[:2] + self.messages[number][2:]
                connection.sendall(struct.pack(">H", len(reply)) + reply)


def by_dig(t, messages, kinds):
    """Per message the record that dig shows, or None where it refuses the message."""
    server = ScriptedServer(t, messages)
    batch = t.folder / "questions"
    batch.write_text("".join(f"{number}. TYPE{kind}\n" for number, kind in enumerate(kinds)))
    shown = subprocess.run(["dig", "@127.0.0.1", "-p", str(server.port), "+tcp", "+keepopen", "+noedns", "+nocookie",
                            "+norecurse", "+noall", "+answer", "+comments", "+time=5", "+tries=1", "-f", str(batch)],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout.decode("ascii")
    replies = []
    taken = False  # behind "bad packet" comes a dump of its octets
    for line in shown.splitlines():
        if line.startswith((";; Got answer", ";; Got bad packet")):
            replies.append(None)
            taken = "answer" in line
        elif line and not line.startswith(";") and taken:
            replies[-1] = (*line.split(None, 4), "")[:5]
    equal(len(replies), len(messages), "replies that dig shows")
    return replies


@test
def what_dig_takes_we_take_and_show_alike(t):
    if not shutil.which("dig"):
        raise Skip("dig is not installed (tools/install-packages test)")
    seed = int(os.environ.get("ZONESWEEP_SEED", time.time_ns() & 0xFFFFFF))
    t.note("seed", seed)
    generator = Generator(seed)
    types = list(generator.types)
    taken = refused = 0
    for first in range(0, RECORDS_LONG if t.long else RECORDS, BATCH):
        kinds = [types[(first + i) % len(types)] for i in range(BATCH)]
        messages = [generator.message(number, kind) for number, kind in enumerate(kinds)]
        for message, theirs, ours in zip(messages, by_dig(t, messages, kinds), decoded(messages)):
            if theirs is None:
                refused += 1
                continue
            check([theirs] == ours, "seed", seed, "\n  message", message.hex(), "\n  dig ", theirs, "\n  ours", ours)
            taken += 1
    check(taken > refused, "dig took only", taken, "of", taken + refused)
    t.note(taken, "records alike,", refused, "refused by dig")


@test
def a_row_is_valid_json_and_shows_the_same_data(t):
    seed = int(os.environ.get("ZONESWEEP_SEED", time.time_ns() & 0xFFFFFF))
    t.note("seed", seed)
    generator = Generator(seed)
    types = list(generator.types)
    messages = [generator.message(number, types[number % len(types)]) for number in range(RECORDS)]
    shown = refused = 0
    for message, records, row in zip(messages, decoded(messages), rows(messages)):
        if isinstance(records, str):
            check(row["status"] == "BAD_ANSWER" and "answers" not in row, "seed", seed, row)
            refused += 1
            continue
        for answer in row.get("answers", []):  # none where the owner is not the name that was asked
            check((answer["name"], str(answer["ttl"]), "IN", answer["type"], answer["data"]) == records[0], "seed", seed,
                  "\n  message", message.hex(), "\n  row", answer, "\n  read", records[0])
            shown += 1
    check(shown > RECORDS // 4, "only", shown, "answers in", RECORDS, "rows")
    t.note(shown, "answers,", refused, "refused")


if __name__ == "__main__":
    main()
