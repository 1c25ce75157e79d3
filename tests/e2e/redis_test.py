#!/usr/bin/env python3
"""What other machines know is not asked again; whatever becomes of the server that they share, no row is lost and
no time either."""
import itertools
import json
import os
import shutil
import statistics
import subprocess
import threading
import time

import rdap_servers
from harness import (BIN, Skip, World, check, equal, free_port, loopback, main, make_names, rows, run, spawn, start, stop, test,
                     write_names, zonesweep)
from registration_world import RegistrationWorld, said
from redis_servers import FakeServer, Redis, cluster, honest_greeting, need_redis

VARYING = ("cached", "ts", "rtt_us")  # and every ttl
RATE = 10_000  # names a second, so that what a fault costs shows and the machine's other work does not


def totals(folder):
    return json.loads((folder / "_run.json").read_text())["totals"]


def content(folder):
    found = {}
    for row in rows(folder):
        for section in ("answers", "authorities", "additionals"):
            for record in row.get(section, ()):
                record.pop("ttl")
        found[row["seq"], row["type"]] = {member: value for member, value in row.items() if member not in VARYING}
    return found


def scan(t, path, server, out, url, *options, **more):
    return zonesweep("scan", path, "-t", "A,MX", "-r", server.address, "-o", t.folder / out, "--progress", "none", "--cache-redis",
                     url, *options, **more)


def share(t, names, first, second, known=0.75):
    """Of the second run at least `known` came from the first, and the rows are equal."""
    one, two = totals(t.folder / first), totals(t.folder / second)
    t.note(f"{2 * len(names)} rows: {one['questions']} questions, then {two['questions']};", two["cache"]["redis"])
    equal(one["questions"], 2 * len(names), "questions of the first run")
    check(two["questions"] <= (1 - known) * 2 * len(names), two["questions"], "questions of the second run")
    equal(two["cache"]["redis"]["damaged"], 0, "damaged values")
    cached = sum(row["cached"] for row in rows(t.folder / second))
    equal(cached, 2 * len(names) - two["questions"], "cached rows")
    equal(content(t.folder / first), content(t.folder / second), "rows of both runs")


# -------------------------------------------------------------------------------------------- two machines


class Machine:
    """A network namespace with an address of its own, and a loopback internet inside."""

    _serial = itertools.count(1)  # the kernel takes its time to remove what a test leaves

    def __init__(self, t, port):
        number = next(self._serial)
        self.name = f"zsredis{os.getpid()}{number}"
        self.host = f"10.231.{number}.1"  # of this machine, as seen from inside
        self._ip("netns", "add", self.name)
        t.finally_do(lambda: subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True))
        outside, inside = f"zo{os.getpid() % 100000}{number}", f"zi{os.getpid() % 100000}{number}"
        self._ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", self.name)
        self._ip("addr", "add", f"{self.host}/24", "dev", outside)
        self._ip("link", "set", outside, "up")
        for words in (("addr", "add", f"10.231.{number}.2/24", "dev", inside), ("link", "set", inside, "up"), ("link", "set", "lo", "up"),
                      ("route", "add", "default", "via", self.host)):
            self._ip("-n", self.name, *words)
        self.prefix = ["ip", "netns", "exec", self.name]
        self.resolver = f"127.0.0.1:{port}"
        self._internet(t, port)

    @staticmethod
    def _ip(*words):
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"no network namespaces: ip {' '.join(words)}: {done.stderr.strip()}")

    def _internet(self, t, port):
        process = spawn([*self.prefix, BIN, "loopback", "--port", port])
        t.finally_do(lambda: stop(process))
        time.sleep(0.5)

    def scan(self, t, path, out, url):
        done = run([*self.prefix, BIN, "scan", path, "-t", "A,MX", "-r", self.resolver, "-o", t.folder / out, "--progress", "none",
                    "--cache-redis", url])
        equal(done.code, 0, f"exit code ({done.err[-500:]})")


def machines(t):
    if not shutil.which("ip") or os.geteuid() != 0:
        raise Skip("network namespaces need root and iproute2")
    port = free_port()
    return [Machine(t, port), Machine(t, port)]


@test
def two_machines_share_answers_over_one_server(t):
    need_redis()
    one, two = machines(t)
    names = make_names(20_000)
    path = write_names(t.folder / "names.txt", names)
    redis = Redis(t, listen="0.0.0.0")
    one.scan(t, path, "one", f"redis://{one.host}:{redis.port}")
    two.scan(t, path, "two", f"redis://{two.host}:{redis.port}")
    share(t, names, "one", "two")
    World().check(t.folder / "two", names, ("A", "MX"))


