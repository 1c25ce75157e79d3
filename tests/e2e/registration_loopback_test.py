#!/usr/bin/env python3
"""The WHOIS and RDAP servers of the loopback internet: as others' clients see them, and as our scan sees them."""
import concurrent.futures
import json
import pathlib
import resource
import shutil
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import Skip, check, equal, main, run, test  # noqa: E402
from registration_world import RegistrationWorld  # noqa: E402


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed (tools/install-packages test)")


def whois(world, zone, name, limit=10):
    return run(["whois", "-h", world.address(f"whois.nic.{zone}"), "-p", world.whois_port, name], limit)


def raw_whois(world, host, name, seconds=5):
    with socket.create_connection((world.address(host), world.whois_port), timeout=seconds) as client:
        client.sendall(name.encode() + b"\r\n")
        answer = b""
        while chunk := client.recv(1 << 16):
            answer += chunk
        return answer


def curl(world, zone, path, *options, limit=10):
    host = f"rdap.nic.{zone}"
    return run(["curl", "-sS", "--noproxy", "*", "--cacert", world.folder / "ca.pem", "--resolve",
                f"{host}:{world.rdap_port}:{world.address(host)}", *options, f"https://{host}:{world.rdap_port}{path}"], limit)


@test
def the_whois_client_reads_each_format(t):
    need("whois")
    world = RegistrationWorld(t)
    for number in range(8):
        zone = f"w{number}"
        done = whois(world, zone, f"f-wlate-1.{zone}")
        equal(done.code, 0, done.err)
        check(f"F-WLATE-1.{zone}".lower() in done.out.lower(), "the name in", done.out)
        check("clienttransferprohibited" in done.out.lower() or "ok" in done.out.lower(), "a status in", done.out)
    check("not found" in whois(world, "w0", "f-r404.w0").out.lower(), "a free name")


@test
def curl_reads_rdap_over_both_versions_of_http(t):
    need("curl")
    world = RegistrationWorld(t)
    for version in ("--http2", "--http1.1"):
        for zone in ("r0", "r1", "b2", "b3"):
            name = f"f-rlate-1.{zone}"
            done = curl(world, zone, f"/domain/{name}", version, "--compressed", "-w", "\n%{http_version} %{http_code} %{content_type}")
            body, _, told = done.out.rpartition("\n")
            equal(told, f"{'2' if version == '--http2' else '1.1'} 200 application/rdap+json", name)
            equal(json.loads(body)["ldhName"].lower().rstrip("."), name, "ldhName")
    done = curl(world, "r0", "/domain/f-r404.r0", "-w", "\n%{http_code}")
    body, _, code = done.out.rpartition("\n")
    equal((code, json.loads(body)["errorCode"]), ("404", 404), "a free name")


@test
def curl_refuses_wrong_certificates(t):
    need("curl")
    world = RegistrationWorld(t)
    for kind, zone in world.fault_zones().items():
        if kind in ("rexpired", "rnotyet", "rname", "rself"):
            equal(curl(world, zone, f"/domain/name5.{zone}").code, 60, kind)


@test
def an_etag_saves_the_second_answer(t):
    need("curl")
    world = RegistrationWorld(t)
    head = curl(world, "r0", "/domain/f-rlate-1.r0", "-i", "--http1.1").out.lower()
    check("etag:" not in head or "content-length" in head, head)
    head = curl(world, "r0", "/domain/name1.r0", "-i", "--http1.1").out
    etag = next(line.split(": ", 1)[1] for line in head.splitlines() if line.lower().startswith("etag:"))
    done = curl(world, "r0", "/domain/name1.r0", "-H", f"If-None-Match: {etag}", "-w", "%{http_code}")
    equal(done.out, "304", "status")


@test
def a_scan_gets_the_rows_that_the_world_has(t):
    world = RegistrationWorld(t, names=30_000 if t.long else 3_000)
    names = world.names()
    for probe in ("whois", "rdap", "registration"):
        _, out = world.scan(t, names, probe, "--whois-connections", 50, "--rdap-connections", 4)
        world.check_rows(out, names, probe)


@test
def each_fault_ends_as_the_world_says(t):
    world = RegistrationWorld(t)
    # One name for each server: a second would not be asked where the first was throttled.
    names = [f"name{number}.{zone}" for number in range(3 if t.long else 1) for zone in world.fault_zones(number).values()]

    def judge(probe):
        _, out = world.scan(t, names, probe, "--registration-timeout", "5s", "--patience", "5s")
        found = world.check_rows(out, names, probe)
        expected = world.expected(names, probe)
        for name, row in found.items():
            if row.get("registered") is False:
                check(expected[name].get("registered") is not True, name, "is registered, but", row)

    with concurrent.futures.ThreadPoolExecutor() as pool:  # most of the time they wait
        list(pool.map(judge, ("whois", "rdap", "registration")))


@test
def a_server_above_its_limit_refuses_and_is_counted(t):
    world = RegistrationWorld(t, "--whois-limit", 5, "--rate-mode", "window")
    answers = [raw_whois(world, "whois.nic.w1", f"f-wlate-1-{i}.w1") for i in range(40)]
    world.stop()
    counts = world.statistics()["whois"]["whois.nic.w1"]
    equal((counts["requests"], counts["names"], counts["connections"]), (40, 40, 40), "counted")
    refused = sum(len(answer) < 120 for answer in answers)
    equal(counts["limited"], refused, "refused")
    check(25 <= refused <= 35, refused, "of 40 questions within a second were refused")
    check(counts["most_in_a_second"] == 40, "the most in a second", counts)


@test
def thousands_of_connections_wait_and_others_are_served(t):
    count = 5_000 if t.long else 2_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 100:
        raise Skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    t.finally_do(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    world = RegistrationWorld(t)
    mute = world.address("whois.nic.f-wmute-1")
    clients = []
    t.finally_do(lambda: [client.close() for client in clients])
    for i in range(count):
        client = socket.create_connection((mute, world.whois_port), timeout=5)
        client.sendall(f"name{i}.f-wmute-1\r\n".encode())
        clients.append(client)
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: raw_whois(world, "whois.nic.w2", f"name{i}.w2"), range(200)))
    check(all(answer for answer in answers), "answers beside the mute server")
    check(time.monotonic() - started < 5, "took", time.monotonic() - started)
    world.stop()
    equal(world.statistics()["whois"]["whois.nic.f-wmute-1"]["connections_most"], count, "at once")


@test
def only_the_loopback_net_is_served(t):
    world = RegistrationWorld(t)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells the address of this machine
        except OSError as reason:
            raise Skip("this machine has no address but loopback's") from reason
        own = probe.getsockname()[0]
    if own.startswith("127."):
        raise Skip("this machine has no address but loopback's")
    for port in (world.whois_port, world.rdap_port):
        try:
            with socket.create_connection((own, port), timeout=2) as client:
                client.sendall(b"name1.w1\r\n")
                equal(client.recv(100), b"", f"port {port} at {own}")
        except OSError:
            pass  # refused or reset


if __name__ == "__main__":
    main()
