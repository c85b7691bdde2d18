package file

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// unknownScore is a score of which nothing is known.
func unknownScore(id flatwatt.MeterID) flatwatt.Score {
	s := flatwatt.Score{Meter: id, Day: 20000, Detector: "customer", State: flatwatt.NotEnoughData, Probability: nan64, LogOdds: nan64,
		LogEValue: nan64, Block: flatwatt.Estimate{Value: nan64, Low: nan64, High: nan64}}
	for _, f := range featureColumns {
		*f.of(&s.Features) = nan64
	}
	return s
}

func sampleScores() []flatwatt.Score {
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	s := unknownScore("m,1")
	s.State, s.Probability, s.LogOdds = flatwatt.Suspect, 0.987654321, 4.25
	s.Block = flatwatt.Estimate{Value: 6.5, Low: 6.1, High: 6.9}
	s.Onset = flatwatt.Instants{At: at, Low: at.Add(-time.Hour), High: at.Add(time.Hour)}
	s.Units, s.HashrateTHs = flatwatt.Range{Low: 2, High: 2}, flatwatt.Range{Low: 190, High: 220.5}
	s.FirstAlarm, s.Outside = at.Add(72*time.Hour), -1.5
	for i, f := range featureColumns {
		*f.of(&s.Features) = float64(i) + 1e-7
	}
	return []flatwatt.Score{s, unknownScore("m2")}
}

func TestFindingsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "findings.csv")
	want := sampleScores()
	if err := WriteFindings(path, want, func(s *flatwatt.Score) string { return "flat, \"24/7\"\nof " + string(s.Meter) },
		func(s *flatwatt.Score) Hall {
			if s.Meter == "m2" {
				return Hall{FarmProbability: nan64}
			}
			return Hall{FarmProbability: .25, State: flatwatt.Inspect}
		}); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	golden := strings.Join(findingColumns, ",") + "\n" +
		`"m,1",0.987654321,1,6.5,6.1,6.9,2026-02-03T04:05:06Z,2026-02-03T03:05:06Z,2026-02-03T05:05:06Z,2,2,190,220.5,2026-02-06T04:05:06Z,suspect,"flat, ""24/7"" of m,1",0.25,inspect on site,-1.5` + "\n" +
		`m2,,2,,,,,,,,,,,,not enough data,"flat, ""24/7"" of m2",,,` + "\n"
	if string(text) != golden {
		t.Errorf("wrote\n%swant\n%s", text, golden)
	}
	got, err := ReadFindings(path)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v: %+v", err, got)
	}
	for i, f := range got {
		w := want[i]
		if f.Meter != w.Meter || f.Rank != i+1 || f.State != w.State || f.Onset != w.Onset || f.Units != w.Units ||
			f.HashrateTHs != w.HashrateTHs || f.Outside != w.Outside || !same(f.Hall.FarmProbability, []float64{.25, nan64}[i]) || f.FirstAlarm != w.FirstAlarm || !same(f.Probability, w.Probability) ||
			!same(f.Block.Value, w.Block.Value) || !same(f.Block.Low, w.Block.Low) || !same(f.Block.High, w.Block.High) {
			t.Errorf("read %+v, want %+v", f, w)
		}
	}
}

// same is equality to the bit, any NaN being equal to any other.
func same(a, b float64) bool { return a == b || a != a && b != b }

func TestBadFindingsAreAnError(t *testing.T) {
	bad := func(text, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "findings.csv")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFindings(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want … %s …", text, err, want)
		}
	}
	bad("", "first line must name")
	bad("id\n", `"meter_id" is missing`)
	bad("meter_id,probability\nm1,1\nm2,high\n", "findings.csv:3: probability")
	bad("meter_id,onset\nm1,May\n", "findings.csv:2: onset")
	bad("meter_id,onset\nm1\n", "has 1 fields")
	if _, err := ReadFindings(filepath.Join(t.TempDir(), "none.csv")); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("error %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || u.Unwrap() == nil {
			return err
		}
		if _, path := err.(*os.PathError); path {
			return err
		}
		err = u.Unwrap()
	}
}

func TestScoresReadBack(t *testing.T) {
	for _, name := range []string{"scores.csv", "scores.csv.gz"} {
		path := filepath.Join(t.TempDir(), name)
		w, err := NewScoresWriter(path)
		if err != nil {
			t.Fatal(err)
		}
		want := sampleScores()
		for i := range 3000 { // more than a buffer
			want[0].Day = flatwatt.Day(i)
			if err := w.Write(context.Background(), want); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("the file is there before it is complete")
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for s, err := range ReadScores(path) {
			if err != nil {
				t.Fatal(err)
			}
			x := want[n%2]
			if n%2 == 0 {
				x.Day = flatwatt.Day(n / 2)
			}
			if s.Meter != x.Meter || s.Day != x.Day || s.Detector != x.Detector || s.State != x.State || !same(s.Probability, x.Probability) ||
				!same(s.LogOdds, x.LogOdds) || !same(s.Block.Value, x.Block.Value) || s.Outside != x.Outside {
				t.Fatalf("%d: read %+v, want %+v", n, s, x)
			}
			for _, f := range featureColumns {
				if got, want := *f.of(&s.Features), *f.of(&x.Features); !same(got, want) {
					t.Fatalf("%d: %s is %v, want %v", n, f.name, got, want)
				}
			}
			n++
		}
		if n != 6000 {
			t.Errorf("%s: %d scores", name, n)
		}
	}
}

func TestBadScoresEndWithAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.csv")
	if err := os.WriteFile(path, []byte("meter_id,day,probability\na,2026-01-01,0.5\nb,January,0.5\nc,2026-01-01,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var ids []flatwatt.MeterID
	var last error
	for s, err := range ReadScores(path) {
		ids, last = append(ids, s.Meter), err
	}
	if len(ids) != 2 || ids[0] != "a" || last == nil || !strings.Contains(last.Error(), "scores.csv:3: day") {
		t.Errorf("%v, %v", ids, last)
	}
}

// TestEveryFeatureIsWritten compares the columns with the fields of the vocabulary.
func TestEveryFeatureIsWritten(t *testing.T) {
	var f flatwatt.Features
	v := reflect.ValueOf(&f).Elem()
	if v.NumField() != len(featureColumns) {
		t.Errorf("flatwatt.Features has %d fields, scores.csv %d columns for them", v.NumField(), len(featureColumns))
	}
	for i, c := range featureColumns {
		if c.of(&f) != v.Field(i).Addr().Interface().(*float64) {
			t.Errorf("column %s is not field %s", c.name, v.Type().Field(i).Name)
		}
	}
}

func TestRejectsAreWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rejected.csv")
	long := strings.Repeat("x", 1000)
	if err := WriteRejects(path, []flatwatt.Rejected{{Where: "readings/a.csv:3", Field: "start", Reason: "is, well, wrong", Raw: []byte("a,\xff\x00" + long)}}); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	want := "where,field,reason,raw\nreadings/a.csv:3,start,\"is, well, wrong\",\"a,\ufffd " + long[:196] + "\"\n"
	if string(got) != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	if err := WriteRejects(path, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("old rejects remain though there are none")
	}
}

func TestInfinitiesAreNeverWritten(t *testing.T) {
	var c cells
	for _, v := range []float64{math.Inf(1), nan64, 1e-7, 1e21, -0.1} {
		c.number(v)
	}
	if got := string(c.take()); got != ",,0.0000001,1000000000000000000000,-0.1" {
		t.Error(got)
	}
}
