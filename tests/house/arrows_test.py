#!/usr/bin/env python3
"""The rules of the house that a compiler does not see: include arrows, libraries in their one place, pure
protocols, no exceptions, assertions always on, and clang-format."""
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from suite import Skip, check, main, test  # noqa: E402

ROOMS = ("protocols", "io", "cache", "engine", "tools", "bench", "tests")
CORE_ROOMS = ("protocols", "io", "cache", "engine")

# room -> rooms whose headers it may include
ARROWS = {
    "protocols": {"protocols"},
    "io": {"io"},
    "cache": {"cache"},
    "engine": {"engine", "protocols", "io", "cache"},
    "tools": {"tools", "engine", "protocols", "io", "cache"},
    "bench": {"bench", "tools", "engine", "protocols", "io", "cache"},
    "tests": set(ROOMS),
}

# header pattern -> the only files that may include it
LIBRARY_PLACES = {
    r"liburing\.h|liburing/.*": r"io/ring\.(h|cc)|bench/\w+_floor\.cc",  # a floor is the raw loop itself
    r"openssl/.*": r"(tests/)?io/tls\w*\.(h|cc)",
    r"nghttp2/.*": r"protocols/http/.*",
    r"llhttp\.h|llhttp/.*": r"protocols/http/.*",
    r"simdjson\.h": r"protocols/rdap/.*",
    r"sqlite3\.h": r"cache/.*",
    r"hiredis/.*": r"cache/.*",
    r"CLI/.*": r"tools/.*",
    r"benchmark/.*": r"bench/.*",
    r"(gtest|gmock)/.*": r"tests/.*",
}

# What a pure codec has no use for: files, sockets, threads, clocks.
IMPURE_HEADERS = (r"sys/(socket|epoll|mman|uio|stat|un)\.h|unistd\.h|fcntl\.h|poll\.h|netdb\.h|netinet/.*|thread|mutex|"
                  r"shared_mutex|condition_variable|future|fstream|iostream|filesystem|ctime|time\.h")
CLOCK = re.compile(r"_clock::now\(|\bgettimeofday\(|\bclock_gettime\(|\bgetrandom\(")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def sources():
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(ROOT)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def code(path):
    """The text without comments and string literals."""
    bare = re.sub(r'R"(\w*)\((?:.|\n)*?\)\1"', '""', text(path))
    bare = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', bare)
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", bare, flags=re.DOTALL)


def no_offences(offences):
    check(not offences, "; ".join(offences[:20]))


@test
def include_arrows_point_one_way(_):
    offences = []
    for path in sources():
        for kind, header in INCLUDE.findall(text(path)):
            room = header.split("/")[0]
            if kind == '"' and room not in ROOMS:
                offences.append(f"{path} includes \"{header}\" (name it from the project's root)")
            elif kind == '"' and room not in ARROWS[path.parts[0]]:
                offences.append(f"{path} includes {header}")
    no_offences(offences)


@test
def each_library_is_included_in_its_one_place(_):
    offences = []
    for path in sources():
        for _kind, header in INCLUDE.findall(text(path)):
            for library, place in LIBRARY_PLACES.items():
                if re.fullmatch(library, header) and not re.fullmatch(place, str(path)):
                    offences.append(f"{path} includes {header}")
    no_offences(offences)


@test
def protocols_have_no_socket_file_thread_or_clock(_):
    offences = []
    for path in sources():
        if path.parts[0] != "protocols":
            continue
        offences += [f"{path} includes {header}" for _kind, header in INCLUDE.findall(text(path))
                     if re.fullmatch(IMPURE_HEADERS, header)]
        if CLOCK.search(code(path)):
            offences.append(f"{path} reads a clock or entropy")
    no_offences(offences)


@test
def core_rooms_throw_nothing(_):
    no_offences([str(path) for path in sources()
                 if path.parts[0] in CORE_ROOMS and re.search(r"\bthrow\b", code(path))])


@test
def headers_are_guarded_and_begin_by_saying_what_they_are(_):
    offences = []
    for path in sources():
        if path.suffix != ".h":
            continue
        if "#pragma once" not in text(path):
            offences.append(f"{path} has no #pragma once")
        if path.parts[0] in CORE_ROOMS and not text(path).startswith(f"// {path} - "):
            offences.append(f"{path} does not begin with '// {path} - '")
    no_offences(offences)


@test
def assertions_are_never_compiled_out(_):
    offences = [str(path) for path in sources() if re.search(r"#\s*(define|undef)\s+NDEBUG", code(path))]
    for commands in ROOT.glob("build/*/compile_commands.json"):
        offences += [f"{commands.parent.name}: {entry['file']}" for entry in json.loads(commands.read_text())
                     if re.search(r"-D\s*NDEBUG", entry["command"])]
    no_offences(offences)


@test
def there_is_no_room_for_leftovers(_):
    names = {"common", "util", "utils", "base", "misc", "helpers"}
    no_offences([str(path) for path in sources() if names & set(path.parts[:-1]) or path.stem in names])


@test
def no_file_mentions_a_path_of_a_developers_machine(_):
    private = re.compile("|".join(["/" + "work/", "/" + "home/" + r"\w", r"/tmp/" + "issues"]))
    listing = subprocess.run(["git", "-C", str(ROOT), "-c", "safe.directory=*", "ls-files", "-z"], capture_output=True)
    if listing.returncode != 0:
        raise Skip("not a git checkout")
    offences = []
    for name in filter(None, listing.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and private.search(path.read_bytes().decode("utf-8", "replace")):
            offences.append(name)
    no_offences(offences)


@test
def links_between_documents_lead_somewhere(_):
    offences = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                offences.append(f"{page.relative_to(ROOT)} -> {target}")
    no_offences(offences)


@test
def sources_are_formatted(_):
    formatter = shutil.which("clang-format")
    if not formatter:
        raise Skip("clang-format is not installed")
    version = subprocess.run([formatter, "--version"], capture_output=True, text=True).stdout
    if "version 14." not in version:
        raise Skip(f"clang-format 14 decides, this is {version.strip()}")
    run = subprocess.run([formatter, "--dry-run", "--Werror", *map(str, sources())], cwd=ROOT, capture_output=True, text=True)
    unformatted = sorted({line.split(":")[0] for line in run.stderr.splitlines() if "clang-format-violations" in line})
    check(run.returncode == 0, "run clang-format -i on", " ".join(unformatted))


if __name__ == "__main__":
    main()
