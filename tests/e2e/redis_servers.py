"""Redis servers for the end-to-end tests: alone, as a cluster, with TLS, and one that says anything.

Needs Debian's redis-server and redis-tools. Everything lives in the folder that the caller gives."""
import os
import shutil
import socket
import subprocess
import threading
import time

from harness import Failure, Skip, free_port, spawn, stop

_PATH = os.environ.get("PATH", "") + os.pathsep + os.pathsep.join(("/usr/sbin", "/usr/bin"))


def need_redis():
    lacking = [program for program in ("redis-server", "redis-cli") if not shutil.which(program, path=_PATH)]
    if lacking:
        raise Skip(f"{' and '.join(lacking)} not installed (tools/install-packages test)")


class Redis:
    """A server on `host`, stopped at the end of the test."""

    def __init__(self, t, *options, host="127.0.0.1", listen="127.0.0.1", port=None, password=None, tls=None):
        need_redis()
        self.host, self.port, self.password, self.tls = host, port or free_port(), password, tls
        self.folder = t.folder / f"redis-{self.port}"
        self.folder.mkdir()
        self.command = ["redis-server", "--bind", listen, "--protected-mode", "no", "--save", "", "--appendonly", "no", "--dir",
                        self.folder, "--enable-debug-command", "yes", *options]
        self.command += ["--requirepass", password] if password else []
        if tls:
            self.command += ["--port", 0, "--tls-port", self.port, "--tls-cert-file", tls["chain"], "--tls-key-file", tls["key"],
                             "--tls-ca-cert-file", tls["ca"], "--tls-auth-clients", "no"]
        else:
            self.command += ["--port", self.port]
        self.process = None
        t.finally_do(self.stop)
        self.start()

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = spawn(self.command, stdout=log, stderr=log)
        self.wait()

    def stop(self):
        if self.process:
            stop(self.process)

    def cli(self, *arguments, check=True):
        command = ["redis-cli", "-h", self.host, "-p", str(self.port)]
        command += ["-a", self.password, "--no-auth-warning"] if self.password else []
        command += ["--tls", "--cacert", str(self.tls["ca"])] if self.tls else []
        done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=60, env={"PATH": _PATH})
        if check and done.returncode != 0:
            raise Failure(f"redis-cli {' '.join(map(str, arguments))}: {done.stderr}{done.stdout}")
        return done.stdout.strip()

    def wait(self, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            if self.cli("PING", check=False) == "PONG":
                return
            time.sleep(0.05)
        raise Failure(f"redis-server does not answer on port {self.port}: {(self.folder / 'log').read_text()[-2000:]}")

    def size(self):
        return int(self.cli("DBSIZE"))

    def in_background(self, *arguments):
        """What would keep the caller waiting, too."""
        threading.Thread(target=self.cli, args=arguments, kwargs={"check": False}, daemon=True).start()

    @property
    def url(self):
        secrets = f":{self.password}@" if self.password else ""
        return f"{'rediss' if self.tls else 'redis'}://{secrets}{self.host}:{self.port}"


def port_with_bus():
    """A free port whose bus (10,000 above) is free, too, and no outgoing connection's."""
    while True:
        port = free_port()
        with socket.socket() as bus:
            try:
                if port < 22_000:
                    bus.bind(("0.0.0.0", port + 10_000))
                    return port
            except OSError:
                pass


def cluster(t, count=3, host="127.0.0.1", listen="127.0.0.1"):
    """`count` masters without replicas; what dies takes its slots with it, and nothing else."""
    nodes = [Redis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", 1000, "--cluster-require-full-coverage", "no",
                   "--cluster-announce-ip", host, host=host, listen=listen, port=port_with_bus()) for _ in range(count)]
    made = nodes[0].cli("--cluster", "create", *[f"{host}:{node.port}" for node in nodes], "--cluster-replicas", 0, "--cluster-yes")
    until = time.monotonic() + 30
    while not all("cluster_state:ok" in node.cli("CLUSTER", "INFO") for node in nodes):
        if time.monotonic() > until:
            raise Failure(f"the cluster does not come up: {made}")
        time.sleep(0.1)
    return nodes


class FakeServer:
    """Speaks to whoever connects as `answer(bytes)` says; None hangs up."""

    def __init__(self, t, answer):
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self.answer = answer
        self.connections = 0
        t.finally_do(self.listener.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection:
            try:
                while heard := connection.recv(1 << 16):
                    said = self.answer(heard)
                    if said is None:
                        return
                    connection.sendall(said)
            except OSError:
                pass


def honest_greeting(then):
    """Greets as a server without cluster does, and says `then(commands)` to whatever follows."""

    def answer(heard):
        if b"PING" in heard:
            return b"-ERR This instance has cluster support disabled\r\n+PONG\r\n"
        return then(heard)

    return answer
