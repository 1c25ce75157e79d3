"""The loopback internet with its WHOIS and RDAP servers, for end-to-end tests of registration (docs/loopback.md)."""
import json
import socket
import ssl
import subprocess

from harness import BIN, Failure, check, dns_query, free_port, loopback, rows, run, start

NET = "127.64.0.0/10"  # where all its WHOIS and RDAP servers are


class RegistrationWorld:
    """A running loopback internet. `.stop()` first, then `.statistics()`."""

    def __init__(self, t, *options, zones=100, names=0, folder=None, ports=None):
        place = folder or t.folder
        place.mkdir(exist_ok=True)
        self.folder = place / "registration"
        self._statistics = place / "registration-statistics.json"
        self.ports = ports or [free_port() for _ in range(3)]
        self.whois_port, self.rdap_port = self.ports[1:]
        self.server = loopback(t, "--registration-files", self.folder, "--registration-zones", zones, "--registration-names", names,
                               "--whois-port", self.whois_port, "--rdap-port", self.rdap_port,
                               "--stats-file", self._statistics, *options, port=self.ports[0])
        self.stop = self.server.stop

    def names(self):
        return (self.folder / "names.txt").read_text().split()

    def fault_zones(self, number=0):
        """The zones f-<kind>-<number>: kind -> zone."""
        found = {}
        for line in (self.folder / "whois-servers.tsv").read_text().splitlines():
            zone = line.split("\t")[-1]
            if zone.startswith("f-") and zone.endswith(f"-{number}"):
                found[zone[2:-len(f"-{number}")]] = zone
        return found

    def warm_up(self, zones):
        """The RDAP servers make their certificates."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        for zone in zones:
            if zone[0] not in "rb":
                continue
            host = f"rdap.nic.{zone}"
            with socket.create_connection((self.address(host), self.rdap_port), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname=host):
                    pass

    def address(self, host):
        """By its DNS."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.connect(("127.0.0.1", self.server.port))
            client.send(dns_query(host, 1))
            answer = client.recv(4096)
        if answer[7] == 0:
            raise Failure(f"{host} has no address")
        return ".".join(str(octet) for octet in answer[-4:])

    def expected(self, names, probe):
        """name -> the members of its row that the world decides. A `status` may be a list: any of them is right."""
        done = subprocess.run([BIN, "loopback", "--whois-port", str(self.whois_port), "--rdap-port", str(self.rdap_port),
                               "--expect", "-", probe], input="".join(f"{name}\n" for name in names), capture_output=True,
                              text=True, check=True)
        return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}

    def scan(self, t, names, probe, *options, limit=120):
        """The Run and the folder of a scan without limits of its own, unless `options` set them."""
        given, out = t.folder / f"names-{probe}.txt", t.folder / f"out-{probe}"
        given.write_text("".join(f"{name}\n" for name in names))
        done = run([BIN, "scan", given, "-o", out, "-r", self.server.address, "--probe", probe, "--progress", "none",
                    "--whois-servers", self.folder / "whois-servers.tsv", "--rdap-bootstrap", self.folder / "dns.json",
                    "--ca-file", self.folder / "ca.pem", "--allow-private", NET, "--iana-server", "none",
                    *([] if "--whois-rate" in options else ["--whois-rate", 0]),
                    *([] if "--rdap-rate" in options else ["--rdap-rate", 0]), *options], limit)
        check(done.code == 0, "scan ends with", done.code, done.err[-2000:])
        return done, out

    def begin(self, names_file, out, probe, *options):
        """A scan in its own process, with the tables of this world and none of its limits."""
        return start("scan", names_file, "-o", out, *self.options(probe), *options)

    def options(self, probe):
        return ["-r", self.server.address, "--probe", probe, "--progress", "none", "--whois-servers", self.folder / "whois-servers.tsv",
                "--rdap-bootstrap", self.folder / "dns.json", "--ca-file", self.folder / "ca.pem", "--allow-private", NET,
                "--iana-server", "none"]

    def tell(self, zones):
        """The tables get the servers of these zones, too."""
        whois = (self.folder / "whois-servers.tsv").read_text()
        rdap = json.loads((self.folder / "dns.json").read_text())
        known = {zone for service in rdap["services"] for zone in service[0]}
        known |= {zone for line in whois.splitlines() if not line.startswith("#") for zone in line.split("\t")[1].split()}
        for zone in sorted(set(zones) - known):
            if zone[0] in "wbf":
                whois += f"whois.nic.{zone}:{self.whois_port}\t{zone}\n"
            if zone[0] in "rb" or zone.startswith("f-r"):
                rdap["services"].append([[zone], [f"https://rdap.nic.{zone}:{self.rdap_port}/"]])
        (self.folder / "whois-servers.tsv").write_text(whois)
        (self.folder / "dns.json").write_text(json.dumps(rdap))

    def check_rows(self, folder, names, probe):
        """One row per name, each as the world has it and with nothing besides."""
        found = {row["input"]: row for row in rows(folder, "registration")}
        check(len(found) == len(names), len(found), "rows for", len(names), "names")
        for name, expected in self.expected(names, probe).items():
            wrong = differences(expected, found[name])
            check(not wrong, name, wrong, "in", found[name])
        return found

    def statistics(self):
        """{"whois": {host: counts}, "rdap": {...}}"""
        return json.loads(self._statistics.read_text())["registration"]


_OF_THE_RUN = {"seq", "input", "tries", "rtt_us", "cached", "ts", "error", "raw"}


def differences(expected, row):
    wrong = []
    for key, value in expected.items():
        right = row.get(key) in value if key == "status" and isinstance(value, list) else row.get(key) == value
        if not right:
            wrong.append((key, value, row.get(key)))
    if expected["status"] in ("OK", "NOT_FOUND") and "source" in expected:
        wrong += [(key, None, row[key]) for key in row.keys() - expected.keys() - _OF_THE_RUN]
    return wrong


def said(row):
    """What the row says of its name."""
    return {member: value for member, value in row.items() if member not in _OF_THE_RUN}


def one_row_each(folder, names):
    """name -> row, where each name of the input has exactly one in the table of registrations."""
    found = {}
    for row in rows(folder, "registration"):
        check(row["seq"] < len(names) and names[row["seq"]] == row["input"], "a row that nobody asked for:", row)
        check(row["seq"] not in found, "a second row:", row)
        found[row["seq"]] = row
    check(len(found) == len(names), len(found), "rows for", len(names), "names")
    return {names[seq]: row for seq, row in found.items()}
