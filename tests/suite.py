"""The smallest test runner: functions marked @test, one line of outcome for each.

    @test                        # or @test(long_only=True)
    def rows_are_exact(t):       # t.folder: an empty folder; t.long: full sizes are wanted
        check(rows == 2 * names, "rows", rows)

Prints "PASS name", "FAIL name why" or "SKIP name why", and exits non-zero after a failure. The folder of a
failed test is kept and named.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

_tests = []


class Failure(Exception):
    """A check did not hold."""


class Skip(Exception):
    """This machine cannot run the test; the text says why."""


def check(condition, *what):
    if not condition:
        raise Failure(" ".join(str(part) for part in what) or "check failed")


def equal(got, expected, what):
    check(got == expected, f"{what}: got {got!r}, expected {expected!r}")


def test(function=None, *, long_only=False):
    if function is None:
        return lambda marked: test(marked, long_only=long_only)
    _tests.append((function.__name__, function, long_only))
    return function


class Context:
    def __init__(self, name, long):
        self.name = name
        self.long = long
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"zonesweep-{name[:40]}-"))
        self._cleanups = []

    def finally_do(self, action):
        """Runs `action` when the test is over, last come first."""
        self._cleanups.append(action)

    def note(self, *what):
        print("    ", *what, flush=True)

    def close(self, keep):
        for action in reversed(self._cleanups):
            action()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def _run_one(name, function, long):
    context = Context(name, long)
    started = time.monotonic()
    outcome, why = "PASS", ""
    try:
        function(context)
    except Skip as skip:
        outcome, why = "SKIP", str(skip)
    except Failure as failure:
        outcome, why = "FAIL", f"{failure} [{context.folder}]"
    except Exception:  # a broken test is a failed test
        outcome, why = "FAIL", f"exception [{context.folder}]"
        traceback.print_exc(file=sys.stdout)
    finally:
        context.close(keep=outcome == "FAIL")
    print(f"{outcome} {name}{' ' + why if why else ''}{f' ({time.monotonic() - started:.1f} s)' if outcome == 'PASS' else ''}",
          flush=True)
    return outcome


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true", help="full sizes")
    parser.add_argument("--filter", default="", help="only tests whose name contains this text")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    outcomes = []
    for name, function, long_only in _tests:
        if arguments.filter not in name or (long_only and not arguments.long):
            continue
        if arguments.list:
            print(name)
            continue
        outcomes.append(_run_one(name, function, arguments.long))
    sys.exit(1 if "FAIL" in outcomes else 0)
