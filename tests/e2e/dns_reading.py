"""What the tests that compare us with dig share: our decoder, and exact reads from a connection."""
import json
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


def _dump(messages, *options):
    if not os.path.exists(DUMP):
        raise Skip(f"{DUMP} is not built")
    text = "".join(message.hex() + "\n" for message in messages)
    return subprocess.run([DUMP, *options], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


def rows(messages):
    """Per message the row that we write. Any byte of a row that is not valid UTF-8 or JSON fails the test."""
    lines = _dump(messages, "--rows").decode("utf-8").split("\n")
    check(len(lines) == len(messages) + 1, "rows:", len(lines) - 1, "of", len(messages))
    return [json.loads(line) for line in lines[:-1]]


def decoded(messages):
    """Per message its records as (owner, ttl, class, type, data), or the text of why we refuse it."""
    replies, records = [], []
    for line in _dump(messages).decode("ascii").splitlines():
        if line == "." or line.startswith("! "):
            replies.append(records if line == "." else line[2:])
            records = []
        else:
            records.append(tuple(line.split("\t")[1:]))
    return replies
