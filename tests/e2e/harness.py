"""What the end-to-end tests share: running zonesweep, real name servers on free ports, and reading rows back.

Standard library only. Every process started here dies with the test, also when the test itself is killed.
Environment: ZONESWEEP_BIN (default build/release/tools/zonesweep).
"""
import collections
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from suite import Failure, Skip, check, equal, main, test  # noqa: E402,F401  (for the tests)

BIN = os.environ.get("ZONESWEEP_BIN", str(ROOT / "build" / "release" / "tools" / "zonesweep"))
RUN_SECONDS = 300  # nothing here may hang: a run that takes longer is killed and fails its test

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_NOBODY = 65534

Run = collections.namedtuple("Run", "code out err seconds cpu peak_kib")


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# ---------------------------------------------------------------------------------------------- processes


def spawn(command, **options):
    """Popen in its own process group that cannot outlive the test."""
    options.setdefault("stdin", subprocess.DEVNULL)
    before = options.pop("before_exec", None)

    def prepare():
        _die_with_parent()
        if before:
            before()

    return subprocess.Popen([str(part) for part in command], start_new_session=True, preexec_fn=prepare, **options)


def kill(process, how=signal.SIGKILL):
    try:
        os.killpg(process.pid, how)
    except ProcessLookupError:
        pass


def stop(process, seconds=5):
    """SIGTERM, then SIGKILL; returns once it is gone."""
    if process.poll() is None:
        kill(process, signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill(process)
            process.wait()


def peak_kib(pid):
    """VmHWM: of this program, where ru_maxrss would also count its parent's memory at the fork."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


class Program:
    """A running zonesweep (or any program), with its output collected and its CPU and memory known at the end."""

    def __init__(self, command, **options):
        self.started = time.monotonic()
        self.process = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.pid = self.process.pid
        self.peak = 0
        self._out, self._err = bytearray(), bytearray()
        self._readers = [self._reader(self.process.stdout, self._out), self._reader(self.process.stderr, self._err)]

    @staticmethod
    def _reader(pipe, into):
        def read():
            while chunk := pipe.read1(1 << 16):
                into.extend(chunk)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def running(self):
        return self._reap(os.WNOHANG) is None

    def _reap(self, flags):
        if self.process.returncode is None:
            self.peak = max(self.peak, peak_kib(self.pid))
            pid, status, usage = os.wait4(self.pid, flags)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu = usage.ru_utime + usage.ru_stime
                self.seconds = time.monotonic() - self.started
        return self.process.returncode

    def signal(self, how):
        if self.running():
            os.kill(self.pid, how)

    def err(self):
        return self._err.decode(errors="replace")

    def out(self):
        return self._out.decode(errors="replace")

    def wait(self, limit=RUN_SECONDS):
        """The finished Run. One that hangs is killed, and fails the test."""
        until = time.monotonic() + limit
        while self._reap(os.WNOHANG) is None:
            if time.monotonic() > until:
                kill(self.process)
                self._reap(0)
                raise Failure(f"still running after {limit} s: {' '.join(map(str, self.process.args))}\n{self.err()[-2000:]}")
            time.sleep(0.01)
        for thread in self._readers:
            thread.join(5)
        return Run(self.process.returncode, self.out(), self.err(), self.seconds, self.cpu, self.peak)


def run(command, limit=RUN_SECONDS, **options):
    return Program(command, **options).wait(limit)


def start(*arguments, **options):
    return Program([BIN, *arguments], **options)


def as_nobody(t, memlock=8 << 20):
    """(command prefix, writable folder): zonesweep run as a user without privileges and with the locked memory that
    a login has. Root's memory is not counted, so some faults never show there."""
    if os.geteuid() != 0:
        return [BIN], t.folder
    program, place = t.folder / "zonesweep", t.folder / "nobody"
    if not program.exists():
        shutil.copy(BIN, program)
        place.mkdir()
        os.chown(place, _NOBODY, _NOBODY)
        t.folder.chmod(0o755)
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "prlimit", f"--memlock={memlock}:{memlock}",
            program], place


def zonesweep(*arguments, limit=RUN_SECONDS, expect=0, **options):
    """Runs to the end; fails the test unless the exit code is `expect` (None: any)."""
    done = run([BIN, *arguments], limit, **options)
    if expect is not None and done.code != expect:
        raise Failure(f"zonesweep {' '.join(map(str, arguments))}: exit code {done.code}, expected {expect}; "
                      f"stderr: {done.err[-2000:]}")
    return done


# --------------------------------------------------------------------------------------------------- ports


def free_port():
    """A port of 127.0.0.1 that is free for UDP and TCP.

    It lies below the range of outgoing ports: within it a client's socket can be given the server's own number, and
    then, if the server allows that (SO_REUSEPORT), the client talks to itself.
    """
    for port in random.sample(range(12_000, 32_000), 200):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no free port between 12000 and 32000")


