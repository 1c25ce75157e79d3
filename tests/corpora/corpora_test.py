#!/usr/bin/env python3
"""Every recorded answer of the corpora through `zonesweep parse`, scored against what its source states.

The corpora are no part of this repository: ../shared/corpora beside it, or $ZONESWEEP_CORPORA. Prints a table by field,
by source and by family of formats; the thresholds make it fail.
"""
import collections
import json
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from harness import BIN, Skip, check, equal, main, run, test  # noqa: E402

CORPORA = pathlib.Path(os.environ.get("ZONESWEEP_CORPORA") or ROOT.parent / "shared" / "corpora")

# Percent of stated values. `statuses` and `registrar` are below what one would wish because sources state them
# differently from each other: with and without remarks, links and handles.
WHOIS_THRESHOLDS = {"outcome": 99, "domain": 98, "nameservers": 98, "created": 97, "updated": 97, "expires": 97,
                    "registrar": 95, "statuses": 95, "dnssec": 95, "registrar_iana_id": 95}

# Never `available`: what proves nothing about the name.
NO_PROOF = {"throttled", "error", "refused", "empty", "unsupported_tld"}

LIFE_CYCLE = {"redemption", "pending_delete", "expired", "inactive", "suspended", "locked", "not_assigned",
              "to_be_released", "deactivated", "unconfirmed", "other"}

# Stated outcomes that the text of the answer contradicts; the text decides.
CONTRADICTED = {
    "ca/fb-whois.cira.ca-ca-invalid-mediom-invalid.ca": "the text says not found",
    "ca/fb-whois.cira.ca-ca-redemption-glu-redemption.ca": "the text says not found",
    "nz/fb-whois.srs.net.nz-nz-invalid-u34jedzcq.nz": "the text says not found",
    "pt/fb-whois.dns.pt-pt-inactive-wiki-inactive.pt": "the text says no match",
    "pt/fb-whois.dns.pt-pt-reserved-wiki-reserved.pt": "the text says no match",
    "sx/fb-whois.sx-sx-unavailable-domain-unavailable.sx": "the text says not found",
    "tn/fb-whois.ati.tn-tn-found-equipements-pro.com.tn": "the text says no object found",
    "hk/io-free-free.hk": "stated available; the text asks to wait before the next question",
    "nz/io-free-free.nz": "stated available; the text says request denied",
    "nz/io-free_progressbuilders.co.nz.nz-progressbuilders.co.nz.nz": "stated available; not a name of this register",
    "com/wp-whois.gandi.net-status_available": "stated available; there is no text",
}


def corpora():
    if not (CORPORA / "whois").is_dir():
        raise Skip(f"no corpora in {CORPORA}")
    return CORPORA


class Answer:
    """One recorded answer and what is stated about it."""

    def __init__(self, path, expectation):
        self.path = path
        self.key = "/".join(path.with_suffix("").parts[-2:])
        self.source = path.name[:2]
        self.expected = json.loads(expectation.read_text()) if expectation.exists() else {}
        self.name = self.expected.get("query", "").lower().rstrip(".")
        self.server = self.expected.get("server", "")


def parsed(t, protocol, answers, *options, files=None):
    """The rows, in the order of the answers; `ts` left out."""
    listing = t.folder / "list.tsv"
    listing.write_text("".join(f"{file}\t{a.name}\t{a.server}\n" for file, a in
                               zip(files or [a.path for a in answers], answers)))
    out = run([BIN, "parse", protocol, "--list", listing, *options], limit=300)
    equal(out.code, 0, f"exit code ({out.err[-300:]})")
    rows = [json.loads(line) for line in out.out.splitlines()]
    equal(len(rows), len(answers), "rows")
    for row in rows:
        row.pop("ts")
    return rows


def whois_answers():
    return [Answer(path, path.with_suffix(".json")) for path in sorted((corpora() / "whois").glob("*/*.txt"))]


