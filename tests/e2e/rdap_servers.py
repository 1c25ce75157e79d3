"""RDAP behind a real nginx with HTTP/2 and TLS: certificates, files and configuration. Also used by bench/.

Needs Debian's nginx-light and openssl. Everything lives in the folder that the caller gives."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import zlib

from harness import Failure, Skip, free_port, spawn, stop

HOST = "rdap.example"
MOCK = pathlib.Path(__file__).resolve().parent / "rdap_mock.js"

# One answer as the registry of .com gives it, about 2.4 kB.
STATUSES = ["client delete prohibited", "client transfer prohibited", "client update prohibited"]
NOTICES = [
    {"title": "Terms of Use", "description": ["Service subject to Terms of Use."],
     "links": [{"href": "https://registry.example/terms", "type": "text/html"}]},
    {"title": "Status Codes", "description": ["For more information on domain status codes, please visit https://icann.org/epp"],
     "links": [{"href": "https://icann.org/epp", "type": "text/html"}]},
    {"title": "RDDS Inaccuracy Complaint Form",
     "description": ["URL of the ICANN RDDS Inaccuracy Complaint Form: https://icann.org/wicf"],
     "links": [{"href": "https://icann.org/wicf", "type": "text/html"}]}]


def answer(name, created="2011-03-04T05:06:07Z", registrar="Registrar, Inc.", iana_id="292"):
    own = f"https://{HOST}/domain/{name}"
    abuse = {"objectClassName": "entity", "roles": ["abuse"],
             "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", ""],
                                      ["tel", {"type": "voice"}, "uri", "tel:+1.5555550100"],
                                      ["email", {}, "text", "abuse@registrar.example"]]]}
    holder = {"objectClassName": "entity", "handle": iana_id, "roles": ["registrar"],
              "publicIds": [{"type": "IANA Registrar ID", "identifier": iana_id}],
              "vcardArray": ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", registrar]]],
              "entities": [abuse]}
    return {"objectClassName": "domain", "handle": f"{zlib.crc32(name.encode())}_DOMAIN", "ldhName": name.upper(),
            "links": [{"value": own, "rel": "self", "href": own, "type": "application/rdap+json"},
                      {"value": own, "rel": "related", "href": f"https://registrar.example/rdap/domain/{name}",
                       "type": "application/rdap+json"}],
            "status": STATUSES, "entities": [holder],
            "events": [{"eventAction": "registration", "eventDate": created},
                       {"eventAction": "expiration", "eventDate": "2031-03-04T05:06:07Z"},
                       {"eventAction": "last update of RDAP database", "eventDate": "2026-06-09T09:34:01Z"}],
            "secureDNS": {"delegationSigned": False},
            "nameservers": [{"objectClassName": "nameserver", "ldhName": f"NS{i}.{name.upper()}"} for i in range(1, 5)],
            "rdapConformance": ["rdap_level_0", "icann_rdap_technical_implementation_guide_0",
                                "icann_rdap_response_profile_0"],
            "notices": NOTICES}


def missing():
    """What the machine lacks for this, or None."""
    lacking = [program for program in ("nginx", "openssl") if not shutil.which(program, path=_PATH)]
    return f"{' and '.join(lacking)} not installed (tools/install-packages test)" if lacking else None


_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _openssl(*arguments):
    subprocess.run(["openssl", *[str(part) for part in arguments]], check=True, capture_output=True)


def make_certificates(folder, names=(HOST,), addresses=()):
    """folder/ca.pem signs folder/leaf.pem, with its key in folder/leaf.key."""
    ca, ca_key, leaf, key = folder / "ca.pem", folder / "ca.key", folder / "leaf.pem", folder / "leaf.key"
    for path in (ca_key, key):
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    _openssl("req", "-x509", "-new", "-key", ca_key, "-days", 2, "-subj", "/CN=test authority", "-out", ca,
             "-addext", "keyUsage=critical,keyCertSign")
    _openssl("req", "-new", "-key", key, "-subj", f"/CN={names[0]}", "-out", folder / "leaf.csr")
    (folder / "leaf.ext").write_text("subjectAltName=" + ",".join(
        [f"DNS:{name}" for name in names] + [f"IP:{address}" for address in addresses]) + "\n")
    _openssl("x509", "-req", "-in", folder / "leaf.csr", "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", 2,
             "-extfile", folder / "leaf.ext", "-out", leaf)
    return ca


def write_answers(root, names):
    (root / "domain").mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / "domain" / name).write_text(json.dumps(answer(name)))


class Resolver:
    """One for which every host is this machine."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            end = query.index(b"\x00", 12) + 5
            is_a = query[end - 4:end - 2] == b"\x00\x01"
            answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01" if is_a else b""
            self.socket.sendto(query[:2] + b"\x81\x80\x00\x01\x00" + bytes([is_a]) + b"\x00\x00\x00\x00" + query[12:end] + answer, peer)

    def close(self):
        self.socket.close()


def scan_options(folder, port, zone, resolver):
    """Of `zonesweep scan`: the zone's RDAP server is the one on this port, with the folder's certificates."""
    bootstrap = folder / "dns.json"
    bootstrap.write_text(json.dumps({"version": "1.0", "publication": "2026-01-01T00:00:00Z", "description": "test",
                                     "services": [[[zone], [f"https://{HOST}:{port}/"]]]}))
    return ["--probe", "rdap", "-r", resolver.address, "--rdap-bootstrap", bootstrap, "--ca-file", folder / "ca.pem",
            "--allow-private", "127.0.0.0/8"]


class Nginx:
    """Serves folder/root. `http` and `server` are lines for these blocks of the configuration."""

    def __init__(self, folder, http="", server="", keepalive_requests=1000, core=None):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.log = self.folder / "access.log"
        (self.folder / "nginx.conf").write_text(f"""
daemon off;
master_process off;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log;
{'user root;' if os.geteuid() == 0 else ''}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  types {{ }}
  default_type application/rdap+json;
  keepalive_requests {keepalive_requests};
  open_file_cache max=20000;
  client_body_temp_path {self.folder}/tmp; proxy_temp_path {self.folder}/tmp; fastcgi_temp_path {self.folder}/tmp;
  uwsgi_temp_path {self.folder}/tmp; scgi_temp_path {self.folder}/tmp;
  {http}
  server {{
    listen 127.0.0.1:{self.port} ssl http2;
    server_name {HOST};
    ssl_certificate {self.folder}/leaf.pem;
    ssl_certificate_key {self.folder}/leaf.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    root {self.folder}/root;
    {server}
  }}
}}
""")
        pin = None if core is None else lambda: os.sched_setaffinity(0, {core})
        self.process = spawn([shutil.which("nginx", path=_PATH), "-c", self.folder / "nginx.conf", "-p", self.folder,
                              "-e", self.folder / "error.log"], stderr=subprocess.DEVNULL, before_exec=pin)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.close()
        raise RuntimeError("nginx did not start: " + (self.folder / "error.log").read_text()[-500:])

    def close(self):
        stop(self.process)


def start_mock(t, protocol):
    """The port of rdap_mock.js, which runs until the test is over."""
    if not shutil.which("node") or missing():
        raise Skip(missing() or "node is not installed (tools/install-packages test)")
    make_certificates(t.folder)
    process = spawn(["node", MOCK, t.folder / "leaf.pem", t.folder / "leaf.key", protocol], stdout=subprocess.PIPE, text=True)
    t.finally_do(lambda: stop(process))
    line = process.stdout.readline()
    if not line.strip().isdigit():
        raise Failure("the Node server did not start")
    return int(line)
