#!/usr/bin/env python3
"""Where a registration scan connects to, how often, and with which words, whatever servers and inputs suggest.

Tests that need it have a network of their own, in which every address is this machine: what is listened for there hears all
that a program sends anywhere."""
import collections
import ctypes
import json
import os
import pathlib
import pty
import re
import select
import shutil
import socket
import ssl
import subprocess
import threading
import time

from harness import BIN, Skip, check, equal, main, rows, run, spawn, test, write_names
from registration_world import RegistrationWorld, one_row_each

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
QUICK = ["--patience", "6s", "--compress", "none", "--progress", "none"]


def own_network(t):
    """Until the end of the test, this thread and what it starts are in a network where each address is here."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if _libc.unshare(_CLONE_NEWNET) != 0:
        raise Skip("may not make a network of its own here")

    def back():
        _libc.setns(before, _CLONE_NEWNET)
        os.close(before)

    t.finally_do(back)
    for command in ("link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo"):
        if subprocess.run(["ip", *command.split()], capture_output=True).returncode != 0:
            raise Skip(f"ip {command} fails here")


class Listener:
    """Accepts connections at one place and hands each to `serve(socket, peer)`, one thread for each."""

    def __init__(self, t, address, port, serve):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind((address, port))
        self.socket.listen(1000)
        self.port = self.socket.getsockname()[1]
        self.times = []
        self._serve = serve
        threading.Thread(target=self._accept, daemon=True).start()
        t.finally_do(self.socket.close)

    def _accept(self):
        while True:
            try:
                client, _peer = self.socket.accept()
            except OSError:
                return
            self.times.append(time.monotonic())
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client):
        with client:
            try:
                client.settimeout(10)
                self._serve(client)
            except OSError:
                pass

    def most_in_a_second(self):
        times, first, most = sorted(self.times), 0, 0
        for last, now in enumerate(times):
            while now - times[first] >= 1:
                first += 1
            most = max(most, last - first + 1)
        return most


class Honeypots:
    """Listen at all addresses that nothing else listens at."""

    def __init__(self, t):
        self.listeners = [Listener(t, "::", port, lambda client: client.recv(1000))
                          for port in (21, 22, 25, 43, 70, 80, 443, 4321, 4343, 8080)]

    def check_untouched(self):
        touched = {listener.port: len(listener.times) for listener in self.listeners if listener.times}
        check(not touched, "connections to forbidden places, by port:", touched)
        with socket.create_connection(("10.1.2.3", 43), timeout=5):  # they do hear
            pass
        time.sleep(0.2)
        check(any(listener.times for listener in self.listeners), "the honeypots are deaf")


class Names:
    """A resolver with these hosts; each has one set of IPv4 addresses after the other, the last one for ever."""

    def __init__(self, t, hosts):
        self.hosts, self.asked = hosts, collections.Counter()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        t.finally_do(self.socket.close)

    def _serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            end = query.index(b"\x00", 12) + 5
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1").lower())
                at += query[at] + 1
            host, is_a = ".".join(labels), query[end - 4:end - 2] == b"\x00\x01"
            sets = self.hosts(host) if callable(self.hosts) else self.hosts.get(host)
            rcode, addresses = (3, []) if sets is None else (0, sets[min(self.asked[host], len(sets) - 1)] if is_a else [])
            self.asked[host] += is_a
            answers = b"".join(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04" + socket.inet_aton(a) for a in addresses)
            self.socket.sendto(query[:2] + bytes([0x81, 0x80 | rcode]) + b"\x00\x01\x00" + bytes([len(addresses)]) + bytes(4)
                               + query[12:end] + answers, peer)


def question(client):
    words = b""
    while not words.endswith(b"\n") and (more := client.recv(1000)):
        words += more
    return words


def held(name):
    return (f"Domain Name: {name.upper()}\r\nRegistrar: Names, Inc.\r\nCreation Date: 2001-02-03T04:05:06Z\r\n"
            "Registry Expiry Date: 2031-02-03T04:05:06Z\r\nName Server: NS1.EXAMPLE.NET\r\n").encode()


def answer_held(client):
    client.sendall(held(question(client).decode("latin-1").strip()))


def scan(t, names, *options, timeout="4s"):
    out = t.folder / "out"
    done = run([BIN, "scan", write_names(t.folder / "names.txt", names), "-o", out, *QUICK, "--registration-timeout", timeout, *options], 60)
    equal(done.code, 0, f"exit code ({done.err[-1000:]})")
    return list(rows(out, "registration")), done


@test
def no_forbidden_place_hears_of_a_scan(t):
    """Referrals and redirects to the machine itself, private networks, metadata services, other ports and schemes."""
    own_network(t)
    world, pots = RegistrationWorld(t), Honeypots(t)
    zones = [f"f-{kind}-1" for kind in [f"wref-{i}" for i in range(12)] + [f"wloop-{i}" for i in range(2)]
             + [f"rprivate-{i}" for i in range(14)] + ["rhttp", "rloop", "rredirect-50"]]
    names = [f"name{i}.{zone}" for zone in zones for i in range(3)]
    world.tell(zones)
    path = write_names(t.folder / "names.txt", names)
    for probe in ("whois", "rdap", "registration"):
        done = world.begin(path, t.folder / f"out-{probe}", probe, "--registrar", "--whois-rate", 50, "--rdap-rate", 50, "--registration-timeout", "4s",
                           *QUICK[:-2]).wait(60)
        equal(done.code, 0, f"exit code ({done.err})")
        found = one_row_each(t.folder / f"out-{probe}", names)
        for name, expected in world.expected(names, probe).items():
            if "-w" in name and probe != "rdap":  # the registry's word holds, whatever it refers to
                equal((found[name]["status"], found[name].get("registered")), (expected["status"], expected.get("registered")), name)
            if probe == "rdap" and "rprivate-8" not in name and "-r" in name:
                equal(found[name]["status"], "REDIRECT_BLOCKED", f"{name} ({found[name].get('error')})")
    pots.check_untouched()


@test
def only_addresses_of_the_internet_are_connected_to(t):
    """Default policy. What IANA says leads to forbidden places, to names that have such addresses, too or later, and to good ones."""
    own_network(t)
    public, iana = "198.41.0.4", "192.0.32.59"
    refers = {"zza": "127.0.0.1", "zzb": "10.0.0.5", "zzc": "169.254.169.254", "zzd": "[::1]", "zze": "::ffff:127.0.0.1", "zzf": "0x7f.1",
              "zzg": "2130706433", "zzh": "inside.hosts.test", "zzi": "whois.good.test:22", "zzj": "http://whois.good.test/",
              "zzk": "", "zzl": "100.64.0.1", "zzm": "[fe80::1]", "zzn": "[2002:7f00:1::]", "zzo": "0.0.0.0", "zzp": "224.0.0.1",
              "zzq": "whois.good.test\x1b[2J", "zzr": "missing.hosts.test",
              "zzs": "whois.good.test", "zzt": "some-inside.hosts.test", "zzu": "rebinds.hosts.test"}
    good = {"zzs", "zzt", "zzu"}
    names = Names(t, {"whois.iana.org": [[iana]], "whois.good.test": [[public]], "inside.hosts.test": [["127.0.0.5", "10.0.0.1"]],
                      "some-inside.hosts.test": [["10.0.0.1", public, "127.0.0.5"]],
                      "rebinds.hosts.test": [[public], ["127.0.0.5"]]})

    def refer(client):
        zone = question(client).decode().strip()
        client.sendall(f"% IANA WHOIS server\r\nrefer:        {refers[zone]}\r\n\r\ndomain:       {zone.upper()}\r\n"
                       "status:       ACTIVE\r\n".encode())

    Listener(t, iana, 43, refer)
    server = Listener(t, public, 43, answer_held)
    pots = Honeypots(t)
    found, _ = scan(t, [f"name{i}.{zone}" for zone in refers for i in range(3)], "--probe", "whois", "--whois-rate", 50, "-r",
                    names.address, "--psl-file", psl(t))
    for row in found:
        want = {"OK"} if row["tld"] in good else {"REDIRECT_BLOCKED", "NO_SERVER", "NET_ERROR"}
        check(row["status"] in want, row)
        if row["tld"] in ("zza", "zzb", "zzc", "zzd", "zze", "zzh", "zzi", "zzl", "zzm", "zzn", "zzo", "zzp"):
            equal(row["status"], "REDIRECT_BLOCKED", row)
    check(len(server.times) >= 3 * len(good), "connections to the good server", len(server.times))
    pots.check_untouched()


def psl(t):
    """A list without rules: each top-level name is a public suffix."""
    path = t.folder / "suffixes.dat"
    path.write_text("// ===BEGIN ICANN DOMAINS===\ncom\n// ===END ICANN DOMAINS===\n")
    return path


@test
def servers_of_the_tables_are_fenced_too(t):
    """Without --allow-private nothing inside is connected to, whoever names it."""
    own_network(t)
    pots = Honeypots(t)
    table, bootstrap = t.folder / "whois.tsv", t.folder / "dns.json"
    table.write_text("127.0.0.9\tzza\n10.0.0.1:43\tzzb\ninside.hosts.test\tzzc\n")
    bootstrap.write_text(json.dumps({"version": "1.0", "publication": "2026-01-01T00:00:00Z", "services": [
        [["zzd"], ["https://127.0.0.1/"]], [["zze"], ["https://169.254.169.254/rdap/"]], [["zzf"], ["http://whois.good.test/"]],
        [["zzg"], ["https://inside.hosts.test/"]], [["zzh"], ["https://inside.hosts.test:8080/"]]]}))
    names = Names(t, {"inside.hosts.test": [["192.168.1.1"]]})
    found, _ = scan(t, [f"name.zz{zone}" for zone in "abcdefgh"], "--probe", "registration", "-r", names.address, "--whois-servers", table,
                    "--rdap-bootstrap", bootstrap, "--iana-server", "none", "--psl-file", psl(t))
    for row in found:
        equal(row["status"], "NO_SERVER" if row["tld"] == "zzf" else "REDIRECT_BLOCKED", row)
    pots.check_untouched()


@test
def many_names_of_one_address_share_its_limit(t):
    own_network(t)
    public, rate = "198.41.0.4", 20
    server = Listener(t, public, 43, answer_held)
    table = t.folder / "whois.tsv"
    zones = [f"zz{i}" for i in range(60)]
    table.write_text("".join(f"whois.nic.{zone}\t{zone}\n" for zone in zones))
    names = Names(t, lambda host: [[public]])
    found, done = scan(t, [f"name.{zone}" for zone in zones], "--probe", "whois", "--whois-rate", rate, "-r", names.address,
                       "--whois-servers", table, "--iana-server", "none", "--psl-file", psl(t))
    equal({row["status"] for row in found}, {"OK"}, "statuses")
    t.note(f"{server.most_in_a_second()} of {len(server.times)} connections within a second, {rate} allowed")
    check(server.most_in_a_second() <= rate + 2, server.most_in_a_second(), "connections in a second")


@test
def only_names_reach_the_wire(t):
    own_network(t)
    public, heard = "198.41.0.4", []

    def listen(client):
        words = question(client)
        heard.append(words)
        client.sendall(held(words.decode("latin-1").strip()))

    Listener(t, public, 43, listen)
    table = t.folder / "whois.tsv"
    table.write_text("whois.nic.zz\tzz\n")
    names = ["good.zz", "--help.zz", "-x.zz", "a b.zz", "a/b.zz", "a%0d%0ab.zz", "x=y.zz", "$(id).zz", "`id`.zz", "*.zz", "a\\010b.zz",
             "a\\013\\010b.zz", "b\u00fccher.zz", "x" * 300 + ".zz", "a;b.zz", "a|b.zz", "\x1b[2Ja.zz", "e e.zz", "under_score.zz", "\u202eab.zz"]
    found, _ = scan(t, names, "--probe", "whois", "--whois-rate", 0, "-r", Names(t, lambda host: [[public]]).address, "--whois-servers", table,
                    "--iana-server", "none", "--psl-file", psl(t))
    equal(len(found), len(names), "rows")
    check(heard, "nothing was asked")
    for words in heard:
        check(re.fullmatch(rb"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?\.zz\r\n", words), "on the wire:", words)
    asked = {words.decode().strip() for words in heard}
    for row in found:
        check(row["status"] == ("OK" if row.get("name") in asked else "ILLEGAL_INPUT"), row)


@test
def no_port_is_left_and_no_name_is_lost(t):
    """64 ports for 128 connections to one server: those that get none wait."""
    own_network(t)
    pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("61000 61063")
    public = "198.41.0.4"

    def answer_late(client):
        words = question(client).decode().strip()
        time.sleep(0.5)
        client.sendall(held(words))

    Listener(t, public, 43, answer_late)
    table = t.folder / "whois.tsv"
    table.write_text("whois.nic.zz\tzz\n")
    found, done = scan(t, [f"name{i}.zz" for i in range(300)], "--probe", "whois", "--whois-rate", 0, "--whois-connections", 128, "-r",
                    Names(t, lambda host: [[public]]).address, "--whois-servers", table, "--iana-server", "none", "--psl-file", psl(t),
                       timeout="30s")
    equal(collections.Counter(row["status"] for row in found), {"OK": 300}, "statuses")
    t.note(f"{done.seconds:.1f} s, {done.cpu:.1f} s of CPU")
    check(done.cpu < done.seconds / 2, "it is busy while it waits:", done.cpu, "s of CPU in", done.seconds)


def certificates(folder):
    """(ca.pem, kind -> (certificate, key)): good and bad ones for hosts rdap.<kind>.test."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)

    def authority(name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.pem", "-days", 2, "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")

    def leaf(kind, subject, alternatives, signer="ca", days=2, key=("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")):
        openssl("req", "-newkey", *key, "-nodes", "-keyout", f"{kind}.key", "-out", f"{kind}.csr", "-subj", f"/CN={subject}")
        (folder / "ext").write_text(f"subjectAltName={alternatives}\n" if alternatives else "basicConstraints=CA:FALSE\n")
        openssl("x509", "-req", "-in", f"{kind}.csr", "-CA", f"{signer}.pem", "-CAkey", f"{signer}.key", "-CAcreateserial", "-days", days,
                "-extfile", "ext", "-out", f"{kind}.pem")
        return folder / f"{kind}.pem", folder / f"{kind}.key"

    authority("ca")
    authority("stranger")
    many = ",".join(f"DNS:host{i}.test" for i in range(3000))
    return folder / "ca.pem", {
        "good": leaf("good", "x", "DNS:rdap.good.test"), "wild": leaf("wild", "x", "DNS:*.wild.test"),
        "below.deep": leaf("deep", "x", "DNS:*.deep.test"), "address": leaf("address", "x", "IP:198.41.0.7"),
        "common": leaf("common", "rdap.common.test", ""), "stranger": leaf("stranger-leaf", "x", "DNS:rdap.stranger.test", signer="stranger"),
        "weak": leaf("weak", "x", "DNS:rdap.weak.test", key=("rsa:512",)), "puny": leaf("puny", "x", "DNS:xn--" + "9" * 50 + ".test"),
        "longer": leaf("longer", "rdap.longer.test", "DNS:rdap.longer.test.evil.test"), "many": leaf("many", "x", many)}


@test
def certificates_that_prove_nothing_are_refused(t):
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed (tools/install-packages test)")
    own_network(t)
    try:
        ca, kinds = certificates(t.folder)
    except subprocess.CalledProcessError as reason:
        raise Skip(f"openssl cannot make these certificates: {reason.stderr[-200:]}") from reason
    contexts, seen = {}, []
    for kind, (certificate, key) in kinds.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(certificate, key)
        contexts[f"rdap.{kind}.test"] = context

    def choose(tls, host, _context):
        seen.append(host)
        tls.context = contexts[host]

    front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    front.load_cert_chain(*kinds["good"])
    front.sni_callback = choose

    def serve(client):
        with front.wrap_socket(client, server_side=True) as tls:
            head = b""
            while b"\r\n\r\n" not in head and (more := tls.recv(4096)):
                head += more
            name = head.split()[1].rsplit(b"/", 1)[1].decode()
            body = json.dumps({"objectClassName": "domain", "ldhName": name, "rdapConformance": ["rdap_level_0"], "status": ["active"]})
            tls.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/rdap+json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                        f"{body}".encode())

    # A host with an address of its own: those that share one share its fate.
    addresses = {f"rdap.{kind}.test": f"198.41.0.{number}" for number, kind in enumerate(kinds, 4)}
    for address in addresses.values():
        Listener(t, address, 443, serve)
    bootstrap = t.folder / "dns.json"
    zones = {kind: f"zz{number}" for number, kind in enumerate(kinds)}
    bootstrap.write_text(json.dumps({"version": "1.0", "publication": "2026-01-01T00:00:00Z", "services": [
        [[zone], [f"https://rdap.{kind}.test/"]] for kind, zone in zones.items()]}))
    found, _ = scan(t, [f"name{i}.{zone}" for zone in zones.values() for i in range(2)], "--probe", "rdap", "-r",
                    Names(t, lambda host: [[addresses[host]]] if host in addresses else None).address, "--rdap-bootstrap", bootstrap, "--ca-file", ca, "--psl-file", psl(t))
    kind_of = {zone: kind for kind, zone in zones.items()}
    for row in found:
        equal(row["status"], "OK" if kind_of[row["tld"]] in ("good", "wild") else "TLS_ERROR", f"{kind_of[row['tld']]}: {row}")
    equal(set(seen), {f"rdap.{kind}.test" for kind in kinds}, "hosts that were named, each on connections of its own")