@test
def two_machines_share_answers_over_a_cluster(t):
    need_redis()
    one, two = machines(t)
    names = make_names(20_000)
    path = write_names(t.folder / "names.txt", names)
    nodes = cluster(t, host=one.host, listen="0.0.0.0")
    one.scan(t, path, "one", f"redis://{one.host}:{nodes[0].port}")
    sizes = [node.size() for node in nodes]
    check(all(size > 10_000 for size in sizes), sizes, "values of the three servers")
    two.scan(t, path, "two", f"redis://{one.host}:{nodes[2].port}")
    share(t, names, "one", "two")


@test
def two_runs_share_answers_over_tls_with_a_password(t):
    need_redis()
    names = make_names(5_000)
    path, server = write_names(t.folder / "names.txt", names), loopback(t)
    tls = authority(t)
    redis = Redis(t, password="geheim", tls=tls, host="localhost")
    for out in ("one", "two"):
        scan(t, path, server, out, redis.url, "--ca-file", tls["ca"])
        check("geheim" not in (t.folder / out / "_run.json").read_text(), "the password is in _run.json")
    share(t, names, "one", "two")
    done = scan(t, path, server, "stranger", redis.url)
    check("unknown certification authority" in done.err, done.err)
    equal(content(t.folder / "stranger"), content(t.folder / "one"), "rows without trust")
    wrong = scan(t, path, server, "wrong", redis.url.replace("geheim", "falsch"), "--ca-file", tls["ca"])
    check("user and password" in wrong.err and "falsch" not in wrong.err, wrong.err)
    equal(content(t.folder / "wrong"), content(t.folder / "one"), "rows with a wrong password")


