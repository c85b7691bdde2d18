"""scores.csv and findings.csv in the form that `flatwatt evaluate` reads."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd


def squash(x: np.ndarray) -> np.ndarray:
    """Any score to (0, 1), strictly rising, without running into 1 as a logistic does:
    ties at the top would cost a method its ranking."""
    x = np.asarray(x, float)
    return np.where(np.isfinite(x), .5 + .5 * np.nan_to_num(x) / (1 + np.abs(np.nan_to_num(x))), np.nan)


class Scores:
    """Collects judgements day by day. A day between two judgements repeats the earlier
    one: that is what a user would see on it, and every day counts as watched."""

    def __init__(self) -> None:
        self.parts: list[pd.DataFrame] = []

    def add(self, meters, days, probability, block_kw=None, onset=None) -> None:
        """days is the run of days (datetime64[D]) for which the judgement stands; onset is
        in UTC."""
        n = len(meters)
        block = np.full(n, np.nan) if block_kw is None else np.where(np.asarray(block_kw) > 0, block_kw, np.nan)
        onset = np.full(n, np.datetime64("NaT"), "datetime64[ns]") if onset is None else onset
        block = np.where(np.isnan(probability), np.nan, block)
        for day in days:
            self.parts.append(pd.DataFrame({"meter_id": np.asarray(meters), "day": str(day), "probability": probability,
                                            "block_kw": block, "onset": onset}))

    def write(self, out: str | pathlib.Path) -> None:
        """Writes out and, beside it, findings.csv from each meter's last day."""
        out = pathlib.Path(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        table = pd.concat(self.parts, ignore_index=True).sort_values(["meter_id", "day"], kind="stable")
        table[["meter_id", "day", "probability", "block_kw"]].to_csv(out, index=False)
        last = table.drop_duplicates("meter_id", keep="last").copy()
        last["state"] = np.where(last.probability.isna(), "not enough data", "")
        last["onset"] = last.onset.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        last = last.sort_values(["probability", "meter_id"], ascending=[False, True], kind="stable")
        last[["meter_id", "probability", "block_kw", "onset", "state"]].to_csv(out.parent / "findings.csv", index=False)
