#!/usr/bin/env python3
"""scan --probe rdap against servers that others wrote: nginx (redirects, limits, goodbyes) and a Node server."""
import json

import rdap_servers
from harness import BIN, Skip, check, equal, main, rows, run, test

ZONE = "example"


def scan(t, names, port, *options):
    """name -> row. Each name has exactly one."""
    path, out, resolver = t.folder / "names.txt", t.folder / "out", rdap_servers.Resolver()
    t.finally_do(resolver.close)
    path.write_text("".join(f"{name}\n" for name in names))
    done = run([BIN, "scan", path, *rdap_servers.scan_options(t.folder, port, ZONE, resolver), "-o", out, "--progress", "none", *(options if "--rdap-rate" in options else ["--rdap-rate", 0, *options])])
    equal(done.code, 0, f"exit code ({done.err[-1000:]})")
    found = list(rows(out, "registration"))
    equal(sorted(row["name"] for row in found), sorted(names), "one row per name")
    for row in found:
        equal(row["registered"] if "registered" in row else None, {"OK": True, "NOT_FOUND": False}.get(row["status"]), row)
        if row["status"] == "OK":
            equal(row["domain"], row["name"], "the row's own data")
    return {row["name"]: row for row in found}


def nginx(t, **options):
    if rdap_servers.missing():
        raise Skip(rdap_servers.missing())
    rdap_servers.make_certificates(t.folder)
    server = rdap_servers.Nginx(t.folder, **options)
    t.finally_do(server.close)
    (t.folder / "root" / "error.json").parent.mkdir(exist_ok=True)
    (t.folder / "root" / "error.json").write_text(json.dumps({"errorCode": 404, "title": "Not Found"}))
    return server


NOT_FOUND = "error_page 404 /error.json;"


@test
def nginx_says_goodbye_after_a_thousand_requests(t):
    log = t.folder / "requests.log"
    server = nginx(t, http="log_format count '$connection $connection_requests $status';",
                   server=NOT_FOUND + f"access_log {log} count;")
    held, free = [f"held{i}.{ZONE}" for i in range(3000)], [f"free{i}.{ZONE}" for i in range(500)]
    rdap_servers.write_answers(t.folder / "root", held)
    found = scan(t, [*held, *free], server.port)
    equal({found[name]["status"] for name in held}, {"OK"}, "names that are held")
    equal({found[name]["status"] for name in free}, {"NOT_FOUND"}, "names that are free")
    row = found["held7.example"]
    equal((row["registrar"], row["registrar_iana_id"], row["created"], row["nameservers"][0], row["abuse_email"]),
          ("Registrar, Inc.", "292", "2011-03-04T05:06:07Z", "ns1.held7.example", "abuse@registrar.example"), "fields")
    server.close()
    served = [line.split() for line in log.read_text().splitlines()]
    check(max(int(line[1]) for line in served) <= 1000 and len({line[0] for line in served}) >= 4, "connections")
    check(len(served) < 3500 * 1.1, f"{len(served)} requests for 3500 names")


@test
def redirects_go_where_they_may(t):
    server = nginx(t, server=NOT_FOUND + f"""
        location ~ ^/domain/moved {{ return 302 /elsewhere$uri; }}
        location /elsewhere/domain/ {{ alias {t.folder}/root/domain/; }}
        location ~ ^/domain/plain {{ return 302 http://{rdap_servers.HOST}$uri; }}
        location ~ ^/domain/inside {{ return 302 https://10.0.0.1$uri; }}
        location ~ ^/domain/ssh {{ return 302 https://{rdap_servers.HOST}:22$uri; }}
        location ~ ^/domain/loop {{ return 302 $uri; }}
        location ~ ^/domain/hops {{ return 302 $uri?$arg_n.x; }}
        location ~ ^/domain/page {{ error_page 404 = @page; return 404; }}
        location @page {{ default_type text/html; return 404 "<html>no such page</html>"; }}
        location ~ ^/domain/broken {{ return 500; }}""")
    names = {f"{kind}.{ZONE}": status for kind, status in
             {"moved": "OK", "plain": "REDIRECT_BLOCKED", "inside": "REDIRECT_BLOCKED", "ssh": "REDIRECT_BLOCKED",
              "loop": "REDIRECT_BLOCKED", "page": "HTTP_ERROR", "broken": "HTTP_ERROR", "free": "NOT_FOUND"}.items()}
    rdap_servers.write_answers(t.folder / "root", [f"moved.{ZONE}"])
    found = scan(t, list(names), server.port, "--patience", "5s")
    wrong = {name: (row["status"], row.get("error")) for name, row in found.items() if row["status"] != names[name]}
    equal(wrong, {}, "statuses")


@test
def a_limit_delays_names_and_loses_none(t):
    server = nginx(t, http="limit_req_zone $server_name zone=slow:1m rate=20r/s; limit_req_status 429;",
                   server=NOT_FOUND + """limit_req zone=slow burst=5 nodelay; error_page 429 = @slower;
                   location @slower { add_header Retry-After 1 always; return 429; }""")
    held, free = [f"held{i}.{ZONE}" for i in range(40)], [f"free{i}.{ZONE}" for i in range(20)]
    rdap_servers.write_answers(t.folder / "root", held)
    found = scan(t, [*held, *free], server.port, "--rdap-rate", 40)
    equal({found[name]["status"] for name in held}, {"OK"}, "names that are held")
    equal({found[name]["status"] for name in free}, {"NOT_FOUND"}, "names that are free")
    check(max(row["tries"] for row in found.values()) > 1, "the server never refused")


@test
def node_misbehaves_by_name(t):
    port = rdap_servers.start_mock(t, "h2")
    deeds = {"ok": "OK", "later": "OK", "gzip": "OK", "hangup": "OK", "refuse": "OK", "none": "NOT_FOUND", "brotli": "BAD_DATA",
             "bomb": "TOO_LARGE", "big": "TOO_LARGE", "heads": "HTTP_ERROR", "reset": "HTTP_ERROR", "other": "BAD_DATA",
             "html": "BAD_DATA", "empty": "BAD_DATA", "mute": "TIMEOUT", "half": "TIMEOUT", "drip": "TIMEOUT"}
    # A connection that is cut takes the others with it: more than one would use up their tries. Silence takes time.
    names = {f"{deed}-{i}.{ZONE}": status for deed, status in deeds.items()
             for i in range(1 if deed == "hangup" or status == "TIMEOUT" else 3)}
    found = scan(t, list(names), port, "--registration-timeout", "4s", "--patience", "5m")
    wrong = {name: (row["status"], row.get("error")) for name, row in found.items() if row["status"] != names[name]}
    equal(wrong, {}, "statuses")


@test
def a_server_that_always_throttles_proves_nothing(t):
    port = rdap_servers.start_mock(t, "h2")
    found = scan(t, [f"throttle-{i}.{ZONE}" for i in range(5)], port, "--patience", "3s")
    equal({row["status"] for row in found.values()}, {"RATE_LIMITED"}, "statuses")


if __name__ == "__main__":
    main()
