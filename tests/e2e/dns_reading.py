"""What the tests that compare us with dig share: our decoder, and exact reads from a connection."""
import os
import subprocess

from harness import ROOT, Skip, check

DUMP = os.environ.get("ZONESWEEP_DNS_DUMP", str(ROOT / "build" / "release" / "tests" / "dns_dump"))


def receive(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        check(piece, "the other end closed the connection")
        data += piece
    return data


def decoded(messages):
    """Per message its records as (owner, ttl, class, type, data), or the text of why we refuse it."""
    if not os.path.exists(DUMP):
        raise Skip(f"{DUMP} is not built")
    shown = subprocess.run([DUMP], input="".join(message.hex() + "\n" for message in messages).encode(), stdout=subprocess.PIPE,
                           check=True).stdout.decode("ascii")
    replies, records = [], []
    for line in shown.splitlines():
        if line == "." or line.startswith("! "):
            replies.append(records if line == "." else line[2:])
            records = []
        else:
            records.append(tuple(line.split("\t")[1:]))
    return replies