def dns_query(name, qtype=6, ident=0x1234):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label)
    return ident.to_bytes(2, "big") + b"\x01\x00\x00\x01" + bytes(6) + labels + b"\x00" + qtype.to_bytes(2, "big") + b"\x00\x01"


def wait_for_dns(port, process, name=".", seconds=20, log=None):
    """Until the server gives any answer over UDP."""
    until = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            try:
                client.send(dns_query(name))
                if client.recv(4096):
                    return
            except (ConnectionRefusedError, TimeoutError):
                time.sleep(0.05)
    raise Failure(f"{process.args[0]} does not answer on port {port}: {pathlib.Path(log).read_text()[-2000:] if log else ''}")


# ------------------------------------------------------------------------------------------------- servers


class Server:
    """A DNS server on 127.0.0.1, stopped at the end of the test."""

    def __init__(self, t, command, port, name=".", **options):
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.log_path = t.folder / f"{pathlib.Path(str(command[0])).name}-{port}.log"
        with open(self.log_path, "wb") as log:
            self.process = spawn(command, stdout=log, stderr=log, **options)
        t.finally_do(self.stop)
        wait_for_dns(port, self.process, name, log=self.log_path)

    def stop(self):
        stop(self.process)


def loopback(t, *options, port=None):
    port = port or free_port()
    return Server(t, [BIN, "loopback", "--port", port, *options], port, "ready.example")


Asked = collections.namedtuple("Asked", "seconds name type")  # seconds as time.monotonic() has them

_TYPES = {"1": "A", "15": "MX", "16": "TXT", "28": "AAAA"}


def asked(log):
    """The questions that reached a loopback(t, "--log", log), in order of time. Stop the server first: it buffers."""
    found = []
    with open(log, encoding="ascii", errors="replace") as file:
        for line in file:
            seconds, _transport, _port, _id, kind, name, _messages = line.rstrip("\n").split("\t")
            found.append(Asked(float(seconds), name, _TYPES.get(kind, kind)))
    return sorted(found)


def nsd(t, zone, zone_file):
    port, place = free_port(), t.folder
    config = place / f"nsd-{port}.conf"
    config.write_text(f"""
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{place}"
  database: ""
  pidfile: "{place}/nsd-{port}.pid"
  xfrdfile: "{place}/nsd-{port}.xfrd"
  zonelistfile: "{place}/nsd-{port}.zones"
  server-count: 1
  rrl-ratelimit: 0
  minimal-responses: no
remote-control:
  control-enable: no
zone:
  name: "{zone}"
  zonefile: "{zone_file}"
""")
    return Server(t, [_server_program("nsd"), "-d", "-c", config], port, zone)


def knot(t, zone, zone_file):
    port, place = free_port(), t.folder / "knot"
    place.mkdir()
    config = place / "knot.conf"
    config.write_text(f"""
server:
  rundir: {place}
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {place}
  journal-db-max-size: 16M
  kasp-db-max-size: 16M
  timer-db-max-size: 16M
log:
  - target: stderr
    any: warning
zone:
  - domain: {zone}
    file: {zone_file}
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
""")
    return Server(t, [_server_program("knotd"), "-c", config], port, zone)


def named(t, zone, zone_file):
    port, place = free_port(), t.folder / "named"
    place.mkdir()
    config = place / "named.conf"
    config.write_text(f"""
options {{
  directory "{place}"; pid-file "{place}/named.pid"; session-keyfile "{place}/session.key"; lock-file none;
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; notify no; dnssec-validation no; allow-query {{ any; }}; minimal-responses no; empty-zones-enable no;
  max-records-per-type 0; max-types-per-name 0;
}};
controls {{ }};
zone "{zone}" {{ type primary; file "{zone_file}"; check-names ignore; check-integrity no; }};
""")
    return Server(t, [_server_program("named"), "-g", "-n", "1", "-c", config], port, zone)


def unbound(t, zone, authority):
    """A recursor that gets `zone` from `authority` (a Server)."""
    port, place = free_port(), t.folder / "unbound"
    place.mkdir()
    config = place / "unbound.conf"
    config.write_text(f"""
server:
  directory: "{place}"
  chroot: ""
  username: ""
  pidfile: "{place}/unbound.pid"
  use-syslog: no
  verbosity: 0
  interface: 127.0.0.1@{port}
  do-ip6: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "{zone}" nodefault
  local-zone: "test." nodefault
  minimal-responses: no
  so-rcvbuf: 0
  outgoing-range: 4096
  num-queries-per-thread: 4096
remote-control:
  control-enable: no
stub-zone:
  name: "{zone}"
  stub-addr: 127.0.0.1@{authority.port}
""")
    return Server(t, [_server_program("unbound"), "-d", "-c", config], port, zone)


def _server_program(name):
    for folder in ("/usr/sbin", "/usr/bin"):
        if os.path.exists(f"{folder}/{name}"):
            return f"{folder}/{name}"
    raise Skip(f"{name} is not installed (tools/install-packages test)")


# ---------------------------------------------------------------------------------------------------- rows