def authority(t):
    """A CA and a certificate for localhost."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    ca = rdap_servers.make_certificates(t.folder, ["localhost"])
    return {"ca": ca, "chain": t.folder / "leaf.pem", "key": t.folder / "leaf.key"}


@test
def registration_answers_are_shared_too(t):
    need_redis()
    world, redis = RegistrationWorld(t, zones=30, names=2_000), Redis(t)
    names, found = [name for name in world.names() if not name.startswith("f-")], []
    for number in range(2):
        # At the pace of registries: what comes in a burst beyond a connection's 1 MiB unsent is not stored.
        _, out = world.scan(t, names, "registration", "--cache-redis", redis.url, "--whois-rate", 50, "--rdap-rate", 50)
        found.append((totals(out), {row["seq"]: row for row in rows(out, "registration")}))
        out.rename(t.folder / f"registration-{number}")
    (first, fresh), (second, shared) = found
    asked = [all["registration"]["rdap"] + all["registration"]["whois"] for all in (first, second)]
    t.note(f"{len(names)} names: {asked[0]} questions, then {asked[1]};", second["cache"]["redis"])
    check(asked[1] <= asked[0] // 20, asked)
    equal(len(shared), len(names), "rows")
    for seq, row in shared.items():
        equal(said(row), said(fresh[seq]), "the row of the second run")


# ------------------------------------------------------------------------------------------------- values


@test
def what_lies_there_and_is_not_the_answer_costs_no_row(t):
    need_redis()
    names = make_names(3_000)
    path, server, redis = write_names(t.folder / "names.txt", names), loopback(t), Redis(t)
    scan(t, path, server, "plain", redis.url)
    expected = content(t.folder / "plain")
    spoil = {
        "another_key": "local keys = redis.call('KEYS', '*') local last = redis.call('GET', keys[#keys]) "
                       "for i, key in ipairs(keys) do local value = redis.call('GET', key) redis.call('SET', key, last) last = value end",
        "cut": "for i, key in ipairs(redis.call('KEYS', '*')) do redis.call('SET', key, string.sub(redis.call('GET', key), 1, -2)) end",
        "garbage": "for i, key in ipairs(redis.call('KEYS', '*')) do redis.call('SET', key, string.rep('x', i % 300)) end",
        "a_list": "for i, key in ipairs(redis.call('KEYS', '*')) do redis.call('DEL', key) redis.call('RPUSH', key, 'x') end",
    }
    for name, script in spoil.items():
        redis.cli("EVAL", script, 0)
        scan(t, path, server, name, redis.url)
        found = totals(t.folder / name)["cache"]["redis"]
        t.note(name, found)
        equal(content(t.folder / name), expected, f"rows after {name}")
        equal(found["hits"], 0, f"hits after {name}")
        redis.cli("FLUSHALL")
        scan(t, path, server, name + "-again", redis.url)
        equal(content(t.folder / (name + "-again")), expected, "rows")


@test
def failures_are_not_told_to_others_and_times_to_live_are_what_remains(t):
    need_redis()
    names = ["f-servfail.a.test", "www.all.test", "f-ttl-2.all.test"] + make_names(100)
    path, server, redis = write_names(t.folder / "names.txt", names), loopback(t), Redis(t)
    scan(t, path, server, "one", redis.url, "--tries", 1)
    values = redis.cli("EVAL", "local t = 0 for i, key in ipairs(redis.call('KEYS', '*')) do if redis.call('PTTL', key) > 86400000 or "
                       "redis.call('PTTL', key) < 0 then t = t + 1 end end return t", 0)
    equal(values, "0", "values that live too long")
    time.sleep(3.1)
    scan(t, path, server, "two", redis.url, "--tries", 1)
    two = {row["name"]: row for row in rows(t.folder / "two") if row["type"] == "A"}
    check(not two["f-servfail.a.test"]["cached"], "a failure came from another run")
    check(not two["f-ttl-2.all.test"]["cached"], "an answer was served after its time")
    check(two["www.all.test"]["cached"], two["www.all.test"])
    check(295 <= two["www.all.test"]["answers"][0]["ttl"] <= 297, two["www.all.test"])


@test
def wrong_urls_are_said_at_once_and_without_their_secrets(t):
    path = write_names(t.folder / "names.txt", ["a.test"])
    for url in ("http://h", "redis://", "redis://:geheim@h:x", "redis://user@h"):
        done = zonesweep("scan", path, "-r", "127.0.0.1:9", "-o", t.folder / "x", "--cache-redis", url, expect=2)
        check("geheim" not in done.err and "--cache-redis" in done.err, done.err)
    zonesweep("scan", path, "-r", "127.0.0.1:9", "-o", t.folder / "x", "--no-cache", "--cache-redis", "redis://h", expect=2)


# ------------------------------------------------------------------------------------------------- faults


LEAST = 0.8  # of one pair of scans: on a busy machine two equal ones differ by a tenth
MEDIAN, MEDIAN_BUSY = 0.95, 0.9  # of all pairs; the fast form runs beside whatever else the machine does
ratios = []


def disturbed(t, url, disturb, names=60_000, rate=RATE):
    """A scan at a steady rate, disturbed after 1.5 s, and beside it one without Redis, so that both meet the same machine. No row is
    lost, and from a second after the fault on the one is as fast as the other. Returns what Redis' counters said."""
    listed = make_names(names)
    path = write_names(t.folder / "names.txt", listed)
    options = ("--progress", "json", "--rate", rate, "--lanes", 1)
    servers = [loopback(t), loopback(t)]
    alone = start("scan", path, "-r", servers[0].address, "-o", t.folder / "alone", *options)
    sharing = start("scan", path, "-r", servers[1].address, "-o", t.folder / "out", "--cache-redis", url, *options)
    time.sleep(1.5)
    elapsed = time.monotonic() - alone.started
    disturb()
    done = [running.wait() for running in (alone, sharing)]
    for each in done:
        equal(each.code, 0, f"exit code ({each.err[-500:]})")
    World().check(t.folder / "out", listed, ("A",))
    control, speed = (pace(each.err, elapsed + 1) for each in done)
    redis = totals(t.folder / "out")["cache"]["redis"]
    t.note(f"from a second after the fault on {speed:.0f} rows/s, without Redis {control:.0f}: {speed / control:.3f};", redis)
    ratios.append(speed / control)
    check(speed >= LEAST * control, f"{speed:.0f} rows/s beside {control:.0f}")
    return redis


def pace(progress, after):
    """Rows a second between the first and the last line of progress later than `after`, the end left out."""
    seen = [json.loads(line) for line in progress.splitlines() if line.startswith("{")]
    total = seen[-1]["rows"]
    points = [(line["elapsed_s"], line["rows"]) for line in seen if line["elapsed_s"] >= after and line["rows"] < total]
    check(len(points) >= 2, "too few lines of progress:", [(line["elapsed_s"], line["rows"]) for line in seen])
    (start_s, start_rows), (end_s, end_rows) = points[0], points[-1]
    return (end_rows - start_rows) / (end_s - start_s)


