"""Gradient-boosted trees with labels: what a utility with a large archive of inspected
cases could train. It is trained on other fleets than the one it is judged on, on
features as of the close of a day, and judges once a week.

    python lightgbm_labels.py --train FLEET... --test FLEET --out DIR/scores.csv

The number of trees is chosen on meters of the training fleets that are held out, a
fifth of them; the test fleet's truth.csv is never opened.
"""

from __future__ import annotations

import argparse
import pathlib
import zlib

import lightgbm as lgb
import numpy as np
import pandas as pd

import fleet
import output
from baselines import WEEK, calendar, frames
from features import Days, enough

COMMON = {"learning_rate": .04, "num_leaves": 31, "min_child_samples": 20, "subsample": .8, "subsample_freq": 1,
          "colsample_bytree": .6, "reg_lambda": 2.0, "n_estimators": 1500, "random_state": 1, "deterministic": True,
          "force_row_wise": True, "n_jobs": 2, "verbose": -1}
NOT_FEATURES = ["split_day", "valid_days"]


def columns(f: pd.DataFrame, kinds: dict[str, list[str]]) -> pd.DataFrame:
    x = f.drop(columns=NOT_FEATURES, errors="ignore").copy()
    for name, values in kinds.items():
        for v in values:
            x[f"{name}_{v}"] = (f[name] == v).astype(np.float32)
    return x.drop(columns=list(kinds)).astype(np.float32).replace([np.inf, -np.inf], np.nan)


def training_rows(folder: str) -> pd.DataFrame:
    """A row a meter and week: features as of then, and whether a miner ran by then."""
    truth = fleet.read_truth(pathlib.Path(folder))
    groups = [Days(g) for g in fleet.load(folder)]
    parts = []
    for run in calendar(groups, WEEK):
        f, ids = frames(groups, run[0])
        if not enough(f).any():
            continue  # the first week: nobody is known well enough
        t = truth.reindex(ids)
        bypass = t.note.fillna("").str.contains("bypass", case=False).to_numpy()
        begun = (t.onset.isna() | (t.onset < pd.Timestamp(run[0]) + pd.Timedelta(days=1))).to_numpy()
        f["label"] = ((t.label == "miner").to_numpy() & begun).astype(int)
        f["truth_kw"] = np.where(f.label == 1, t.block_kw, np.nan)
        # The key of the hold-out: all weeks of a meter are on the same side of it.
        f["fold"] = [zlib.crc32(f"{folder}/{i}".encode()) % 5 for i in ids]
        parts.append(f[enough(f) & ~bypass])
    return pd.concat(parts, ignore_index=True)


def fit(rows: pd.DataFrame, kinds: dict[str, list[str]]):
    x = columns(rows.drop(columns=["label", "truth_kw", "fold"]), kinds)
    held = (rows.fold == 0).to_numpy()
    if rows.label[held].sum() == 0 or rows.label[~held].sum() == 0:
        raise SystemExit("training fleets: too few miners to hold a fifth of the meters out: give more fleets")
    stop = lgb.early_stopping(100, verbose=False)
    judge = lgb.LGBMClassifier(objective="binary", **COMMON)
    judge.fit(x[~held], rows.label[~held], eval_set=[(x[held], rows.label[held])],
              eval_metric="binary_logloss", callbacks=[stop])
    miner = (rows.label == 1).to_numpy() & (rows.truth_kw > 0).to_numpy()
    size = lgb.LGBMRegressor(objective="l1", **{**COMMON, "n_estimators": 300})
    size.fit(x[miner], np.log(rows.truth_kw[miner]))
    return judge, size, list(x.columns)


def onsets(groups: list[Days], split_day: np.ndarray, ids: np.ndarray) -> pd.Series:
    """The start, in UTC, of the local day after the likeliest split."""
    where = {m: (d.group.days[0], z) for d in groups
             for m, z in zip(d.group.meters.meter_id, d.group.meters.timezone)}
    at = [pd.NaT if np.isnan(s) else pd.Timestamp(where[m][0] + int(s)).tz_localize(
        where[m][1], nonexistent="shift_forward", ambiguous=True).tz_convert("UTC") for m, s in zip(ids, split_day)]
    return pd.Series(pd.DatetimeIndex(at, tz="UTC")).dt.tz_localize(None).to_numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", nargs="+", required=True, metavar="FLEET")
    parser.add_argument("--test", required=True, metavar="FLEET")
    parser.add_argument("--out", required=True, help="scores.csv; findings.csv is written beside it")
    args = parser.parse_args()
    if pathlib.Path(args.test).resolve() in [pathlib.Path(d).resolve() for d in args.train]:
        parser.error("the test fleet is among the training fleets: its figures would mean nothing")
    rows = pd.concat([training_rows(d) for d in args.train], ignore_index=True)
    kinds = {name: sorted(rows[name].unique()) for name in ("class", "tariff")}
    judge, size, names = fit(rows, kinds)

    groups = [Days(g) for g in fleet.load(args.test)]
    scores = output.Scores()
    for run in calendar(groups, WEEK):
        f, ids = frames(groups, run[0])
        x = columns(f, kinds).reindex(columns=names)
        p = np.where(enough(f), judge.predict_proba(x)[:, 1], np.nan)
        onset = onsets(groups, f.split_day.to_numpy(), ids)
        scores.add(ids, run, p, np.exp(size.predict(x)), onset)
    scores.write(args.out)


if __name__ == "__main__":
    main()