def shard_files(folder, table="dns"):
    return sorted((pathlib.Path(folder) / table).glob("part-*"))


def lines(path):
    """The lines of one shard, whatever its compression; decompressed by the tools that users have."""
    reader = {".zst": ["zstd", "-dcq"], ".gz": ["gzip", "-dcq"]}.get(path.suffix, ["cat"])
    with subprocess.Popen([*reader, str(path)], stdout=subprocess.PIPE, preexec_fn=_die_with_parent) as process:
        yield from process.stdout
    check(process.returncode == 0, path.name, "does not decompress")


def rows(folder, table="dns"):
    for path in shard_files(folder, table):
        for line in lines(path):
            yield json.loads(line)


def manifest(folder):
    found = sorted(pathlib.Path(folder).glob("_manifest*.ndjson"))
    return [json.loads(line) for path in found for line in path.read_text().splitlines()]


def statuses(folder):
    return collections.Counter(row["status"] for row in rows(folder))


def check_one_row_per_question(folder, names, types):
    """Every (seq, type) once, and each row about the name that the input has at its seq. Returns the row count."""
    seen = {kind: bytearray(len(names)) for kind in types}
    count = 0
    for row in rows(folder):
        seq, kind = row["seq"], row["type"]
        check(kind in seen and 0 <= seq < len(names), "a row that nobody asked for:", row)
        check(not seen[kind][seq], "a second row for", seq, kind)
        check(row["name"].rstrip(".").lower() == names[seq].rstrip(".").lower(), "row", seq, "is about", row["name"],
              "and not about", names[seq])
        seen[kind][seq] = 1
        count += 1
    missing = sum(len(names) - sum(have) for have in seen.values())
    check(missing == 0, missing, "rows are missing")
    return count


# --------------------------------------------------------------------------------------------------- world


try:
    _xxhash = ctypes.CDLL("libxxhash.so.0")
    _xxhash.XXH3_64bits_withSeed.restype = ctypes.c_uint64
    _xxhash.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
except OSError:
    _xxhash = None


def name_hash(name, seed=0):
    """XXH3-64 of the name, by the reference library rather than by our code."""
    if _xxhash is None:
        raise Skip("libxxhash.so.0 is not installed")
    data = name.encode()
    return _xxhash.XXH3_64bits_withSeed(data, len(data), seed)


Expected = collections.namedtuple("Expected", "status address owner")


class World:
    """What the loopback internet answers, computed from the name alone (docs/loopback.md)."""

    def __init__(self, exists=95, seed=0):
        self.exists = exists
        self.seed = seed

    def address(self, name):
        value = name_hash(name, self.seed)
        return f"10.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"

    def expected(self, name, kind):
        """The status of the row, and for an A record also its address and the name at the end of the CNAME chain."""
        value = name_hash(name, self.seed)
        owner, complete = name, name.startswith("f-") or name.endswith((".all.test", ".mail.test", ".dns.test", ".rev.test"))
        if not complete and (value >> 24 & 0xFFFF) * 100 >= self.exists * 65536:
            return Expected("NXDOMAIN", None, name)
        if not complete and (value >> 40 & 0xFF) < 8:  # an alias of a name that has everything
            second = name_hash(name, self.seed + 1)
            owner, complete = f"a0-{second >> 32 & 0xFFFFFFFF:08x}.alias.test", True
        if kind == "A":
            return Expected("NOERROR", self.address(owner), owner)
        if kind == "MX":
            return Expected("NOERROR" if complete or (value >> 52 & 15) < 13 else "NODATA", None, owner)
        raise Failure(f"the tests know no rule for {kind}")

    def check(self, folder, names, types, also=()):
        """Every question has its one row and every row says what this world says. Rows may instead have a status of
        `also`. Returns the statuses."""
        check_one_row_per_question(folder, names, types)
        found = collections.Counter()
        for row in rows(folder):
            found[row["status"]] += 1
            if row["status"] in also:
                continue
            name = names[row["seq"]]
            expected = self.expected(name, row["type"])
            if row["status"] != expected.status:
                raise Failure(f"{name} {row['type']}: {row['status']}, but the world has {expected.status}")
            if row["type"] == "A" and expected.address:
                got = [(answer["name"].rstrip("."), answer["data"]) for answer in row["answers"] if answer["type"] == "A"]
                if got != [(expected.owner, expected.address)]:
                    raise Failure(f"A of {name}: {got}, but the world has {expected.owner} {expected.address}")
        return found


def addresses(row):
    return [answer["data"] for answer in row.get("answers", []) if answer["type"] == "A"]


def write_names(path, names):
    path.write_text("".join(f"{name}\n" for name in names))
    return path


def make_names(count, suffix="example"):
    """Distinct names of several lengths; none begins with "f-", which would ask the loopback internet for a fault."""
    return [f"{'abcdeghijk'[i % 10] * (i % 7 + 1)}-{i:x}.{suffix}" for i in range(count)]
