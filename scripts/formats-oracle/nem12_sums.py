#!/usr/bin/env python3
"""nem12_sums.py DIR > streams/formats/testdata/nem12.sums.csv

Reads every NEM12 sample of DIR with nemreader (requirements.txt), a reader that has nothing
to do with ours, and writes what each file's service points add up to: import less export in
kWh, and how many intervals have active energy. The test of package formats compares."""

import csv
import pathlib
import sys

from nemreader import read_nem_file

SCALE = {"kwh": 1.0, "wh": 1e-3, "mwh": 1e3}


def main(directory: str) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["file", "nmi", "net_kwh", "intervals"])
    for path in sorted(pathlib.Path(directory).iterdir()):
        if path.suffix.lower() not in (".zip", ".csv"):
            continue
        try:
            data = read_nem_file(str(path), ignore_missing_header=True)
        except Exception as err:  # the oracle's own limits are told, not hidden
            print(f"{path.name}: {type(err).__name__}: {err}", file=sys.stderr)
            continue
        for nmi, channels in sorted(data.readings.items()):
            net, starts = 0.0, set()
            for suffix, readings in channels.items():
                for r in readings:
                    scale = SCALE.get((r.uom or "").lower())
                    if scale is None or r.read_value is None:
                        continue
                    # AEMO: E is import (from the grid), B is export; A is net of both.
                    net += -scale * r.read_value if suffix[:1] == "B" else scale * r.read_value
                    starts.add(r.t_start)
            if starts:
                out.writerow([path.name, nmi, f"{net:.4f}", len(starts)])


if __name__ == "__main__":
    main(sys.argv[1])