@test
def a_terminal_gets_no_byte_of_a_server(t):
    """lookup and scan at a terminal, with servers that send escape sequences, and names that have some."""
    world = RegistrationWorld(t)
    world.tell(["f-wbytes-1", "f-rbytes-1", "f-wnul-1"])
    names = ["name0.f-wbytes-1", "name1.f-rbytes-1", "name2.f-wnul-1", "\x1b]0;owned\x07.f-wbytes-1"]
    path = write_names(t.folder / "names.txt", names)
    tables = world.options("registration")
    at = tables.index("--progress")
    tables = tables[:at] + tables[at + 2:]
    commands = {"scan": ["scan", path, "-o", t.folder / "out", "--progress", "bar", *tables, "--raw"],
                "lookup": ["lookup", *names[:3], *tables, "--color", "always"]}
    for what, command in commands.items():
        seen = at_a_terminal([BIN, *command, "--whois-rate", 50, "--registration-timeout", "2s"])
        check(len(seen) > 100, what, "said", seen)
        left = re.sub(rb"\x1b\[[0-9;?]*[mKJABCDGHhl]|\r|\n|\t", b"", seen)  # colours, and the bar's own moves
        check(not re.search(rb"[\x00-\x1f\x7f]", left), what, "shows", left)
        check(not re.search("[\x80-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", left.decode(errors="replace")), what, "shows", left)


