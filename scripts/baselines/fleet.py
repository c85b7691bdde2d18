"""Fleet directories: meters.csv, readings/*.csv[.gz] or *.parquet, weather.csv[.gz], truth.csv.

Readings become one array a quantity and group of meters of one interval and time zone:
[meter, local day, interval of the day], NaN where there is none. A repeated hour in
autumn keeps its first pass, the missing one in spring is NaN. 2,000 meters x 120 days x
96 intervals are 92 MB a quantity in float32; files are read in pieces of a million rows.
"""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

ROWS = 1_000_000
QUANTITIES = {"energy_kwh": "kw", "reactive_kvarh": "kvar", "voltage_v": "volt"}


@dataclasses.dataclass
class Group:
    """Meters that share an interval and a zone. Arrays are [meter, day, interval]."""

    meters: pd.DataFrame  # rows of the register, in the order of the arrays
    days: np.ndarray  # datetime64[D], local
    minutes: int
    kw: np.ndarray
    kvar: np.ndarray | None
    volt: np.ndarray | None
    temperature: np.ndarray  # [meter, day], degrees Celsius, NaN where unknown

    @property
    def per_day(self) -> int:
        return self.kw.shape[2]


def one_of(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    return None


def read_meters(folder: pathlib.Path) -> pd.DataFrame:
    path = one_of(folder, "meters.csv")
    if path is None:
        raise SystemExit(f"{folder}: no meters.csv: is this a fleet directory?")
    meters = pd.read_csv(path, dtype=str, keep_default_na=False)
    for name, default in (("kind", ""), ("class", ""), ("tariff", ""), ("timezone", "UTC"), ("interval_minutes", ""),
                          ("contracted_kw", ""), ("region", "")):
        if name not in meters:
            meters[name] = default
    meters = meters[meters.kind.isin(["customer", ""])].sort_values("meter_id").reset_index(drop=True)
    meters["contracted_kw"] = pd.to_numeric(meters.contracted_kw, errors="coerce")
    meters["interval_minutes"] = pd.to_numeric(meters.interval_minutes, errors="coerce")
    meters.loc[meters.timezone == "", "timezone"] = "UTC"
    return meters


def read_truth(folder: pathlib.Path) -> pd.DataFrame:
    """One row a meter: a miner before anything else, the earliest first."""
    path = one_of(folder, "truth.csv")
    if path is None:
        raise SystemExit(f"{folder}: no truth.csv: labels are needed to train")
    truth = pd.read_csv(path, dtype=str, keep_default_na=False)
    truth["onset"] = pd.to_datetime(truth.onset.replace("", None), utc=True, format="ISO8601").dt.tz_localize(None)
    truth["block_kw"] = pd.to_numeric(truth.block_kw, errors="coerce")
    truth["order"] = truth.label.map({"miner": 0, "legit_change": 1}).fillna(2)
    return (truth.sort_values(["meter_id", "order", "onset"], na_position="first")
            .drop_duplicates("meter_id").set_index("meter_id"))


def pieces(folder: pathlib.Path):
    """All readings as frames of at most about a million rows, start in UTC without zone."""
    paths = sorted(p for p in (folder / "readings").iterdir() if p.name.endswith((".csv", ".csv.gz", ".parquet")))
    if not paths:
        raise SystemExit(f"{folder}/readings: no *.csv, *.csv.gz or *.parquet")
    for path in paths:
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            wanted = [c for c in ("meter_id", "start", *QUANTITIES) if c in file.schema_arrow.names]
            frames = (b.to_pandas() for b in file.iter_batches(batch_size=ROWS, columns=wanted))
        else:
            frames = pd.read_csv(path, chunksize=ROWS, dtype={"meter_id": str},
                                 usecols=lambda c: c in ("meter_id", "start", *QUANTITIES))
        for frame in frames:
            start = frame["start"]
            if not pd.api.types.is_datetime64_any_dtype(start):
                start = pd.to_datetime(start, utc=True, format="ISO8601")
            if start.dt.tz is not None:
                start = start.dt.tz_convert("UTC").dt.tz_localize(None)
            frame["minute"] = start.to_numpy().astype("datetime64[m]").astype(np.int64)
            frame["meter_id"] = frame["meter_id"].astype(str)
            yield frame


def survey(folder: pathlib.Path, meters: pd.DataFrame) -> tuple[int, int]:
    """First and last minute of the readings; fills in intervals that meters.csv leaves open."""
    first, last_, steps = None, None, {}
    unknown = set(meters.meter_id[meters.interval_minutes.isna()])
    for frame in pieces(folder):
        low, high = int(frame.minute.min()), int(frame.minute.max())
        first = low if first is None else min(first, low)
        last_ = high if last_ is None else max(last_, high)
        if unknown:
            part = frame[frame.meter_id.isin(unknown)].sort_values(["meter_id", "minute"])
            gap = part.groupby("meter_id").minute.diff()
            for meter, step in gap[gap > 0].groupby(part.meter_id).min().items():
                steps[meter] = min(step, steps.get(meter, step))
    if unknown:
        meters["interval_minutes"] = meters.interval_minutes.fillna(meters.meter_id.map(steps)).fillna(15)
    meters["interval_minutes"] = meters.interval_minutes.astype(int)
    return first, last_


def load(folder: str | pathlib.Path) -> list[Group]:
    """The fleet's customers by interval and zone."""
    folder = pathlib.Path(folder)
    meters = read_meters(folder)
    first, last_ = survey(folder, meters)
    meters["group"] = -1
    cells: list[dict] = []
    for number, (key, part) in enumerate(meters.groupby(["interval_minutes", "timezone"], sort=True)):
        meters.loc[part.index, "group"] = number
        cells.append(local_grid(int(key[0]), key[1], first, last_, part))
    fill(folder, meters, cells)
    weather = read_weather(folder)
    groups = []
    for cell in cells:
        shape = (len(cell["meters"]), len(cell["days"]), -1)
        kw = cell["kw"].reshape(shape)
        kw *= np.float32(60 / cell["minutes"])
        kvar = cell["kvar"]
        if kvar is not None:
            kvar = kvar.reshape(shape)
            kvar *= np.float32(60 / cell["minutes"])
        volt = None if cell["volt"] is None else cell["volt"].reshape(shape)
        groups.append(Group(cell["meters"], cell["days"], cell["minutes"], kw, kvar, volt,
                            daily_temperature(weather, cell)))
    return groups


def local_grid(minutes: int, zone: str, first: int, last_: int, part: pd.DataFrame) -> dict:
    """Where each UTC interval falls in local days; `place` is -1 for what has no place."""
    begin = first - first % minutes
    utc = np.arange(begin, last_ + minutes, minutes, dtype=np.int64)
    local = (pd.DatetimeIndex(utc.astype("datetime64[m]").astype("datetime64[ns]"), tz="UTC")
             .tz_convert(zone).tz_localize(None).to_numpy().astype("datetime64[m]"))
    day = local.astype("datetime64[D]")
    days = np.arange(day.min(), day.max() + 1)
    per_day = 1440 // minutes
    place = (day - days[0]).astype(np.int64) * per_day + (local - day).astype(np.int64) // minutes
    seen = pd.Series(place).duplicated().to_numpy()
    place[seen] = -1
    return {"minutes": minutes, "begin": begin, "place": place, "days": days, "utc": utc,
            "meters": part.drop(columns="group").reset_index(drop=True), "size": len(days) * per_day,
            "kw": None, "kvar": None, "volt": None}


def fill(folder: pathlib.Path, meters: pd.DataFrame, cells: list[dict]) -> None:
    group = meters.set_index("meter_id").group
    row = meters.assign(row=meters.groupby("group").cumcount()).set_index("meter_id").row
    for cell in cells:
        cell["kw"] = np.full((len(cell["meters"]), cell["size"]), np.nan, np.float32)
    for frame in pieces(folder):
        code, names = pd.factorize(frame.meter_id)
        g = group.reindex(names).fillna(-1).to_numpy(int)[code]  # -1: transformer or not registered
        r = row.reindex(names).fillna(-1).to_numpy(int)[code]
        for number, cell in enumerate(cells):
            mine = g == number
            if not mine.any():
                continue
            place = cell["place"][(frame.minute.to_numpy()[mine] - cell["begin"]) // cell["minutes"]]
            rows, good = r[mine], place >= 0
            for column, name in QUANTITIES.items():
                if column not in frame:
                    continue
                value = frame[column].to_numpy(np.float32)[mine]
                if cell[name] is None:
                    if np.isnan(value).all():
                        continue
                    cell[name] = np.full(cell["kw"].shape, np.nan, np.float32)
                cell[name][rows[good], place[good]] = value[good]


def read_weather(folder: pathlib.Path) -> pd.DataFrame | None:
    path = one_of(folder, "weather.csv")
    if path is None:
        return None
    weather = pd.read_csv(path, dtype={"region": str})
    weather["start"] = pd.to_datetime(weather.start, utc=True, format="ISO8601")
    return weather


def daily_temperature(weather: pd.DataFrame | None, cell: dict) -> np.ndarray:
    out = np.full((len(cell["meters"]), len(cell["days"])), np.nan, np.float32)
    if weather is None:
        return out
    zone = cell["meters"].timezone.iloc[0]
    local = weather.start.dt.tz_convert(zone).dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    mean = weather.temperature_c.groupby([weather.region, local]).mean()
    for region, rows in cell["meters"].groupby("region").groups.items():
        if region in mean.index.get_level_values(0):
            out[rows] = mean[region].reindex(pd.DatetimeIndex(cell["days"])).to_numpy(np.float32)
    return out
