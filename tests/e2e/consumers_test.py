#!/usr/bin/env python3
"""The shards load into a real query engine as they are: DuckDB, from npm. Skipped where it is not installed and not --long."""
import json
import shutil

from harness import ROOT, Skip, equal, loopback, main, make_names, run, shard_files, statuses, test, write_names, zonesweep

PACKAGE = "@duckdb/node-api@1.5.6-r.1"  # pinned: what the test was written against
PLACE = ROOT / "build" / "consumers"

QUERY = """
const { DuckDBInstance } = require('@duckdb/node-api');
(async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const [glob] = process.argv.slice(1);
  const columns = "{seq: 'BIGINT', name: 'VARCHAR', type: 'VARCHAR', status: 'VARCHAR', ts: 'TIMESTAMP'}";
  const from = `read_json('${glob}', format = 'newline_delimited', columns = ${columns})`;
  const ask = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  console.log(JSON.stringify({
    totals: (await ask(`SELECT count(*) AS n, count(DISTINCT (seq, type)) AS questions, count(ts) AS times FROM ${from}`))[0],
    statuses: await ask(`SELECT status, count(*) AS n FROM ${from} GROUP BY status`),
  }));
})();
"""


def duckdb(t, glob):
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node:
        raise Skip("node is not installed")
    if not (PLACE / "node_modules" / "@duckdb").exists():
        if not t.long or not npm:
            raise Skip("DuckDB is not installed (tools/test --long installs it)")
        PLACE.mkdir(parents=True, exist_ok=True)
        done = run([npm, "install", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--prefix", PLACE, PACKAGE], 300)
        if done.code != 0:
            raise Skip(f"npm cannot install DuckDB here: {done.err[-200:]}")
    done = run([node, "-e", QUERY, str(glob)], 120, cwd=PLACE)
    equal(done.code, 0, f"DuckDB ({done.err[-1000:]})")
    return json.loads(done.out)


@test
def duckdb_loads_every_compression_and_counts_the_same(t):
    names, server = make_names(20_000), loopback(t)
    path = write_names(t.folder / "names.txt", names)
    for compression in ("zstd", "gzip", "none"):
        out = t.folder / compression
        zonesweep("scan", path, "-t", "A,MX", "-r", server.address, "-o", out, "--compress", compression, "--rows-per-shard", 3000)
        suffix = "".join(shard_files(out)[0].suffixes)
        found = duckdb(t, out / "dns" / f"*{suffix}")
        equal({key: int(value) for key, value in found["totals"].items()},
              {"n": 2 * len(names), "questions": 2 * len(names), "times": 2 * len(names)}, compression)
        equal({row["status"]: int(row["n"]) for row in found["statuses"]}, dict(statuses(out)), "statuses")


if __name__ == "__main__":
    main()