@test
def a_server_that_sleeps_for_five_seconds_costs_no_time(t):
    redis = Redis(t)
    found = disturbed(t, redis.url, lambda: redis.in_background("DEBUG", "SLEEP", "5"))
    check(found["offs"] >= 1, found)


@test
def a_server_that_is_killed_costs_no_time(t):
    redis = Redis(t)
    found = disturbed(t, redis.url, redis.stop)
    check(found["offs"] >= 1 and found["up"] == 0, found)


@test
def a_server_that_is_killed_and_comes_back_is_used_again(t):
    redis = Redis(t)

    def restart():
        redis.stop()
        redis.start()

    found = disturbed(t, redis.url, restart)
    check(found["up"] > 0 and redis.size() > 1_000, found, redis.size())


@test
def a_full_server_costs_no_time(t):
    redis = Redis(t, "--maxmemory-policy", "noeviction")
    found = disturbed(t, redis.url, lambda: redis.cli("CONFIG", "SET", "maxmemory", "1mb"))
    check(found["not_stored"] > 0, found)


@test
def a_read_only_replica_costs_no_time(t):
    redis, master = Redis(t), Redis(t)
    found = disturbed(t, redis.url, lambda: redis.cli("REPLICAOF", "127.0.0.1", master.port))
    check(found["errors"] > 0, found)


@test
def a_cluster_that_loses_a_server_costs_no_time(t):
    nodes = cluster(t)
    found = disturbed(t, f"redis://127.0.0.1:{nodes[0].port}", nodes[1].stop)
    check(found["up"] > 0 and found["stored"] > 10_000, found)


@test
def a_slot_that_moves_while_it_is_used_is_followed(t):
    nodes = cluster(t)

    def reshard():
        ids = [node.cli("CLUSTER", "MYID") for node in nodes]
        threading.Thread(target=nodes[0].cli, kwargs={"check": False}, daemon=True,
                         args=("--cluster", "reshard", f"127.0.0.1:{nodes[0].port}", "--cluster-from", ids[0], "--cluster-to", ids[1],
                               "--cluster-slots", 500, "--cluster-yes")).start()

    found = disturbed(t, f"redis://127.0.0.1:{nodes[0].port}", reshard)
    check(found["offs"] == 0, found)


@test
def a_server_of_garbage_costs_no_time(t):
    at_first = {"honest": True}

    def reply(heard):
        return b"$-1\r\n" * heard.count(b"GET\r\n") + b"+OK\r\n" * heard.count(b"SET\r\n") if at_first["honest"] else os.urandom(200)

    fake = FakeServer(t, honest_greeting(reply))

    def disturb():
        at_first["honest"] = False

    found = disturbed(t, fake.url, disturb)
    check(found["errors"] >= 1, found)


@test
def all_in_all_faults_cost_next_to_nothing(t):
    if len(ratios) < 5:
        raise Skip("only with the tests in front of it")
    middle = statistics.median(ratios)
    t.note("rows/s beside a scan without Redis:", " ".join(f"{ratio:.3f}" for ratio in sorted(ratios)), f"median {middle:.3f}")
    check(middle >= (MEDIAN if t.long else MEDIAN_BUSY), middle)


@test
def servers_that_never_were_any_cost_no_row(t):
    names = make_names(5_000)
    path, server = write_names(t.folder / "names.txt", names), loopback(t)
    mute = FakeServer(t, lambda heard: b"")
    for number, (what, url) in enumerate({
            "nobody": "redis://127.0.0.1:9", "mute": mute.url, "http": FakeServer(t, lambda heard: b"HTTP/1.1 400 Bad Request\r\n\r\n").url,
            "hangs up": FakeServer(t, lambda heard: None).url, "huge": FakeServer(t, lambda heard: b"*2147483648\r\n").url,
            "deep": FakeServer(t, lambda heard: b"*1\r\n" * 10_000).url, "endless": FakeServer(t, lambda heard: b"+" + b"x" * 400_000).url,
            "no such host": "redis://gone.f-nx.all.test:6379", "no tls": mute.url.replace("redis", "rediss")}.items()):
        done = scan(t, path, server, f"out-{number}", url)
        World().check(t.folder / f"out-{number}", names, ("A", "MX"))
        found = totals(t.folder / f"out-{number}")
        equal(found["questions"], 10_000, f"questions ({what})")
        t.note(f"{what}: {done.seconds:.1f} s,", found["cache"]["redis"]["errors"], "errors")


if __name__ == "__main__":
    main()
