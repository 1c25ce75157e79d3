#!/usr/bin/env python3
"""The loopback internet, seen from outside: by dig, by raw sockets, and by its own log and counters.

What the world must answer is computed here from docs/loopback.md alone.
"""
import json
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import (BIN, Skip, World, check, dns_query, equal, loopback, main, make_names, name_hash, run,  # noqa: E402
                     stop, test)

world_address = World().address


def second_hash(name):
    return name_hash(name, seed=1)


def exists(name, percent=95):
    return (name_hash(name) >> 24 & 0xFFFF) * 100 < percent * 65536


def is_alias(name):
    return exists(name) and (name_hash(name) >> 40 & 0xFF) < 8


def dig(server, name, qtype, *options):
    if not shutil.which("dig"):
        raise Skip("dig is not installed")
    done = run(["dig", "@127.0.0.1", "-p", server.port, "+tries=1", "+time=2", "+nocookie", *options, name, qtype])
    return done.out


def answers(server, name, qtype, *options):
    """(owner, ttl, type, data) of the answer section."""
    out = dig(server, name, qtype, "+noall", "+answer", *options)
    return [(owner.rstrip("."), int(ttl), kind, data) for owner, ttl, _, kind, data in
            (line.split(None, 4) for line in out.splitlines() if line and not line.startswith(";"))]


class Tcp:
    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=5)

    def ask(self, *queries):
        self.socket.sendall(b"".join(struct.pack("!H", len(query)) + query for query in queries))

    def read(self):
        size = struct.unpack("!H", self.exactly(2))[0]
        return self.exactly(size)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def udp_ask(server, *queries, seconds=1.0):
    """All datagrams that come within the time after the queries were sent."""
    got = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", server.port))
        for query in queries:
            client.send(query)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            client.settimeout(left)
            try:
                got.append(client.recv(65535))
            except TimeoutError:
                break
    return got


@test
def the_address_is_the_rule_over_udp_and_tcp(t):
    server = loopback(t)
    for name in make_names(40):
        for options in ([], ["+tcp"]):
            got = answers(server, name, "A", *options)
            if not exists(name):
                equal(got, [], name)
            else:
                check(got, name, "has no answer")
                owner, _, kind, data = got[-1]
                equal((kind, data), ("A", world_address(owner)), name)
                check(is_alias(name) or owner == name, owner, "answers", name)


@test
def a_missing_name_has_the_soa_of_its_top_level_name(t):
    server = loopback(t)
    missing = next(name for name in make_names(500) if not exists(name))
    out = dig(server, missing, "A")
    check("status: NXDOMAIN" in out, out)
    authority = out.split("AUTHORITY SECTION:")[1].split()
    equal((authority[0], authority[3]), ("example.", "SOA"), missing)


@test
def mail_hosts_come_from_the_second_hash_and_exist(t):
    server = loopback(t)
    for name in make_names(60):
        if not exists(name) or is_alias(name):
            continue
        g = second_hash(name)
        expected = []
        if (name_hash(name) >> 52 & 15) < 13:
            hosts = [g % 20000] + ([(g >> 20) % 20000] if g >> 63 and (g >> 20) % 20000 != g % 20000 else [])
            expected = [f"{10 * (i + 1)} mx{host}.mail.test." for i, host in enumerate(hosts)]
        equal([data for _, _, _, data in answers(server, name, "MX")], expected, name)
    equal(len(answers(server, "mx17.mail.test", "A")), 1, "addresses of a mail host")


@test
def expect_prints_what_the_server_answers(t):
    server = loopback(t, "--seed", "7")
    for name, kind in (("name3.example", "HTTPS"), ("name19.example", "A"), ("x.all.test", "TXT"), ("f-cname-4.x.org", "AAAA"),
                       ("4.3.2.10.in-addr.arpa", "PTR")):
        printed = run([BIN, "loopback", "--seed", "7", "--expect", name, kind]).out.splitlines()[1:]
        expected = [tuple(line.split("\t")[1:]) for line in printed if line.startswith("answer")]
        equal([(owner, str(ttl), kind_, data) for owner, ttl, kind_, data in answers(server, name, kind, "+tcp")], expected, name)


@test
def truncation_is_good_over_tcp_in_any_segments(t):
    server = loopback(t)
    for fault in ("tc", "tcp-bytes", "tcp-split", "tcp-slow-1"):
        name = f"f-{fault}.x.test"
        equal(answers(server, name, "A"), [(name, 300, "A", world_address(name))], name)
    equal(len(answers(server, "f-huge-3000.x.test", "A")), 3000, "records")


@test
def tcp_resets_closes_and_stays_silent_on_demand(t):
    server = loopback(t)
    for fault, expected in (("tc-rst", ConnectionResetError), ("tc-refuse", EOFError), ("tcpclose", EOFError), ("tcp-short", EOFError)):
        stream = Tcp(server)
        stream.ask(dns_query(f"f-{fault}.x.test", 1))
        try:
            stream.read()
            check(False, fault, "answered")
        except (ConnectionResetError, EOFError) as error:
            check(type(error) is expected, fault, "ended with", repr(error))
    stream = Tcp(server)
    stream.socket.settimeout(0.5)
    stream.ask(dns_query("f-tc-mute.x.test", 1))
    try:
        stream.read()
        check(False, "tc-mute answered")
    except TimeoutError:
        pass


