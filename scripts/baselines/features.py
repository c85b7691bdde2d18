"""What is known of every meter as of the close of a day: only that day and earlier ones.

The daily reduction (`Days`) is made once; `as_of` then looks back from one day. NaN where
a thing cannot be computed. Powers are kW, shifts are recent minus earlier.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from fleet import Group

WINDOW = 14  # days of the recent window
LEAST = 7  # valid days in it, fewer is "not enough data"


def quiet(f):
    """Runs f without numpy's warnings on slices that are all NaN: they become NaN."""
    def g(*args, **kwargs):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return f(*args, **kwargs)
    return g


class Days:
    """Daily figures of a group, each [meter, day]."""

    @quiet
    def __init__(self, g: Group):
        self.group = g
        kw = g.kw
        per_hour = 60 // g.minutes
        self.valid = np.isfinite(kw).mean(axis=2) >= 0.7
        self.mean, self.sd = np.nanmean(kw, axis=2), np.nanstd(kw, axis=2)
        self.p5, self.median, self.p95, self.p995 = quantiles(kw, .05, .5, .95, .995)
        self.mad = quantile(np.abs(kw - self.median[:, :, None]), .5)
        # 0.6 is the 35 % quantile of |a − b| for independent normal a, b of sd 1, nearly.
        self.noise = quantile(np.abs(np.diff(kw, axis=2)), .35) / .6
        hour = np.arange(g.per_day) // per_hour
        self.floors = np.stack([quantile(kw[:, :, hour // 3 == b], .1) for b in range(8)], axis=2)
        self.night = np.nanmean(kw[:, :, hour < 5], axis=2)
        self.noon = np.nanmean(kw[:, :, (hour >= 10) & (hour < 16)], axis=2)
        self.power, self.reactive = self.median, None
        self.pf = None
        if g.kvar is not None:
            self.reactive = quantile(g.kvar, .5)
            self.pf = quantile(np.abs(kw) / np.hypot(kw, g.kvar), .5)
        self.volt_slope = None
        if g.volt is not None:  # meter by meter: the whole would need five times the readings' memory
            self.volt_slope = np.stack([voltage_slope(kw[i], g.volt[i]) for i in range(len(kw))])
        for name in ("mean", "sd", "p5", "median", "p95", "p995", "mad", "noise", "night", "noon"):
            getattr(self, name)[~self.valid] = np.nan
        self.floors[~self.valid] = np.nan


def quantiles(x: np.ndarray, *shares: float) -> list[np.ndarray]:
    """Lower quantiles of the known values along the last axis, NaN where there are none.
    numpy's own nanquantile goes row by row, which takes minutes for a fleet."""
    n = np.isfinite(x).sum(axis=-1)
    if x.shape[-1] == 0:
        return [np.full(x.shape[:-1], np.nan) for _ in shares]
    sorted_ = np.sort(x, axis=-1)  # NaN last
    out = []
    for q in shares:
        at = np.clip(np.floor(q * (n - 1)), 0, None).astype(int)
        out.append(np.where(n > 0, np.take_along_axis(sorted_, at[..., None], axis=-1)[..., 0], np.nan))
    return out


def quantile(x: np.ndarray, q: float) -> np.ndarray:
    return quantiles(x, q)[0]


def voltage_slope(kw: np.ndarray, volt: np.ndarray) -> np.ndarray:
    """d ln P / d ln V of first differences, by day: 0 constant power, 2 a resistor."""
    x, y = np.diff(np.log(np.where(volt > 0, volt, np.nan))), np.diff(np.log(np.where(kw > 0, kw, np.nan)))
    small = np.abs(y) < .05
    x, y = np.where(small, x, np.nan), np.where(small, y, np.nan)
    return np.nansum(x * y, axis=1) / np.nansum(np.where(np.isfinite(y), x * x, 0), axis=1)


@quiet
def as_of(d: Days, day: int, splits: bool = True) -> pd.DataFrame:
    """Features at the close of day number `day`, a row a meter. The dearer half of them,
    about what changed at the most likely onset, can be left out."""
    g, f = d.group, {}
    lo = max(0, day - WINDOW + 1)
    now = slice(lo, day + 1)
    f["valid_days"] = d.valid[:, now].sum(axis=1)
    mean = np.nanmean(d.mean[:, now], axis=1)
    f["mean_kw"], f["floor_kw"] = mean, np.nanmedian(d.p5[:, now], axis=1)
    f["load_factor"] = mean / quantile(d.p995[:, now], .9)
    between = np.nanvar(d.mean[:, now], axis=1)
    f["cv"] = np.sqrt(between + np.nanmean(d.sd[:, now] ** 2, axis=1)) / mean
    f["mad_median"] = 1.4826 * np.nanmedian(d.mad[:, now], axis=1) / np.nanmedian(d.median[:, now], axis=1)
    f["baseload_share"] = f["floor_kw"] / mean
    f["p5_p95"] = f["floor_kw"] / np.nanmedian(d.p95[:, now], axis=1)
    f["night_noon"] = np.nanmean(d.night[:, now], axis=1) / np.nanmean(d.noon[:, now], axis=1)
    f["daily_cv"] = np.sqrt(between) / mean
    f["floor_spread"] = np.nanstd(d.p5[:, now], axis=1) / f["floor_kw"]
    f["noise_kw"] = np.nanmedian(d.noise[:, now], axis=1)
    f["noise_share"] = f["noise_kw"] / f["floor_kw"]
    weekend = (g.days[now].astype(int) + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    f["weekday_weekend"] = np.nanmean(d.mean[:, now][:, ~weekend], axis=1) / np.nanmean(d.mean[:, now][:, weekend], axis=1)
    f["utilisation"] = mean / g.meters.contracted_kw.to_numpy(float)
    f["temperature_slope"] = slope(d.mean[:, : day + 1], g.temperature[:, : day + 1]) / mean
    f["floor_temperature_slope"] = slope(d.p5[:, now], g.temperature[:, now]) / f["floor_kw"]
    if d.pf is not None:
        f["pf"] = np.nanmedian(d.pf[:, now], axis=1)
    if d.volt_slope is not None:
        f["voltage_slope"] = np.nanmedian(d.volt_slope[:, now], axis=1)
    for days in (3, 7, 14, 28) if splits else (7, 14):
        fixed_split(d, day, days, f)
    since_start(d, day, f)
    if splits:
        best_split(d, day, f)
    out = pd.DataFrame(f).astype(np.float64)
    for name in ("class", "tariff"):
        out[name] = g.meters[name].to_numpy()
    return peers(out)


def slope(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    both = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(both, x, np.nan), np.where(both, y, np.nan)
    x = x - np.nanmean(x, axis=1, keepdims=True)
    s = np.nansum(x * y, axis=1) / np.nansum(x * x, axis=1)
    return np.where(both.sum(axis=1) >= 7, s, np.nan)


def robust_sd(x: np.ndarray, axis: int = 1) -> np.ndarray:
    m = np.nanmedian(x, axis=axis, keepdims=True)
    return 1.4826 * np.nanmedian(np.abs(x - m), axis=axis)


def fixed_split(d: Days, day: int, days: int, f: dict) -> None:
    """The last `days` days against the 28 days before them: has the floor been raised?"""
    cut = day + 1 - days
    after, before = slice(max(0, cut), day + 1), slice(max(0, cut - 28), max(0, cut))
    shift = np.nanmedian(d.p5[:, after], axis=1) - np.nanmedian(d.p5[:, before], axis=1)
    f[f"floor_shift_{days}d_kw"] = shift
    f[f"floor_shift_{days}d_z"] = shift / np.maximum(robust_sd(d.p5[:, before]), .03)
    f[f"floor_jump_{days}d_z"] = ((np.nanmin(d.p5[:, after], axis=1) - quantile(d.p5[:, before], .9))
                                  / np.maximum(robust_sd(d.p5[:, before]), .03))
    bands = np.nanmedian(d.floors[:, after], axis=1) - np.nanmedian(d.floors[:, before], axis=1)
    f[f"night_shift_{days}d_kw"] = np.nanmin(bands[:, [0, 1]], axis=1)
    f[f"noon_shift_{days}d_kw"] = np.nanmin(bands[:, [3, 4]], axis=1)


def since_start(d: Days, day: int, f: dict) -> None:
    """The last 7 days against the first 28 days of data, or as many as lie before them."""
    cut = day + 1 - 7
    after, before = slice(max(0, cut), day + 1), slice(0, max(0, min(28, cut)))
    base = np.nanmedian(d.p5[:, before], axis=1)
    f["floor_shift_start_kw"] = np.nanmedian(d.p5[:, after], axis=1) - base
    scale = np.maximum(robust_sd(d.p5[:, before]), np.maximum(.03, .02 * np.abs(base)))
    f["floor_shift_start_z"] = np.where(np.isfinite(d.p5[:, before]).sum(axis=1) >= 7, f["floor_shift_start_kw"] / scale, np.nan)


def best_split(d: Days, day: int, f: dict) -> None:
    """The day at which the floor's two-sample t is largest, and what changed there."""
    y = d.p5[:, : day + 1]
    known = np.isfinite(y)
    n = known.cumsum(axis=1).astype(float)
    s = np.where(known, y, 0).cumsum(axis=1)
    total_n, total_s = n[:, -1:], s[:, -1:]
    a_n, a_s = n, s  # before and including the column's day
    b_n, b_s = total_n - n, total_s - s
    gap = b_s / b_n - a_s / a_n
    # The daily floor's own wobble as the scale: a split must not explain its own shift.
    scale = np.maximum(robust_sd(np.diff(y, axis=1))[:, None] / np.sqrt(2), .03)
    t = np.where((a_n >= 5) & (b_n >= 2), gap / (scale * np.sqrt(1 / a_n + 1 / b_n)), -np.inf)
    at = t.argmax(axis=1)
    rows = np.arange(len(y))
    has = np.isfinite(t[rows, at])
    f["split_day"] = np.where(has, at + 1, np.nan)  # first day after the split
    f["split_age_days"] = np.where(has, day - at, np.nan)
    f["split_t"] = np.where(has, t[rows, at], np.nan)
    f["split_shift_kw"] = np.where(has, gap[rows, at], np.nan)
    column = np.arange(day + 1)[None, :]
    after = (column > at[:, None]) & has[:, None]
    before = (column <= at[:, None]) & (column > at[:, None] - 28) & has[:, None]

    def median(x, mask):
        return np.nanmedian(np.where(mask if x.ndim == 2 else mask[:, :, None], x[:, : day + 1], np.nan), axis=1)

    bands = median(d.floors, after) - median(d.floors, before)
    f["split_band_low"] = np.nanmin(bands, axis=1) / f["split_shift_kw"]
    f["split_band_high"] = np.nanmax(bands, axis=1) / f["split_shift_kw"]
    f["split_band_sd"] = np.nanstd(bands, axis=1) / f["split_shift_kw"]
    noise = median(d.noise, after) ** 2 - median(d.noise, before) ** 2
    f["split_noise"] = np.sign(noise) * np.sqrt(np.abs(noise)) / f["split_shift_kw"]
    f["split_after_spread"] = robust_sd(np.where(after, y, np.nan)) / f["split_shift_kw"]
    f["split_missed"] = np.nanmean(np.where(after & known, y < (a_s / a_n)[rows, at][:, None]
                                            + .5 * f["split_shift_kw"][:, None], np.nan), axis=1)
    f["split_slope"] = slope(np.where(after, y, np.nan), d.group.temperature[:, : day + 1]) / f["split_shift_kw"]
    f["split_relative"] = f["split_shift_kw"] / f["mean_kw"]
    if d.reactive is not None:
        p = median(d.power, after) - median(d.power, before)
        q = median(d.reactive, after) - median(d.reactive, before)
        f["split_block_pf"] = p / np.hypot(p, q)


def peers(f: pd.DataFrame) -> pd.DataFrame:
    """Where a meter stands among those of its declared class, on the same day."""
    for name in ("floor_kw", "load_factor", "noise_share"):
        by = f.groupby("class")[name]
        f[f"{name}_peer_ratio"] = f[name] / by.transform("median")
        f[f"{name}_peer_rank"] = by.rank(pct=True)
    return f


def enough(f: pd.DataFrame) -> np.ndarray:
    return f.valid_days.to_numpy() >= LEAST
