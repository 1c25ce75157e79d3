#!/usr/bin/env python3
"""--rdap-refresh: a copy of the bootstrap file is kept up to date, and a stale one serves on."""
import http.server
import json
import os
import ssl
import threading
import time

import rdap_servers
from harness import BIN, Skip, check, equal, free_port, kill, main, spawn, test, wait_for_dns, zonesweep

BODY = {"version": "1.0", "publication": "2026-08-01T00:00:00Z", "services": [[["test"], ["https://rdap.nic.test/"]]]}
NEWER = {**BODY, "publication": "2026-09-01T00:00:00Z"}


class Iana:
    """A server of one file with an ETag."""

    def __init__(self, t, folder):
        self.requests, self.status, self.body, self.etag = [], 200, json.dumps(BODY).encode(), '"v1"'
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                given = self.headers.get("If-None-Match")
                outer.requests.append(given)
                same = outer.status == 200 and given == outer.etag
                self.send_response(304 if same else outer.status)
                self.send_header("ETag", outer.etag)
                body = b"" if same else outer.body
                if not same:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}/rdap/dns.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        t.finally_do(self.server.shutdown)


def world(t):
    """The server, and a function that runs a scan of one name and returns what stderr said."""
    if rdap_servers.missing():
        raise Skip(rdap_servers.missing())
    folder = t.folder
    rdap_servers.make_certificates(folder, addresses=("127.0.0.1",))
    iana = Iana(t, folder)
    port = free_port()
    loopback = spawn([BIN, "loopback", "--port", port])
    t.finally_do(lambda: kill(loopback))
    wait_for_dns(port, loopback)
    (folder / "names").write_text("com\n")  # a public suffix: nobody is asked about it
    runs = iter(range(100))

    def scan(url=None):
        return zonesweep("scan", folder / "names", "-o", folder / f"out{next(runs)}", "--probe", "rdap", "-r", f"127.0.0.1:{port}",
                         "--rdap-bootstrap", folder / "dns.json", "--rdap-refresh-url", url or iana.url, "--ca-file",
                         folder / "ca.pem", "--allow-private", "127.0.0.0/8", "--registration-timeout", "2s").err

    return folder, iana, scan


def age(folder):
    """Yesterday was the last time that somebody asked."""
    then = time.time() - 25 * 3600
    os.utime(folder / "dns.json.etag", (then, then))


@test
def a_copy_is_made_and_asked_about_once_a_day(t):
    folder, iana, scan = world(t)
    check("refreshed" not in scan())
    equal(json.loads((folder / "dns.json").read_text()), BODY, "the copy")
    equal((folder / "dns.json.etag").read_text(), '"v1"', "the ETag")
    scan()
    equal(iana.requests, [None], "asked again within a day")
    age(folder)
    scan()
    equal(iana.requests, [None, '"v1"'], "the ETag of last time")
    scan()
    equal(len(iana.requests), 2, "unchanged counts as asked")
    age(folder)
    iana.body, iana.etag = json.dumps(NEWER).encode(), '"v2"'
    scan()
    equal(json.loads((folder / "dns.json").read_text()), NEWER, "the copy")
    equal((folder / "dns.json.etag").read_text(), '"v2"', "the ETag")


@test
def a_copy_that_cannot_be_refreshed_serves_on(t):
    folder, iana, scan = world(t)
    scan()
    for status, body in ((500, b"sorry"), (200, b"<html>"), (200, b'{"services":[]}'), (404, b"")):
        age(folder)
        iana.status, iana.body, iana.etag = status, body, '"other"'
        said = scan()
        check("was not refreshed" in said and "serves on" in said, said)
        equal(json.loads((folder / "dns.json").read_text()), BODY, "the copy")
        equal((folder / "dns.json.etag").read_text(), '"v1"', "the ETag")
    age(folder)
    check("serves on" in scan("https://127.0.0.1:1/dns.json"), "nobody listens")
    check("not refreshed" in scan("https://169.254.169.254/dns.json"), "an address inside")


@test
def without_a_copy_the_table_that_is_built_in_serves(t):
    folder, iana, scan = world(t)
    iana.status = 500
    check("built in serves" in scan())
    check(not (folder / "dns.json").exists())


if __name__ == "__main__":
    main()
