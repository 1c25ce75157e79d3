#!/usr/bin/env python3
"""A scan of DNS and registration over many zones, some of whose servers are slow, mute or throttling."""
import collections
import datetime
import os
import random

from harness import World, check, equal, main, name_hash, test, write_names, zonesweep
from registration_world import RegistrationWorld, differences, one_row_each

WORST_KIB = 192 * 1024


def registered(name):
    """By the rules of docs/loopback.md."""
    return World().expected(name, "A").status != "NXDOMAIN" or name_hash(name, 2) & 7 == 0


def mixed(zones, each):
    names = [f"name{i}.{zone}" for zone in zones for i in range(each)]
    random.Random(3).shuffle(names)
    return names


def seconds_of(row):
    return datetime.datetime.fromisoformat(row["ts"].replace("Z", "+00:00")).timestamp()


class Scanned:
    """One run: its rows, and what the servers of these zones saw."""

    def __init__(self, t, names, zones, rate, name):
        world = RegistrationWorld(t, folder=t.folder / name)
        world.tell(zones)
        world.warm_up(zones)
        out = t.folder / name / "out"
        self.run = world.begin(write_names(t.folder / name / "names.txt", names), out, "dns,registration", "--whois-rate", rate,
                               "--rdap-rate", rate, "--whois-connections", 4, "--registration-timeout", "4s", "--patience", "12s",
                               "--rows-per-shard", 20_000).wait(600)
        equal(self.run.code, 0, f"exit code ({self.run.err[-1000:]})")
        world.stop()
        self.world, self.out = world, out
        self.rows = one_row_each(out, names)
        self.servers = world.statistics()

    def most_sent_in_a_second(self):
        """To one server, by this program's own clock: what a stall of the machine does later is not its doing."""
        sent = collections.defaultdict(list)
        for row in self.rows.values():
            if "rtt_us" in row and row["tries"] == 1:
                sent[row["server"]].append(seconds_of(row) - row["rtt_us"] / 1e6)
        most = 0
        for times in sent.values():
            times.sort()
            first = 0
            for last, time in enumerate(times):
                while time - times[first] >= 1:
                    first += 1
                most = max(most, last - first + 1)
        return most

    def good_rate(self, good):
        """Requests a second at the servers of these zones, while they had any."""
        requests = sum(counts["requests"] for servers in self.servers.values() for host, counts in servers.items()
                       if host.rsplit(".", 1)[1] in good)
        times = [seconds_of(row) for name, row in self.rows.items() if name.rsplit(".", 1)[1] in good]
        return requests / (max(times) - min(times))


@test
def bad_servers_slow_no_good_one(t):
    # Of the WHOIS servers 30 % are bad; as many zones have RDAP.
    size, each, rate = (100, 500, 10) if t.long else (20, 250, 25)
    good = [f"w{i}" for i in range(size * 14 // 10)] + [f"{kind}{i}" for kind in "rb" for i in range(size)]
    bad = [f"f-{kind}-{i}" for kind in ("wslow-1000", "wmute", "wthrottle-0") for i in range(size * 2 // 10)]
    good_names, bad_names = mixed(good, each), mixed(bad, each)
    names = good_names + bad_names
    random.Random(5).shuffle(names)
    alone = Scanned(t, good_names, good, rate, "alone")
    beside = Scanned(t, names, good + bad, rate, "beside")

    expected = beside.world.expected(good_names, "registration")
    for name in good_names:
        wrong = differences(expected[name], beside.rows[name])
        check(not wrong, name, wrong, "in", beside.rows[name])
    of_bad = {"wslow": ("TIMEOUT", "PARTIAL"), "wmute": ("TIMEOUT",), "wthrottle": ("RATE_LIMITED",)}
    for name in bad_names:
        row = beside.rows[name]
        check(row["status"] in of_bad[name.split("-")[1]], row)
        check("registered" not in row or (row["registered"] and registered(name)), row)
    World().check(beside.out, names, ("A",))
    zonesweep("shards", "verify", beside.out)

    for scanned in (alone, beside):
        seen = max(counts["most_in_a_second"] for servers in scanned.servers.values() for counts in servers.values())
        t.note(f"the most in any second at one server: {scanned.most_sent_in_a_second()} sent, {seen} seen, {rate} allowed; "
               f"load {os.getloadavg()[0]:.0f}")
        check(scanned.most_sent_in_a_second() <= rate, "more was sent in a second than is allowed")
        # The servers of all zones are one process, which has to wait for a processor like others.
        check(seen <= rate * (1 if os.getloadavg()[0] < os.cpu_count() else 1.6), "a server saw", seen, "in a second, and not", rate)
        check(scanned.run.peak_kib < WORST_KIB, scanned.run.peak_kib, "KiB at the peak")
    before, after = alone.good_rate(good), beside.good_rate(good)
    t.note(f"{len(names)} names, {len(good)} good and {len(bad)} bad servers; requests a second at the good ones: {before:.0f} alone, "
           f"{after:.0f} beside the bad ({100 * after / before:.1f} %)")
    t.note(f"alone {alone.run.seconds:.1f} s, {alone.run.cpu:.1f} s of CPU, {alone.run.peak_kib // 1024} MiB; beside "
           f"{beside.run.seconds:.1f} s, {beside.run.cpu:.1f} s of CPU, {beside.run.peak_kib // 1024} MiB")
    check(after >= 0.9 * before, "the good servers run at", f"{100 * after / before:.1f} %")


if __name__ == "__main__":
    main()