@test
def queries_pipeline_on_one_connection(t):
    server = loopback(t)
    stream = Tcp(server)
    names = [f"n{i}.all.test" for i in range(2000)]
    stream.ask(*[dns_query(name, 1, ident) for ident, name in enumerate(names)])
    seen = {}
    for _ in names:
        message = stream.read()
        seen[int.from_bytes(message[:2], "big")] = ".".join(str(byte) for byte in message[-4:])
    equal(seen, {ident: world_address(name) for ident, name in enumerate(names)}, "answers")


@test
def a_connection_closed_after_three_answers_has_given_three(t):
    server = loopback(t)
    stream = Tcp(server)
    stream.ask(*[dns_query(f"f-tcpclose-3.n{i}.test", 1, i) for i in range(10)])
    got = 0
    try:
        while True:
            stream.read()
            got += 1
    except EOFError:
        pass
    equal(got, 3, "answers")


@test
def two_hundred_connections_come_and_go(t):
    server = loopback(t)
    for _ in range(3):
        streams = [Tcp(server) for _ in range(200)]
        for ident, stream in enumerate(streams):
            stream.ask(dns_query("x.all.test", 1, ident))
        for ident, stream in enumerate(streams):
            equal(int.from_bytes(stream.read()[:2], "big"), ident, "id")
            stream.socket.close()


@test
def wrong_ids_and_tiny_datagrams_come_before_the_good_answer(t):
    server = loopback(t)
    got = udp_ask(server, dns_query("f-badid-then.x.test", 1, 77))
    equal([int.from_bytes(answer[:2], "big") == 77 for answer in got], [False, True], "ids are right")
    got = udp_ask(server, dns_query("f-empty.x.test", 1, 77))
    equal([len(answer) for answer in got[:3]], [0, 1, 11], "sizes")
    equal(int.from_bytes(got[3][:2], "big"), 77, "id")


@test
def delays_are_kept(t):
    server = loopback(t)
    started = time.monotonic()
    equal(len(udp_ask(server, dns_query("f-delay-300.x.test", 1), seconds=0.25)), 0, "early answers")
    equal(len(udp_ask(server, dns_query("f-delay-300.x.test", 1), seconds=0.8)), 1, "answers")
    check(time.monotonic() - started > 0.5)


@test
def the_log_has_every_question_and_the_counters_agree(t):
    log = t.folder / "questions.tsv"
    server = loopback(t, "--loss", "30", "--stats", "--distinct", "--log", log)
    queries = [dns_query(f"n{i}.all.test", 1, i) for i in range(500)] * 2
    got = []
    for start in range(0, len(queries), 100):
        got += udp_ask(server, *queries[start:start + 100], seconds=0.3)
    check(300 < len(got) < 700, len(got), "answers of 1000")
    stop(server.process)
    counters = json.loads(server.log_path.read_text().splitlines()[-1])
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    ours = [line for line in lines if line[5].endswith(".all.test")]
    equal(len(ours), 1000, "lines")
    equal(sum(int(line[6]) for line in ours), len(got), "messages")
    equal(counters["queries"], len(lines), "queries")
    equal(counters["distinct_questions"], len({(line[4], line[5]) for line in lines}), "distinct questions")
    check(200 < counters["lost_queries"] < 400, counters)


@test
def a_rate_limit_is_silent_above_its_rate(t):
    server = loopback(t, "--max-qps", "200", "--rate-mode", "window", "--stats")
    sent = 0
    started = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", server.port))
        while time.monotonic() - started < 3:
            client.send(dns_query("x.all.test", 1, sent & 0xFFFF))
            sent += 1
            time.sleep(0.001)
    stop(server.process)
    counters = json.loads(server.log_path.read_text().splitlines()[-1])
    check(sent > 1000, sent)
    check(600 <= counters["replies"] <= 801, counters)
    equal(counters["replies"] + counters["rate_dropped"], counters["queries"], "queries")


@test
def plain_and_several_lanes_answer_alike(t):
    for options in (["--plain"], ["--lanes", "2"]):
        server = loopback(t, *options)
        queries = [dns_query(f"n{i}.all.test", 1, i) for i in range(100)]
        got = {int.from_bytes(answer[:2], "big"): ".".join(map(str, answer[-4:])) for answer in udp_ask(server, *queries)}
        equal(got, {i: world_address(f"n{i}.all.test") for i in range(100)}, options)
        equal(len(answers(server, "x.all.test", "A", "+tcp")), 1, options)


@test
def it_says_where_it_listens_and_refuses_a_taken_port(t):
    process = subprocess.Popen([BIN, "loopback", "--port", "0"], stdout=subprocess.PIPE, text=True)
    t.finally_do(lambda: stop(process))
    line = process.stdout.readline()
    check(line.startswith("ready 127.0.0.1:"), line)
    port = line.split(":")[1].strip()
    again = run([BIN, "loopback", "--port", port, "--no-tcp", "--listen", "127.0.0.300"])
    equal(again.code, 2, "exit code")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        refused = run([BIN, "loopback", "--port", taken.getsockname()[1]])
    equal(refused.code, 3, "exit code")
    check("cannot bind UDP" in refused.err and len(refused.err.splitlines()) == 1, refused.err)
    process.send_signal(signal.SIGINT)
    equal(process.wait(5), 0, "exit code")


if __name__ == "__main__":
    main()
