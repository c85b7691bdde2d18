package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// drain reads src to its end and checks what every source of this package promises.
func drain(t testing.TB, src flatwatt.Source) (all []flatwatt.Reading) {
	t.Helper()
	for {
		b, err := src.Read(context.Background())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Readings) == 0 || len(b.Readings) > maxBatch {
			t.Fatalf("a batch of %d", len(b.Readings))
		}
		all = append(all, b.Readings...)
		if b.Next != flatwatt.Position(len(all)) {
			t.Fatalf("position %d after %d readings", b.Next, len(all))
		}
	}
}

// before says whether a is to come before b.
func before(a, b flatwatt.Reading) bool {
	x, y := a.Start.Truncate(6*time.Hour), b.Start.Truncate(6*time.Hour)
	if !x.Equal(y) {
		return x.Before(y)
	}
	if a.Meter != b.Meter {
		return a.Meter < b.Meter
	}
	return a.Start.Before(b.Start)
}

// sampleFleet is the three sample meters with readings, loaded.
func sampleFleet(t testing.TB, n int) *Fleet {
	t.Helper()
	dir := t.TempDir()
	meters := sampleMeters(t)
	var all []*flatwatt.Series
	for i, m := range meters {
		all = append(all, sampleSeries(m, n/(1+3*(i%2)), i != 1, uint64(i)))
	}
	if err := WriteFleet(dir, meters, nil, nil, each(all), Parquet); err != nil {
		t.Fatal(err)
	}
	return load(t, dir, Options{})
}

func TestTheSourceGivesEveryReadingInEventTime(t *testing.T) {
	f := sampleFleet(t, 60_000) // more than one batch
	all := drain(t, f.Source(time.Time{}))
	if int64(len(all)) != f.Stats().Readings {
		t.Fatalf("%d readings, loaded %d", len(all), f.Stats().Readings)
	}
	series := map[flatwatt.MeterID]flatwatt.Series{}
	for _, m := range f.Meters() {
		series[m.ID], _ = f.Series(m.ID)
	}
	for i, r := range all {
		if i > 0 && !before(all[i-1], r) {
			t.Fatalf("%v %v comes after %v %v", r.Meter, r.Start, all[i-1].Meter, all[i-1].Start)
		}
		s := series[r.Meter]
		want, ok := s.Reading(int(r.Start.Sub(s.Start) / s.Interval))
		if got := fmt.Sprintf("%+v", r); !ok || got != fmt.Sprintf("%+v", want) {
			t.Fatalf("%s, want %+v", got, want)
		}
	}
}

func TestTheSourceEndsAsOf(t *testing.T) {
	f := sampleFleet(t, 2000)
	all := drain(t, f.Source(time.Time{}))
	start := f.Stats().First
	for _, asof := range []time.Time{time.Unix(-1e12, 0), start, start.Add(15 * time.Minute), start.Add(15*time.Minute - 1),
		start.Add(100*time.Hour + 7*time.Minute), f.Stats().Last.Add(-1), f.Stats().Last, time.Unix(1e12, 0)} {
		var want []flatwatt.Reading
		for _, r := range all {
			if !r.End().After(asof) {
				want = append(want, r)
			}
		}
		if got := drain(t, f.Source(asof)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("as of %v: %d readings, want %d", asof, len(got), len(want))
		}
	}
}

