package file

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

func each1(s *flatwatt.Series) func(func(*flatwatt.Series, error) bool) {
	return each([]*flatwatt.Series{s})
}

// TestTheBetterReadingStays gives two readings for one interval, in both orders.
func TestTheBetterReadingStays(t *testing.T) {
	stays := func(winner, loser string, want Stats) {
		t.Helper()
		for _, rows := range []string{winner + loser, loser + winner} {
			text := "meter_id,start,energy_kwh,quality,voltage_v\n"
			for row := range strings.SplitSeq(strings.TrimSuffix(rows, ";"), ";") {
				text += "m1,2026-01-01T00:00:00Z," + row + "\n"
			}
			f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": text}), Options{})
			got, s := f.Stats(), f.columns[0].row(0)
			energy := strings.Split(winner, ",")[0]
			if fmt.Sprint(s.energy) != energy || got.Readings != 1 || got.Duplicates != want.Duplicates ||
				got.Conflicts != want.Conflicts || got.Superseded != want.Superseded {
				t.Errorf("%s: kept %+v, %+v", rows, s, got)
			}
		}
	}
	stays("1,A,;", "1,A,;", Stats{Duplicates: 1})
	stays("2,F,;", "1,A,;", Stats{Superseded: 1})
	stays("2,A,;", "1,E,;", Stats{Superseded: 1})
	stays("2,F,;", "1,E,;", Stats{Superseded: 1})
	stays("1,A,;", "2,A,;", Stats{Conflicts: 1})
	stays("-1,A,;", "2,A,;", Stats{Conflicts: 1})
	stays("-1,A,;", "1,A,;", Stats{Conflicts: 1})
	stays("1,A,230;", "1,A,;", Stats{Conflicts: 1})
	stays("1,A,229;", "1,A,230;", Stats{Conflicts: 1})
	stays("1,F,;", "2,F,;0,A,;0,A,;3,E,;1,F,;", Stats{Conflicts: 1, Superseded: 3, Duplicates: 1})
}

// delivery is a file per slice of rows.
func delivery(rows []string, files int, dir map[string]string) map[string]string {
	all := map[string]string{"meters.csv": dir["meters.csv"]}
	for i := range files {
		part := rows[i*len(rows)/files : (i+1)*len(rows)/files]
		all[fmt.Sprintf("readings/%02d.csv", i)] = "meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality\n" + strings.Join(part, "")
	}
	return all
}

