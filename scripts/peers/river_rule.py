#!/usr/bin/env python3
"""river_rule.py IN.csv OUT: the rule of main.go with River's rolling statistics."""

import csv
import sys

from river import stats, utils

DAY, WINDOW = 96, 14 * 96


def main(path: str, out: str) -> None:
    meters: dict[str, list] = {}
    with open(path, newline="") as f, open(out, "w") as flat:
        rows = csv.reader(f)
        next(rows)
        for meter, _start, wh in rows:
            state = meters.get(meter)
            if state is None:
                state = meters[meter] = [utils.Rolling(stats.Var(ddof=0), window_size=WINDOW), 0]
            var = state[0]
            var.update(float(wh))
            state[1] += 1
            if state[1] % DAY == 0 and state[1] >= WINDOW:
                mean = var.mean.get()
                if mean > 250 and max(var.get(), 0.0) ** 0.5 < 0.05 * mean:
                    flat.write(meter + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