func TestTheSourceDoesNotAllocateABatch(t *testing.T) {
	f := sampleFleet(t, 300_000)
	src := f.Source(time.Time{})
	if _, err := src.Read(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(3, func() { src.Read(context.Background()) }); n > 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestTheSourceStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := sampleFleet(t, 100).Source(time.Time{}).Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestSeriesOfAMeterWithoutReadings(t *testing.T) {
	f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": header + day(3)}), Options{})
	for _, id := range []flatwatt.MeterID{"m2", "nobody"} {
		if _, ok := f.Series(id); ok {
			t.Errorf("%s has a series", id)
		}
	}
	if s := f.Stats(); s.Meters != 1 || s.MeterDays != 1 || s.Gaps != 0 || s.Last != midnight.Add(45*time.Minute) {
		t.Errorf("%+v", s)
	}
}

func TestWeather(t *testing.T) {
	text := "region,start,temperature_c\nr,2026-01-01T00:00:00Z,0\nr,2026-01-01T01:00:00Z,10\nr,2026-01-01T03:00:00Z,20\nr,2026-01-01T10:00:00Z,30\n" +
		"r,2026-01-01T10:00:00Z,40\nr,2025-12-31T23:00:00Z,-10\ns,2026-01-01T00:00:00+02:00,5\ns,2026-01-01T00:00:00Z,\nr,2026-01-01T11:00:00Z,451\n,2026-01-01T00:00:00Z,1\nr,now,1\nr,2026-01-01T00:00:00Z,NaN\n"
	f, err := Open(fleetOf(t, map[string]string{"meters.csv": twoMeters, "weather.csv": text}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(region, clock string, want float64, known bool) {
		t.Helper()
		when, err := time.Parse(time.RFC3339, clock)
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := f.Weather().TemperatureC(region, when); ok != known || ok && c != want {
			t.Errorf("%s at %s: %v, %v; want %v, %v", region, clock, c, ok, want, known)
		}
	}
	at("r", "2026-01-01T00:00:00Z", 0, true)
	at("r", "2026-01-01T00:30:00Z", 5, true)   // between two
	at("r", "2026-01-01T02:00:00Z", 15, true)  // between two that are two hours apart
	at("r", "2025-12-31T23:30:00Z", -5, true)  // delivered late
	at("r", "2026-01-01T05:30:00Z", 20, true)  // only the one before is near
	at("r", "2026-01-01T07:30:00Z", 40, true)  // only the one after is near; the last delivery counts
	at("r", "2026-01-01T06:30:00Z", 0, false)  // both are further than three hours
	at("r", "2026-01-01T13:00:00Z", 40, true)  // after the last
	at("r", "2026-01-01T13:00:01Z", 0, false)  // too long after the last
	at("r", "2025-12-31T20:00:00Z", -10, true) // before the first
	at("r", "2025-12-31T19:59:59Z", 0, false)  // too long before the first
	at("s", "2025-12-31T22:00:00Z", 5, true)   // another zone
	at("nowhere", "2026-01-01T00:00:00Z", 0, false)
	if r := f.Rejects(); len(r) != 4 || r[0].Where != "weather.csv:10" || r[3].Field != "temperature_c" {
		t.Errorf("rejects %+v", r)
	}
	g, err := Open(fleetOf(t, map[string]string{"meters.csv": twoMeters}), Options{})
	if err != nil || g.Weather() != nil || g.Truth() != nil {
		t.Errorf("%v, weather %v, truth %v", err, g.Weather(), g.Truth())
	}
}

func TestTruth(t *testing.T) {
	text := "meter_id,label,onset,block_kw,units,schedule,note\nm1,miner,2026-01-05T00:00:00+08:00,3.25,1,24x7,one S19\n" +
		"m2,farm,,,,,\nm7,none,,,,,\nm2,miner,spring,,,,\nm2,miner,,,,always,\nm2,miner,,x,,,\nm2,miner,,1,y,,\nm2,none,,,,,\n"
	f, err := Open(fleetOf(t, map[string]string{"meters.csv": twoMeters, "truth.csv": text}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []flatwatt.Truth{
		{Meter: "m1", Label: flatwatt.Miner, Onset: time.Date(2026, 1, 4, 16, 0, 0, 0, time.UTC), Block: 3.25, Units: 1, Schedule: flatwatt.AlwaysOn, Note: "one S19"},
		{Meter: "m2", Label: flatwatt.NoneLabel},
	}
	if fmt.Sprint(f.Truth()) != fmt.Sprint(want) {
		t.Errorf("%+v", f.Truth())
	}
	var fields []string
	for _, r := range f.Rejects() {
		fields = append(fields, r.Where+" "+r.Field)
	}
	if got := fmt.Sprint(fields); got != "[truth.csv:3 label truth.csv:4 meter_id truth.csv:5 onset truth.csv:6 schedule truth.csv:7 block_kw truth.csv:8 units]" {
		t.Errorf("rejects %s", got)
	}
}
