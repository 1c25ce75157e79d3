#!/usr/bin/env python3
"""engine::HttpsClient against servers that others wrote: nginx, and Node's HTTP/2 and HTTP/1.1 made to misbehave."""
import json
import random

import rdap_servers
from harness import BIN, Skip, check, equal, main, run, test

FETCH = BIN.rsplit("/tools/", 1)[0] + "/tests/https_fetch"


def nginx(t, **options):
    if rdap_servers.missing():
        raise Skip(rdap_servers.missing())
    rdap_servers.make_certificates(t.folder)
    server = rdap_servers.Nginx(t.folder, **options)
    t.finally_do(server.close)
    return server


def fetch(t, port, targets, in_flight=20, connections=1, host=rdap_servers.HOST, ca="ca.pem"):
    """The results in the order of the targets."""
    path = t.folder / "targets.txt"
    path.write_text("".join(target + "\n" for target in targets))
    with open(path, encoding="ascii") as stdin:
        done = run([FETCH, host, f"127.0.0.1:{port}", t.folder / ca, in_flight, connections], 120, stdin=stdin)
    equal(done.code, 0, f"https_fetch ({done.err[-500:]})")
    rows = [json.loads(line) for line in done.out.splitlines()]
    equal(sorted(row["target"] for row in rows), sorted(targets), "each target ends once")
    by_target = {row["target"]: row for row in rows}
    return [by_target[target] for target in targets]


def whole(rows, http2):
    for row in rows:
        check(row["kind"] == "response" and row["status"] == 200 and row["names_itself"] and row["http2"] == http2, row)


@test
def nginx_says_goodbye_after_every_thousand_requests(t):
    names = [f"name{i}.example" for i in range(300)]
    server = nginx(t, keepalive_requests=100)
    rdap_servers.write_answers(t.folder / "root", names)
    for in_flight in (1, 7, 60):
        whole(fetch(t, server.port, [f"/domain/{name}" for name in names], in_flight), http2=True)


@test
def nginx_redirects_limits_and_knows_nothing(t):
    server = nginx(t, http="limit_req_zone $server_name zone=slow:1m rate=1r/m; limit_req_status 429;", server="""
        location /old/ { return 302 https://elsewhere.example$request_uri; }
        location /limited/ { alias %s/root/domain/; limit_req zone=slow; add_header Retry-After 9 always; }""" % t.folder)
    rdap_servers.write_answers(t.folder / "root", ["a.example", "b.example"])
    old, missing = fetch(t, server.port, ["/old/a.example", "/domain/c.example"])
    equal((old["status"], old["location"], old["bytes"]), (302, "https://elsewhere.example/old/a.example", 0), "redirect")
    equal((missing["kind"], missing["status"]), ("response", 404), "missing file")
    rows = fetch(t, server.port, ["/limited/a.example", "/limited/b.example"], in_flight=1)
    equal([row["status"] for row in rows], [200, 429], "limit_req")
    equal(rows[1]["wait"], 9, "Retry-After")


@test
def node_gets_no_answers_mixed_up(t):
    for protocol in ("h2", "http/1.1"):
        port = rdap_servers.start_mock(t, protocol)
        draw = random.Random(5)
        targets = [f"/{draw.choice(['ok', 'later', 'gzip'])}/n{i}.example" for i in range(2000 if protocol == "h2" else 300)]
        whole(fetch(t, port, targets, in_flight=80, connections=1 if protocol == "h2" else 6), http2=protocol == "h2")


@test
def node_ends_each_request_in_its_own_way(t):
    expected = {
        "ok": ("response", 200), "none": ("response", 404), "throttle": ("response", 429), "redirect": ("response", 302),
        "gzip": ("response", 200), "brotli": ("problem", "bad_encoding"), "bomb": ("problem", "inflate_ratio"),
        "big": ("problem", "body_limit"), "heads": ("problem", "header_limit"), "mute": ("timeout", "first byte"),
        "half": ("timeout", "idle"), "drip": ("timeout", "total"),
    }
    for protocol in ("h2", "http/1.1"):
        port = rdap_servers.start_mock(t, protocol)
        own = {"refuse": ("response", 200), "reset": ("reset", 11)} if protocol == "h2" else {"reset": ("net_error", "reset")}
        for in_flight in (1, 50) if protocol == "h2" else (50,):
            wanted = {f"/{deed}/f{in_flight}.example": end for deed, end in {**expected, **own}.items()}
            rows = fetch(t, port, list(wanted), in_flight, connections=1 if protocol == "h2" else 4)
            for row in rows:
                kind, detail = wanted[row["target"]]
                got = {"response": row["status"], "problem": row["problem"], "timeout": row["stage"], "reset": row["reset"],
                       "net_error": row["error"]}.get(row["kind"])
                equal((row["kind"], got), (kind, detail), f"{protocol} {row['target']}")


@test
def node_hangs_up_and_says_goodbye_in_the_middle(t):
    port = rdap_servers.start_mock(t, "h2")
    draw = random.Random(6)
    targets = [f"/{draw.choice(['ok'] * 30 + ['later'] * 15 + ['goodbye', 'hangup', 'refuse'])}/g{i}.example" for i in range(1500)]
    rows = fetch(t, port, targets, in_flight=10)
    for row in rows:
        if row["kind"] == "response":
            check(row["status"] == 200 and row["names_itself"], row)
        else:
            check(row["kind"] in ("net_error", "unprocessed", "reset"), row)
    good = sum(row["kind"] == "response" for row in rows)
    check(good > 1200, f"{good} answers of {len(rows)}")


@test
def a_certificate_that_is_not_the_hosts_is_not_spoken_to(t):
    server = nginx(t)
    rdap_servers.write_answers(t.folder / "root", ["a.example"])
    row, = fetch(t, server.port, ["/domain/a.example"], host="other.example")
    equal((row["kind"], row["stage"]), ("tls_error", "TLS handshake"), "wrong host")
    rdap_servers.make_certificates(t.folder)  # of another authority; nginx keeps the first
    row, = fetch(t, server.port, ["/domain/a.example"])
    equal(row["kind"], "tls_error", "unknown authority")


if __name__ == "__main__":
    main()