def folded(text):
    return re.sub(r"[\W_]", "", text.lower())


def state(text):
    """A status without its remark; RFC 8056 knows two words for the same thing."""
    word = folded(re.sub(r"\s*\(.*\)\s*$", "", text))
    return {"active": "ok", "associated": "linked"}.get(word, word)


def states(values):
    return {state(piece) for value in values for piece in value.split(",")}


def same_date(expected, got):
    if expected is None or got is None:
        return expected == got
    if len(expected) == 10:
        return got[:10] == expected
    return got == expected or (not expected.endswith("Z") and got.rstrip("Z") == expected)


def same_registrar(expected, got):
    if expected["registrar"] is None:
        return got is None
    return got is not None and folded(got) in map(folded, [expected["registrar"], *expected.get("registrar_alt", [])])


def judgements(expected, row):
    """(field, right, expected, got) of every stated value that a row has a column for."""
    if "domain" in expected:
        yield "domain", row.get("domain") == expected["domain"].lower().rstrip("."), expected["domain"], row.get("domain")
    if "registrar" in expected:
        yield "registrar", same_registrar(expected, row.get("registrar")), expected["registrar"], row.get("registrar")
    if "registrar_iana_id" in expected:
        got = row.get("registrar_iana_id")
        yield "registrar_iana_id", got == expected["registrar_iana_id"], expected["registrar_iana_id"], got
    for field in ("created", "updated", "expires"):
        if field in expected:
            yield field, same_date(expected[field], row.get(field)), expected[field], row.get(field)
    if "status" in expected:
        got = row.get("statuses", [])
        yield "statuses", states(expected["status"]) == states(got), expected["status"], got
    if "nameservers" in expected:
        wanted = {host.lower().rstrip(".") for host in expected["nameservers"]}
        yield "nameservers", wanted == set(row.get("nameservers", [])), sorted(wanted), row.get("nameservers", [])
    if "dnssec" in expected:
        yield "dnssec", row.get("dnssec") == expected["dnssec"], expected["dnssec"], row.get("dnssec")


def outcome_judgement(answer, row):
    stated = answer.expected.get("outcome")
    if stated is None or answer.key in CONTRADICTED:
        return
    got = row.get("outcome")
    yield "outcome", got == stated or (stated in LIFE_CYCLE and got == "registered"), stated, got


def family(text):
    """Which kind of format an answer has, by its look."""
    if re.search(r"^\s*(Registry Domain ID|Domain ID|Registrar IANA ID|Registrar WHOIS Server):", text, re.M):
        return "icann"
    if re.search(r"^(\w\. )?\[[^\]\n]+\]\s+\S", text, re.M):
        return "brackets"
    if re.search(r"^[^:\n]{2,40}\.{3,}:? ?\S", text, re.M):
        return "dotted"
    if re.search(r"^(source|nic-hdl|changed|nserver):", text, re.M):
        return "rpsl"
    if re.search(r"^[^:\n]{2,40}:\s*\n\s+\S", text, re.M):
        return "blocks"
    return "labels" if re.search(r"^[^:\n]{2,40}: +\S", text, re.M) else "sentences"


class Scores:
    def __init__(self):
        self.right = collections.Counter()
        self.all = collections.Counter()
        self.wrong = []

    def add(self, group, field, right):
        self.all[group, field] += 1
        self.right[group, field] += bool(right)

    def percent(self, group, field):
        return 100 * self.right[group, field] / self.all[group, field] if self.all[group, field] else None

    def table(self, t, groups, fields):
        t.note(f"{'':10}" + "".join(f"{field[:11]:>13}" for field in fields))
        for group in groups:
            cells = []
            for field in fields:
                percent = self.percent(group, field)
                cells.append(f"{'-':>13}" if percent is None else f"{percent:6.1f}/{self.all[group, field]:<6}")
            t.note(f"{group:10}" + "".join(cells))


