package file_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/streams/file"
)

func plantFleet(t *testing.T, files map[string]string) *file.Fleet {
	t.Helper()
	dir := t.TempDir()
	files["meters.csv"] = "meter_id,kind,timezone,interval_minutes,region\np1,generator,UTC,60,river\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestInflowHoldsUntilTheNextRow(t *testing.T) {
	f := plantFleet(t, map[string]string{"inflow.csv": "region,start,inflow_rel,turbine_rel\n" +
		"river,2025-01-02T00:00:00Z,2,\nriver,2025-01-01T00:00:00Z,1,.5\nriver,2025-01-02T00:00:00Z,3,\nriver,2025-01-03T00:00:00Z,,\n"})
	at := func(s string) time.Time { v, _ := time.Parse(time.RFC3339, s); return v }
	for _, c := range []struct {
		at              string
		inflow, turbine float64
		ok              bool
	}{
		{"2024-12-31T23:00:00Z", 0, 0, false}, {"2025-01-01T12:00:00Z", 1, .5, true},
		{"2025-01-02T00:00:00Z", 3, math.NaN(), true}, {"2025-01-10T00:00:00Z", 3, math.NaN(), true}, {"2025-01-10T00:00:01Z", 0, 0, false},
	} {
		w, u, ok := f.Inflow().InflowRel("river", at(c.at))
		if w != c.inflow || ok != c.ok || !(u == c.turbine || u != u && c.turbine != c.turbine) {
			t.Errorf("at %s: %v %v %v, want %v %v %v", c.at, w, u, ok, c.inflow, c.turbine, c.ok)
		}
	}
	if _, _, ok := f.Inflow().InflowRel("p1", at("2025-01-01T12:00:00Z")); ok {
		t.Error("water of a river that no row names")
	}
}

func TestBadPlantRowsAreRejected(t *testing.T) {
	f := plantFleet(t, map[string]string{
		"inflow.csv": "region,start,inflow_rel\nriver,2025-01-01T00:00:00Z,-1\nriver,yesterday,1\n,2025-01-01T00:00:00Z,1\nriver,2025-01-01T00:00:00Z,1e9\nriver,,1\n",
		"events.csv": "meter_id,start,end,kind\nq9,2025-01-01T00:00:00Z,,outage\np1,2025-01-02T00:00:00Z,2025-01-01T00:00:00Z,outage\n" +
			"p1,2025-01-01T00:00:00Z,,strike\np1,,,outage\np1,2025-01-05T00:00:00Z,,maintenance\np1,2025-01-01T00:00:00Z,2025-01-02T00:00:00Z,low_water\n",
	})
	var got []string
	for _, r := range f.Rejects() {
		got = append(got, r.Where+" "+r.Field)
	}
	want := "inflow.csv:2 inflow_rel|inflow.csv:3 start|inflow.csv:4 region|inflow.csv:5 inflow_rel|inflow.csv:6 start|" +
		"events.csv:2 meter_id|events.csv:3 end|events.csv:4 kind|events.csv:5 start"
	if strings.Join(got, "|") != want {
		t.Errorf("rejected %s\nwant     %s", strings.Join(got, "|"), want)
	}
	if e := f.Events(); len(e) != 2 || e[0].Kind != "low_water" || !e[1].End.IsZero() {
		t.Errorf("events %v: want the low water of the first, then maintenance without end", e)
	}
}

func TestPlantFilesAreReadAsWritten(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.WriteFile(filepath.Join(dir, "meters.csv"), []byte("meter_id,timezone\np1,UTC\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := file.WriteInflow(dir, []file.InflowRow{{Region: "a,b", Start: at, Inflow: .25, Turbine: math.NaN()}, {Region: "c", Start: at, Inflow: 1, Turbine: 1.5}}); err != nil {
		t.Fatal(err)
	}
	want := file.PlantEvent{Meter: "p1", Start: at, End: at.Add(time.Hour), Kind: "outage"}
	if err := file.WriteEvents(dir, []file.PlantEvent{want}); err != nil {
		t.Fatal(err)
	}
	f, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if w, u, ok := f.Inflow().InflowRel("a,b", at); w != .25 || u == u || !ok {
		t.Errorf("water %v %v %v, want 0.25 and no turbines", w, u, ok)
	}
	if _, u, _ := f.Inflow().InflowRel("c", at); u != 1.5 {
		t.Errorf("turbines %v, want 1.5", u)
	}
	if e := f.Events(); len(e) != 1 || e[0] != want {
		t.Errorf("events %v, want %v", e, want)
	}
}
