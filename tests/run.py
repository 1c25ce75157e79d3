#!/usr/bin/env python3
"""Runs every test that tools/test has built, and counts.

C++ test programs run from their CTest list and are counted by GoogleTest's own report. A Python test is a
program that prints lines "PASS name", "FAIL name why" or "SKIP name why" (tests/e2e/harness.py).
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORES = os.cpu_count() or 1
PROGRAM_SECONDS = 15 * 60  # one test program; the full forms get LONG_SECONDS
LONG_SECONDS = 6 * 3600
FUZZ_SECONDS = 5 * 60  # each target, with --long

Result = collections.namedtuple("Result", "passed failed skipped")


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def add(self, result, title, seconds, detail=""):
        with self.lock:
            self.passed += result.passed
            self.failed += result.failed
            self.skipped += result.skipped
            print(f"== {title}: {result.passed} passed, {result.failed} failed, {result.skipped} skipped, "
                  f"{seconds:.1f} s", flush=True)
            if detail:
                print(detail, flush=True)


def run_bounded(command, limit, **options):
    """Runs a program in its own process group; the whole group is gone afterwards. Returns (code, output)."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, **options)
    try:
        output, _ = process.communicate(timeout=limit)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        output += f"\nstopped after {limit} s\n".encode()
        code = -1
    return code, output.decode(errors="replace")


def cpp_programs(preset):
    folder = ROOT / "build" / preset
    if not (folder / "build.ninja").exists():
        return []
    listing = subprocess.run(["ctest", "--test-dir", folder, "--show-only=json-v1"], capture_output=True, check=True)
    return [test["command"] for test in json.loads(listing.stdout)["tests"] if "command" in test]


def gtest_result(report, code):
    try:
        counts = json.loads(report.read_text())
    except (OSError, ValueError):
        return Result(0, 1, 0)  # crashed before it could report
    cases = [case for suite in counts["testsuites"] for case in suite["testsuite"]]
    skipped = sum(case.get("result") == "SKIPPED" for case in cases)
    failed = sum("failures" in case for case in cases)
    ran = sum(case.get("status") == "RUN" for case in cases) - skipped
    return Result(ran - failed, max(failed, 1) if code else failed, skipped)


def run_cpp(preset, command, arguments, tally):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        flags = [f"--gtest_output=json:{report}", "--gtest_brief=1"]
        if arguments.filter:
            flags.append(f"--gtest_filter=*{arguments.filter}*")
        started = time.monotonic()
        limit = LONG_SECONDS if arguments.long else PROGRAM_SECONDS
        long = {"ZONESWEEP_LONG": "1"} if arguments.long else {}
        code, output = run_bounded(command + flags, limit, cwd=ROOT, env=os.environ | long)
        result = gtest_result(report, code)
    title = f"{preset} {pathlib.Path(command[0]).name}"
    tally.add(result, title, time.monotonic() - started, output[-8000:] if result.failed else "")


def run_python(program, arguments, tally):
    command = [sys.executable, str(program)]
    if arguments.long:
        command.append("--long")
    if arguments.filter:
        command += ["--filter", arguments.filter]
    started = time.monotonic()
    code, output = run_bounded(command, LONG_SECONDS if arguments.long else PROGRAM_SECONDS, cwd=ROOT)
    lines = [line.partition(" ")[0] for line in output.splitlines()]
    result = Result(lines.count("PASS"), lines.count("FAIL"), lines.count("SKIP"))
    if code and not result.failed:
        result = result._replace(failed=1)
    # A program prints its own lines; on failure everything it said is shown.
    shown = output if result.failed else "\n".join(line for line in output.splitlines()
                                                   if line.startswith(("PASS", "SKIP")))
    tally.add(result, str(program.relative_to(ROOT)), time.monotonic() - started, shown[-20000:].rstrip())


def run_fuzz(target, tally):
    with tempfile.TemporaryDirectory() as scratch:
        seeds = ROOT / "tests" / "fuzz" / "corpus" / target.name.removesuffix("_fuzz")
        folders = [scratch] + ([str(seeds)] if seeds.is_dir() else [])
        started = time.monotonic()
        code, output = run_bounded([str(target), f"-max_total_time={FUZZ_SECONDS}", "-rss_limit_mb=2048",
                                    f"-artifact_prefix={ROOT}/build/fuzz/", *folders], FUZZ_SECONDS + 300)
    tally.add(Result(int(code == 0), int(code != 0), 0), f"fuzz {target.name}", time.monotonic() - started,
              output[-4000:] if code else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true", help="thread sanitizer, fuzzing, full sizes")
    parser.add_argument("--filter", default="", help="only tests whose name contains this text")
    parser.add_argument("--skip-build", action="store_true", help=argparse.SUPPRESS)  # for tools/test
    parser.add_argument("--only", choices=["cpp", "house", "corpora", "e2e", "fuzz"], help="one kind of test")
    arguments = parser.parse_args()
    tally = Tally()
    wanted = lambda kind: arguments.only in (None, kind)

    if wanted("cpp"):
        for preset in ["release", "asan"] + (["tsan"] if arguments.long else []):
            with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
                list(pool.map(lambda command: run_cpp(preset, command, arguments, tally), cpp_programs(preset)))
    for kind in ("house", "corpora", "e2e"):
        if wanted(kind):
            for program in sorted((ROOT / "tests" / kind).glob("*_test.py")):
                run_python(program, arguments, tally)
    if wanted("fuzz") and arguments.long:
        with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
            targets = sorted((ROOT / "build" / "fuzz" / "tests" / "fuzz").glob("*_fuzz"))
            list(pool.map(lambda target: run_fuzz(target, tally), targets))

    if tally.passed + tally.failed == 0 and not arguments.filter:
        print("nothing was tested: build first (./tools/test)")
        tally.failed = 1
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