// TestTheOrderOfDeliveryDoesNotMatter shuffles rows with repeats and conflicts, spreads
// them over files and loads them with different numbers of workers: all but what counts
// the order itself must be the same.
func TestTheOrderOfDeliveryDoesNotMatter(t *testing.T) {
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	reg := map[string]string{"meters.csv": "meter_id,timezone,interval_minutes\nm0,UTC,15\nm1,UTC,15\nm2,UTC,15\nm3,UTC,15\n"}
	var rows []string
	for range 4000 {
		at := midnight.Add(time.Duration(r.IntN(900)) * 15 * time.Minute)
		row := fmt.Sprintf("m%d,%s,%d,", r.IntN(4), at.Format(time.RFC3339), r.IntN(3)-1)
		row += []string{",,A\n", "0.5,,\n", ",230.1,E\n", "1,231,F\n"}[r.IntN(4)]
		rows = append(rows, row)
	}
	var first *Fleet
	for round := range 6 {
		f := load(t, fleetOf(t, delivery(rows, 1+round, reg)), Options{Workers: 1 + round%3})
		if s := f.Stats(); s.Readings+s.Duplicates+s.Conflicts+s.Superseded != s.Rows || s.Duplicates == 0 || s.Conflicts == 0 || s.Superseded == 0 || s.Late == 0 {
			t.Fatalf("counts do not add up: %+v", s)
		}
		if first == nil {
			first = f
		}
		a, b := first.Stats(), f.Stats()
		a.Late, b.Late, a.Files, b.Files = 0, 0, 0, 0
		if !reflect.DeepEqual(a, b) {
			t.Errorf("seed %d, round %d: %+v, want %+v", seed, round, b, a)
		}
		for _, m := range f.Meters() {
			x, _ := first.Series(m.ID)
			if y, _ := f.Series(m.ID); !sameSeries(x, y) {
				t.Errorf("seed %d, round %d: series of %s differs", seed, round, m.ID)
			}
		}
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
}

// TestLateRowsAreCountedInDeliveryOrder whatever the number of workers.
func TestLateRowsAreCountedInDeliveryOrder(t *testing.T) {
	var rows []string
	for line := range strings.Lines(day(60)) {
		rows = append(rows, strings.TrimSpace(line)+",,,\n")
	}
	late := slices.Concat(rows[:10], rows[20:30], rows[10:20], rows[30:]) // ten are late
	for _, workers := range []int{1, 2, 5} {
		f := load(t, fleetOf(t, delivery(late, 6, map[string]string{"meters.csv": twoMeters})), Options{Workers: workers})
		if s := f.Stats(); s.Late != 10 || s.Readings != 60 || s.Duplicates != 0 {
			t.Errorf("%d workers: %+v", workers, s)
		}
	}
}

// TestIntervals infers what the register has wrong, and says so.
func TestIntervals(t *testing.T) {
	f := func(name, declared string, at []int, want time.Duration, rejected int64, note string) {
		t.Run(name, func(t *testing.T) {
			text := header
			for _, m := range at {
				text += "m," + midnight.Add(time.Duration(m)*time.Minute).Format(time.RFC3339) + ",1\n"
			}
			fl := load(t, fleetOf(t, map[string]string{"meters.csv": "meter_id,timezone,interval_minutes\nm,Asia/Kathmandu," + declared + "\n", "readings/a.csv": text}), Options{})
			s := fl.Stats()
			if got := fl.Meters()[0].Interval; got != want || s.Rejected != rejected || s.Readings != int64(len(at))-rejected {
				t.Errorf("interval %v, want %v; %+v", got, want, s)
			}
			if got := fmt.Sprint(fl.Notes()); !strings.Contains(got, note) || (note == "") != (got == "[]") {
				t.Errorf("notes %v", got)
			}
			for _, r := range fl.Rejects() {
				if !strings.HasPrefix(r.Where, "readings/a.csv:") || r.Field != "start" {
					t.Errorf("%+v", r)
				}
			}
		})
	}
	every := func(step, n, from int) (at []int) {
		for i := range n {
			at = append(at, from+i*step)
		}
		return at
	}
	f("as declared", "15", every(15, 50, 0), 15*time.Minute, 0, "")
	f("finer", "60", every(15, 50, 0), 15*time.Minute, 0, "every 15 minutes, meters.csv says 60")
	f("coarser", "15", every(30, 50, 0), 30*time.Minute, 0, "every 30 minutes, meters.csv says 15")
	f("not declared", "", every(30, 50, 0), 30*time.Minute, 0, "every 30 minutes")
	f("one reading", "15", []int{45}, 15*time.Minute, 0, "")
	f("mostly gaps", "15", []int{0, 15, 75, 135, 600, 615, 700 - 10}, 15*time.Minute, 0, "")
	f("hours that begin at a quarter past", "60", every(60, 50, 15), time.Hour, 0, "")
	f("one off the grid", "15", slices.Concat(every(15, 50, 0), []int{751}), 15*time.Minute, 1, "")
	f("every two hours", "60", every(120, 50, 0), time.Hour, 0, "")
}

func TestWideningPrintsTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		want := math.Round(r.Float64()*math.Pow(10, float64(r.IntN(7)))) / math.Pow(10, float64(r.IntN(4)))
		if want >= 1e6 {
			continue // more than the six digits that single precision always holds
		}
		want = math.Round(want*1000) / 1000
		if digits := math.Floor(math.Log10(math.Max(want, 1))) + 4; digits > 6 {
			continue
		}
		if got := widen(float32(want)); got != want {
			t.Fatalf("%v became %v", want, got)
		}
	}
	for _, v := range []float32{math.MaxFloat32, math.SmallestNonzeroFloat32, 1.0 / 3, 16777217, -0.1, 0} {
		if got := widen(v); float32(got) != v {
			t.Errorf("%v became %v", v, got)
		}
	}
	if v := widen(nan32); v == v {
		t.Errorf("NaN became %v", v)
	}
}

// TestAReadingIsKeptInFewBytes: 21 bytes with everything (4 time, 8 energy, 4 reactive,
// 4 voltage, 1 quality) and 12 with energy alone, plus at most an eighth of slack.
func TestAReadingIsKeptInFewBytes(t *testing.T) {
	f := sampleFleet(t, 40_000)
	for i := range f.columns {
		c := &f.columns[i]
		size := 4*cap(c.at) + 8*cap(c.energy) + 4*cap(c.reactive) + 4*cap(c.voltage) + cap(c.quality)
		limit := 21.
		if f.meters[i].ID == "b" {
			limit = 12
		}
		if per := float64(size) / float64(c.len()); per > limit*9/8 {
			t.Errorf("meter %s: %.1f bytes a reading", f.meters[i].ID, per)
		}
	}
}
