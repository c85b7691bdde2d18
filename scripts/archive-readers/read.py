"""Reads an archive with DuckDB and pandas and holds both against what flatwatt exports.

    flatwatt archive export --archive ARCHIVE --out all.csv
    python read.py ARCHIVE all.csv

Exits with 1 where a count, a sum or a reading differs.
"""

import glob
import json
import math
import sys
import time

import duckdb
import pandas as pd


def main(archive: str, exported: str) -> int:
    manifest = json.load(open(f"{archive}/manifest.json"))
    files = [f"{archive}/{f['key']}" for f in manifest["files"]]
    rows = sum(f["rows"] for f in manifest["files"])
    ok = True

    def check(what: str, got, want) -> None:
        nonlocal ok
        same = math.isclose(got, want, rel_tol=1e-9) if isinstance(want, float) else got == want
        ok &= same
        print(f"{'ok  ' if same else 'BAD '} {what}: {got}" + ("" if same else f", want {want}"))

    db = duckdb.connect()
    print(db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [files]).df()[["column_name", "column_type"]].to_string(index=False))
    n, meters, total = db.execute("SELECT count(*), count(DISTINCT meter_id), sum(energy_kwh) FROM read_parquet(?)", [files]).fetchone()
    check("DuckDB: rows as in the manifest", n, rows)

    frame = pd.concat([pd.read_parquet(f) for f in files])
    check("pandas: rows as in the manifest", len(frame), rows)
    check("pandas: meters as in DuckDB", frame["meter_id"].nunique(), meters)
    check("pandas: energy as in DuckDB", float(frame["energy_kwh"].sum()), float(total))

    # What is to be believed of each meter and start is the first row of them in its file.
    best = frame.drop_duplicates(["meter_id", "start"], keep="first")
    own = pd.read_csv(exported)
    check("export: as many readings", len(own), len(best))
    own["start"] = pd.to_datetime(own["start"], utc=True)
    best = best[["meter_id", "start", "energy_kwh"]].copy()
    best["start"] = pd.to_datetime(best["start"], utc=True)
    both = own.merge(best, on=["meter_id", "start"], suffixes=("_own", "_pandas"))
    check("export: the same meters and times", len(both), len(own))
    check("export: largest difference in kWh", float((both["energy_kwh_own"] - both["energy_kwh_pandas"]).abs().max()), 0.0)

    one = db.execute("SELECT meter_id FROM read_parquet(?) LIMIT 1", [files]).fetchone()[0]
    began = time.perf_counter()
    k = db.execute("SELECT count(*) FROM read_parquet(?) WHERE meter_id = ?", [files, one]).fetchone()[0]
    print(f"     DuckDB: {k} rows of meter {one} in {1000 * (time.perf_counter() - began):.0f} ms")
    if glob.glob(f"{archive}/runs/*/scores/*/*.parquet"):
        print(db.execute("SELECT model, state, count(*) AS scores FROM read_parquet(?, union_by_name=true) GROUP BY ALL ORDER BY ALL",
                         [f"{archive}/runs/*/scores/*/*.parquet"]).df().to_string(index=False))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