@test
def whois_answers_say_what_their_sources_state(t):
    answers = whois_answers()
    scores = Scores()
    families = set()
    for answer, row in zip(answers, parsed(t, "whois", answers)):
        kind = family(answer.path.read_bytes().decode("utf-8", "replace"))
        families.add(kind)
        for field, right, expected, got in [*outcome_judgement(answer, row), *judgements(answer.expected, row)]:
            for group in ("all", answer.source, kind):
                scores.add(group, field, right)
            if not right:
                scores.wrong.append(f"{field} {answer.key}: stated {expected!r}, got {got!r}")
    fields = list(WHOIS_THRESHOLDS)
    sources = sorted({answer.source for answer in answers})
    scores.table(t, ["all", *sources, *sorted(families)], fields)
    if os.environ.get("ZONESWEEP_CORPORA_WRONG"):
        for line in scores.wrong:
            t.note(line)
    below = [f"{field} {scores.percent('all', field):.2f} % < {least} %" for field, least in WHOIS_THRESHOLDS.items()
             if scores.percent("all", field) < least]
    check(not below, "; ".join(below))


@test
def no_answer_that_proves_nothing_is_available(t):
    answers = whois_answers()
    false = []
    for answer, row in zip(answers, parsed(t, "whois", answers)):
        outcome = answer.expected.get("outcome") or answer.expected.get("curated", {}).get("outcome")
        free = row.get("outcome") == "available" or row["status"] == "NOT_FOUND" or row.get("registered") is False
        if free and outcome in NO_PROOF:
            false.append(answer.key)
        check(not free or (row["status"], row["registered"], row["outcome"]) == ("NOT_FOUND", False, "available"),
              "half a negative answer", answer.key, row)
    t.note(f"{len(answers)} answers, {len(false)} false")
    check(not false, "available without proof:", *false)


@test
def byte_by_byte_the_row_is_the_same(t):
    answers = whois_answers()
    whole = parsed(t, "whois", answers)
    pieces = parsed(t, "whois", answers, "--feed-bytes", "1")
    different = [a.key for a, one, two in zip(answers, whole, pieces) if one != two]
    check(not different, "other rows:", *different[:10])


@test
def with_other_line_ends_the_row_is_the_same(t):
    answers = whois_answers()
    files = []
    for number, answer in enumerate(answers):
        text = answer.path.read_bytes()
        swapped = text.replace(b"\r\n", b"\n") if b"\r\n" in text else text.replace(b"\n", b"\r\n")
        files.append(t.folder / f"{number}.txt")
        files[-1].write_bytes(swapped)
    different = [a.key for a, one, two in zip(answers, parsed(t, "whois", answers), parsed(t, "whois", answers, files=files))
                 if one != two]
    check(not different, "other rows:", *different[:10])


@test
def in_its_legacy_charset_the_row_is_the_same(t):
    answers, files = [], []
    for path in sorted((corpora() / "whois_reencoded").glob("*/*.txt")):
        original = CORPORA / "whois" / path.parent.name / (path.name[:-len(".txt")].rsplit(".", 1)[0] + ".txt")
        answer = Answer(original, original.with_suffix(".json"))
        # The charset is known by the server or the zone; a recorded answer without either gets its folder's.
        answer.server = answer.server or f"whois.nic.{path.parent.name}"
        answers.append(answer)
        files.append(path)
    different = [f"{file.name}" for file, one, two in
                 zip(files, parsed(t, "whois", answers), parsed(t, "whois", answers, files=files)) if one != two]
    t.note(f"{len(files)} answers, {len(different)} different")
    check(not different, "other rows:", *different[:10])


# The charset of a zone, as Python calls it, and what stands for the two that the octets tell apart.
PYTHON_CHARSETS = {"central-european": "iso-8859-2", "japanese": "euc_jp", "windows-874-2000": "cp874",
                   "windows-949": "cp949", "big5-hkscs": "big5hkscs"}