def at_a_terminal(command):
    ours, theirs = pty.openpty()
    process = spawn(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen, until = b"", time.monotonic() + 30
    while time.monotonic() < until:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                seen += os.read(ours, 1 << 16)
            except OSError:
                break
        elif process.poll() is not None:
            break
    os.close(ours)
    process.wait(10)
    return seen


@test
def the_whois_client_of_debian_gets_the_same_text(t):
    if not shutil.which("whois"):
        raise Skip("whois is not installed (tools/install-packages test)")
    world = RegistrationWorld(t)
    names = [f"name{i}.w{zone}" for zone in range(8) for i in range(4)]
    path = write_names(t.folder / "names.txt", names)
    equal(world.begin(path, t.folder / "out", "whois", "--raw", "--whois-rate", 0).wait(60).code, 0, "exit code")
    found = one_row_each(t.folder / "out", names)
    same = 0
    for name in names:
        zone = name.rsplit(".", 1)[1]
        done = subprocess.run(["whois", "-h", world.address(f"whois.nic.{zone}"), "-p", str(world.whois_port), "--", name],
                              capture_output=True, timeout=10, env={**os.environ, "LC_ALL": "C.UTF-8"})
        ours = found[name]["raw"].replace("\r", "")
        theirs = done.stdout
        if theirs.isascii():
            equal(ours.splitlines(), theirs.decode().splitlines(), f"text about {name}")
            same += 1
    t.note(f"{same} of {len(names)} answers compared; the others are not ASCII")
    check(same >= 20, same, "answers compared")


if __name__ == "__main__":
    main()
