"""Unlabelled baselines over a fleet directory, in the output form of `flatwatt score`.

    python baselines.py FLEET_DIR --out DIR/scores.csv --method floor_shift
    python baselines.py FLEET_DIR --out 'DIR/{method}/scores.csv' --method load_factor cv ecod

The probability is a strictly rising transform of the method's own score and is not
calibrated: the figures on calibration do not apply to these methods.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

import fleet
import output
from features import Days, as_of, enough, quiet, robust_sd

COLUMNS = ["load_factor", "cv", "mad_median", "baseload_share", "p5_p95", "night_noon", "daily_cv", "floor_spread",
           "noise_share", "weekday_weekend", "floor_kw_peer_ratio", "floor_shift_7d_z", "floor_shift_start_z"]
WEEK = 7


def load_factor(f: pd.DataFrame) -> np.ndarray:
    """Mean over 99.5 % quantile: a flat load is near 1."""
    return np.clip(f.load_factor, 0, 1).to_numpy()


def cv(f: pd.DataFrame) -> np.ndarray:
    """Small standard deviation for its mean."""
    return output.squash(-f.cv)


def mad_median(f: pd.DataFrame) -> np.ndarray:
    """Small median absolute deviation for its median."""
    return output.squash(-f.mad_median)


def floor_shift(f: pd.DataFrame) -> np.ndarray:
    """The floor (daily 5 % quantile) of the last 7 days against the first 28 of the data, in
    robust sigma. Against the 28 days just before, a miner would pass for normal five weeks
    after it began; so compared this baseline was worse than chance. Unknown before 14 days."""
    return output.squash(f.floor_shift_start_z)


SIMPLE = {"load_factor": load_factor, "cv": cv, "mad_median": mad_median, "floor_shift": floor_shift}


@quiet
def outlier_input(f: pd.DataFrame) -> np.ndarray:
    """Robustly scaled columns; unknown ones are put at the median."""
    x = f[COLUMNS].to_numpy(float)
    x = np.where(np.isfinite(x), x, np.nan)
    x = (x - np.nanmedian(x, axis=0)) / np.maximum(robust_sd(x, axis=0), 1e-6)
    return np.clip(np.nan_to_num(x), -50, 50)


def outliers(method: str, f: pd.DataFrame) -> np.ndarray:
    """How unlike the rest of the fleet a meter is, on that same day."""
    good = enough(f)
    p = np.full(len(f), np.nan)
    if good.sum() < 20:
        return p
    if method == "iforest":
        from pyod.models.iforest import IForest
        model = IForest(n_estimators=200, random_state=1, n_jobs=1)
    else:
        from pyod.models.ecod import ECOD
        model = ECOD(n_jobs=1)
    x = outlier_input(f[good])
    score = model.fit(x).decision_scores_
    p[good] = output.squash((score - np.median(score)) / max(float(robust_sd(score, axis=0)), 1e-9))
    return p


def frames(groups: list[Days], day: np.datetime64, splits: bool = True) -> tuple[pd.DataFrame, np.ndarray]:
    """Features of the whole fleet at the close of day, and its meter ids."""
    parts, ids = [], []
    for d in groups:
        at = int((day - d.group.days[0]).astype(int))
        if 0 <= at < len(d.group.days):
            parts.append(as_of(d, at, splits))
            ids.append(d.group.meters.meter_id.to_numpy())
    return pd.concat(parts, ignore_index=True), np.concatenate(ids)


def calendar(groups: list[Days], step: int) -> list[np.ndarray]:
    """The days of the fleet in runs of step; a run is judged at its first day's close."""
    first = min(d.group.days[0] for d in groups)
    last_ = max(d.group.days[-1] for d in groups)
    days = np.arange(first, last_ + 1)
    # The last day is always judged, so that findings rest on all the data.
    cuts = sorted({*range((len(days) - 1) % step, len(days), step)} | {0})
    return [days[a:b] for a, b in zip(cuts, cuts[1:] + [len(days)])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fleet")
    parser.add_argument("--out", required=True, help="scores.csv; findings.csv is written beside it")
    parser.add_argument("--method", required=True, nargs="+", choices=[*SIMPLE, "iforest", "ecod"])
    args = parser.parse_args()
    if len(args.method) > 1 and "{method}" not in args.out:
        parser.error("several methods need {method} in --out: each writes its own directory")
    groups = [Days(g) for g in fleet.load(args.fleet)]
    scores = {m: output.Scores() for m in args.method}
    for week in calendar(groups, WEEK):
        judge(groups, week, scores)
    for m in args.method:
        scores[m].write(args.out.replace("{method}", m))


def judge(groups: list[Days], week: np.ndarray, scores: dict[str, output.Scores]) -> None:
    """Simple methods judge every day, the others a week's first."""
    for day in week:
        if day > week[0] and not any(m in SIMPLE for m in scores):
            break
        f, ids = frames(groups, day, splits=False)
        for m, s in scores.items():
            block = (f.floor_shift_start_kw if m == "floor_shift" else f.floor_kw).to_numpy()
            if m in SIMPLE:
                s.add(ids, [day], np.where(enough(f), SIMPLE[m](f), np.nan), block)
            elif day == week[0]:
                s.add(ids, week, outliers(m, f), block)


if __name__ == "__main__":
    main()