def charsets_of_zones():
    table = (ROOT / "protocols" / "whois" / "data" / "conventions.tsv").read_text()
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return {row[0]: row[1] for row in rows if row[1] != "-"}


@test
def in_the_charset_of_its_zone_the_row_is_the_same(t):
    charsets = charsets_of_zones()
    answers, files = [], []
    for answer in whois_answers():
        charset = charsets.get(answer.name.rpartition(".")[2])
        text = answer.path.read_bytes()
        if charset is None or charset == "iso-2022-jp" or text.isascii():
            continue
        try:
            encoded = text.decode("utf-8-sig").encode(PYTHON_CHARSETS.get(charset, charset))
        except UnicodeError:
            continue  # not UTF-8 to begin with, or a letter that the charset does not have
        answers.append(answer)
        files.append(t.folder / f"{len(files)}.txt")
        files[-1].write_bytes(encoded)
    different = [a.key for a, one, two in zip(answers, parsed(t, "whois", answers), parsed(t, "whois", answers, files=files))
                 if one != two]
    t.note(f"{len(answers)} answers, {len(different)} different")
    check(not different, "other rows:", *different[:10])


RDAP_FIELDS = ("domain", "registrar", "registrar_iana_id", "created", "updated", "expires", "status", "nameservers",
               "dnssec")


@test
def rdap_answers_say_what_their_sources_state(t):
    folder = corpora() / "rdap"
    answers = [Answer(path, path.with_suffix(".expected.json")) for path in sorted(folder.glob("*.json"))
               if not path.name.endswith(".expected.json")]
    scores = Scores()
    wrong = []
    for answer, row in zip(answers, parsed(t, "rdap", answers)):
        derived = answer.expected.get("derived") or {}
        stated = {**derived, **{k: v for k, v in (answer.expected.get("stated") or {}).items() if k in RDAP_FIELDS}}
        if derived.get("kind") != "domain":
            ended = row["status"] in ("BAD_DATA", "NOT_FOUND", "HTTP_ERROR", "OK", "RATE_LIMITED") and \
                (row["status"] != "OK" or row["outcome"] == "invalid")
            check(ended, "no domain, but", answer.key, row)
            check("registered" not in row or derived.get("error_code") == 404, "a claim without a domain", answer.key, row)
            continue
        for field, right, expected, got in judgements({k: v for k, v in stated.items() if k in RDAP_FIELDS}, row):
            scores.add("rdap", field, right)
            if not right:
                wrong.append(f"{answer.key} {field}: stated {expected!r}, got {got!r}")
        if "abuse_email" in stated:
            scores.add("rdap", "abuse_email", row.get("abuse_email") == stated["abuse_email"])
            if row.get("abuse_email") != stated["abuse_email"]:
                wrong.append(f"{answer.key} abuse_email: stated {stated['abuse_email']}, got {row.get('abuse_email')}")
    scores.table(t, ["rdap"], ["domain", "registrar", "registrar_iana_id", "created", "updated", "expires", "statuses",
                               "nameservers", "dnssec", "abuse_email"])
    check(not wrong, "; ".join(wrong[:20]))


@test
def rdap_answers_cut_at_any_byte_are_bad_data(t):
    answers, files = [], []
    for name in ("wi-live-rdap.verisign.com_com_v1_domain_google.com.json", "fb-google-com.json"):
        path = corpora() / "rdap" / name
        body = path.read_bytes().rstrip()
        for size in range(0, len(body), max(1, len(body) // 400)):
            files.append(t.folder / f"{name}.{size}")
            files[-1].write_bytes(body[:size])
            answers.append(Answer(path, path.with_suffix(".none")))
    for row in parsed(t, "rdap", answers, files=files):
        equal((row["status"], row.get("registered")), ("BAD_DATA", None), "a cut answer")


if __name__ == "__main__":
    main()
