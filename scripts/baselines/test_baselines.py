"""Runs the programs as a person would, on tiny fleets made here.

    "$(./setup.sh)" -m pytest -q
"""

import gzip
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import features
import fleet
import output

HERE = pathlib.Path(__file__).parent
DAYS, START, ONSET = 42, pd.Timestamp("2025-01-06", tz="UTC"), 26


def make(folder: pathlib.Path, seed: int, honest: int = 40, miners: int = 10) -> pathlib.Path:
    """Homes with an evening peak, cycling fridges and noise; miners add 3.3 kW from day 26."""
    rng = np.random.default_rng(seed)
    (folder / "readings").mkdir(parents=True)
    t = pd.date_range(START, periods=DAYS * 24, freq="h")
    rows, register, truth = [], [], []
    for i in range(honest + miners):
        meter = f"m{i:03d}"
        kw = .15 + .1 * rng.random(len(t)) + rng.gamma(2, .3) * np.exp(-((t.hour - 19) / 3.) ** 2) * rng.random(len(t))
        label, onset = "none", ""
        if i >= honest:
            kw = kw + np.where(np.arange(len(t)) >= ONSET * 24, 3.3 * (1 + .005 * rng.standard_normal(len(t))), 0)
            label, onset = "miner", (START + pd.Timedelta(days=ONSET)).isoformat()
        elif i < 4:  # an honest flat load, older than the data
            kw = kw + 3
        register.append((meter, "", "customer", "residential", "home", "UTC", "60" if i % 2 else "", "10", "x"))
        truth.append((meter, label, onset, 3.3 if i >= honest else "", "", "", ""))
        rows.append(pd.DataFrame({"meter_id": meter, "start": t.strftime("%Y-%m-%dT%H:%M:%SZ"), "energy_kwh": kw.round(4)}))
    rows = pd.concat(rows)
    rows = rows[rng.random(len(rows)) > .01]  # some readings are missing
    half = len(rows) // 2
    rows[:half].to_csv(folder / "readings" / "a.csv", index=False)
    with gzip.open(folder / "readings" / "b.csv.gz", "wt") as f:
        rows[half:].to_csv(f, index=False)
    pd.DataFrame(register, columns=["meter_id", "parent", "kind", "class", "tariff", "timezone", "interval_minutes",
                                    "contracted_kw", "region"]).to_csv(folder / "meters.csv", index=False)
    pd.DataFrame(truth, columns=["meter_id", "label", "onset", "block_kw", "units", "schedule", "note"]).to_csv(
        folder / "truth.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def fleets(tmp_path_factory):
    root = tmp_path_factory.mktemp("fleets")
    return [make(root / str(seed), seed) for seed in (1, 2, 3)]


def run(program: str, *args) -> None:
    subprocess.run([sys.executable, str(HERE / program), *map(str, args)], check=True)


def results(folder: pathlib.Path, fleet_: pathlib.Path):
    scores = pd.read_csv(folder / "scores.csv")
    findings = pd.read_csv(folder / "findings.csv").set_index("meter_id")
    truth = pd.read_csv(fleet_ / "truth.csv").set_index("meter_id")
    assert set(findings.index) == set(truth.index)
    assert not scores.duplicated(["meter_id", "day"]).any()
    assert len(scores) == len(truth) * DAYS
    known = scores.probability.dropna()
    assert ((known >= 0) & (known <= 1)).all()
    # Fewer than a week of days is not enough data, and is said so by an empty field.
    assert scores[scores.day < "2025-01-11"].probability.isna().all()
    return scores, findings, truth


def auroc(findings, truth) -> float:
    p = findings.probability.fillna(-1)
    miner = truth.label.reindex(p.index) == "miner"
    m, o = p[miner].to_numpy()[:, None], p[~miner].to_numpy()[None, :]
    return float(((m > o) + .5 * (m == o)).mean())


@pytest.mark.parametrize("method, least", [("load_factor", .85), ("cv", .6), ("mad_median", .85), ("floor_shift", .99),
                                           ("iforest", .65), ("ecod", .65)])
def test_baselines(method, least, fleets, tmp_path):
    run("baselines.py", fleets[0], "--out", tmp_path / "scores.csv", "--method", method)
    scores, findings, truth = results(tmp_path, fleets[0])
    assert auroc(findings, truth) >= least


def test_lightgbm_finds_miners_of_another_fleet(fleets, tmp_path):
    run("lightgbm_labels.py", "--train", fleets[0], fleets[1], "--test", fleets[2], "--out", tmp_path / "scores.csv")
    scores, findings, truth = results(tmp_path, fleets[2])
    assert auroc(findings, truth) >= .99
    miners = findings[truth.label.reindex(findings.index) == "miner"]
    assert (abs(miners.block_kw - 3.3) < .3).all()
    assert (pd.to_datetime(miners.onset) == START + pd.Timedelta(days=ONSET)).mean() >= .9
    # Nothing is known of a miner before it begins.
    begin = str((START + pd.Timedelta(days=ONSET)).date())
    early = scores[scores.meter_id.isin(miners.index) & (scores.day < begin)].probability.dropna()
    assert early.max() < .5 < miners.probability.median()


def test_lightgbm_refuses_to_train_on_the_test_fleet(fleets, tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        run("lightgbm_labels.py", "--train", fleets[0], "--test", fleets[0], "--out", tmp_path / "scores.csv")


def test_features_do_not_look_ahead(fleets):
    whole = fleet.load(fleets[0])
    cut = fleet.load(fleets[0])
    day = 30
    for g in cut:
        g.kw[:, day + 1:] = 99
    for a, b in zip(whole, cut):
        pd.testing.assert_frame_equal(features.as_of(features.Days(a), day), features.as_of(features.Days(b), day))


def test_readings_are_put_in_local_days(tmp_path):
    """2025-03-30 has 23 hours in Berlin: 02:00 does not exist; 2025-10-26 has 25."""
    (tmp_path / "readings").mkdir()
    (tmp_path / "meters.csv").write_text("meter_id,kind,timezone,interval_minutes\na,customer,Europe/Berlin,60\nt,transformer,UTC,60\n")
    rows = ["meter_id,start,energy_kwh"]
    for first in ("2025-03-29T23:00Z", "2025-10-25T22:00Z"):
        for h in range(23 if "03" in first[5:7] else 25):
            at = pd.Timestamp(first) + pd.Timedelta(hours=h)
            rows.append(f"a,{at:%Y-%m-%dT%H:%M:%SZ},{h + 1}")
            rows.append(f"t,{at:%Y-%m-%dT%H:%M:%SZ},500")
    (tmp_path / "readings" / "r.csv").write_text("\n".join(rows) + "\n")
    (g,) = fleet.load(tmp_path)
    assert list(g.meters.meter_id) == ["a"]
    day = {str(d): g.kw[0, i] for i, d in enumerate(g.days)}
    spring, autumn = day["2025-03-30"], day["2025-10-26"]
    assert np.isnan(spring[2]) and spring[1] == 2 and spring[3] == 3 and spring[23] == 23
    assert autumn[2] == 3 and autumn[3] == 5  # the second 02:00 has no place
    assert np.isnan(day["2025-06-01"]).all()


def test_parquet_and_csv_give_the_same_arrays(fleets, tmp_path):
    folder = tmp_path / "p"
    (folder / "readings").mkdir(parents=True)
    (folder / "meters.csv").write_text((fleets[0] / "meters.csv").read_text())
    rows = pd.concat(pd.read_csv(p) for p in sorted((fleets[0] / "readings").iterdir()))
    rows["start"] = pd.to_datetime(rows.start, utc=True)
    rows.to_parquet(folder / "readings" / "r.parquet", index=False)
    for a, b in zip(fleet.load(fleets[0]), fleet.load(folder), strict=True):
        np.testing.assert_array_equal(a.kw, b.kw)


def test_squash_keeps_the_order_without_ties():
    x = np.array([-1e6, -3, 0, 1e-9, 5, 500, 501, 1e6])
    y = output.squash(x)
    assert (np.diff(y) > 0).all() and y[0] > 0 and y[-1] < 1
    assert np.isnan(output.squash(np.array([np.nan]))).all()


def test_voltage_slope_tells_constant_power_from_a_resistor():
    rng = np.random.default_rng(1)
    v = 230 * (1 + .01 * rng.standard_normal((1, 96)))
    assert abs(features.voltage_slope(np.full((1, 96), 3.3), v)[0]) < .01
    assert abs(features.voltage_slope(3.3 * (v / 230) ** 2, v)[0] - 2) < .01
