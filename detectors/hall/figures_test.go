package hall_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/hall"
	"github.com/flatwatt/flatwatt/simulate"
	"github.com/flatwatt/flatwatt/streams/file"
)

var (
	figures = flag.Bool("figures", false, "measure the figures of docs/halls.md (minutes)")
	seeds   = flag.String("seeds", "901-903", "of the halls to measure")
	verbose = flag.Bool("halls", false, "print every hall with its evidence")
	days    = flag.Int("days", 0, "of the halls to measure; 0: the default")
)

func coinOf(rows []simulate.CoinRow) (list []hall.Week) {
	for _, r := range rows {
		list = append(list, hall.Week{Start: r.Day, Price: r.Price, Difficulty: r.Difficulty, Halving: r.Halving})
	}
	return list
}

// A judged hall is what its last score says.
type judged struct {
	flatwatt.Score
	kind string
	farm bool
}

// run scores halls and returns the last score of each that has one.
func run(t testing.TB, h *simulate.Halls) []judged {
	t.Helper()
	s, err := hall.New(h.Meters(), h.Weather(), hall.Options{Coin: coinOf(h.Coin())})
	if err != nil {
		t.Fatal(err)
	}
	list := make([]judged, len(h.Meters()))
	var series []flatwatt.Series
	for i := range list {
		one, truth := h.Series(i)
		series = append(series, one)
		list[i].kind, list[i].farm = h.Kind(i), truth.Label == flatwatt.Miner
	}
	keep := func(scores []flatwatt.Score) {
		for _, sc := range scores {
			var i int
			fmt.Sscanf(string(sc.Meter), "h%d", &i)
			sc.Evidence = slices.Clone(sc.Evidence)
			list[i].Score = sc
		}
	}
	var batch []flatwatt.Reading
	for i := range series[0].Energy {
		batch = batch[:0]
		for k := range series {
			if r, ok := series[k].Reading(i); ok {
				batch = append(batch, r)
			}
		}
		keep(s.Score(nil, batch))
	}
	keep(s.Close(nil))
	return list
}

func TestFiguresOfHalls(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures")
	}
	var lo, hi uint64
	fmt.Sscanf(*seeds, "%d-%d", &lo, &hi)
	var all []judged
	for seed := lo; seed <= hi; seed++ {
		cfg := simulate.DefaultHallConfig()
		cfg.Seed = seed
		if *days > 0 {
			cfg.Days = *days
		}
		h, err := simulate.NewHalls(cfg)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, run(t, h)...)
	}
	report(t, all)
}

// report prints the area under the curve and how the halls of each kind were called.
func report(t *testing.T, all []judged) {
	counts, silent := map[string]map[flatwatt.State]int{}, 0
	var scored []judged
	for _, j := range all {
		if counts[j.kind] == nil {
			counts[j.kind] = map[flatwatt.State]int{}
		}
		counts[j.kind][j.State]++
		if j.Meter == "" {
			silent++
			continue
		}
		scored = append(scored, j)
	}
	slices.SortFunc(scored, func(a, b judged) int { return cmp.Compare(a.LogOdds, b.LogOdds) })
	var right, pairs, below float64
	for _, j := range scored {
		if !j.farm {
			below++
			continue
		}
		right += below
	}
	for _, j := range scored {
		if j.farm {
			pairs += below
		}
	}
	t.Logf("%d halls, %d without a score, AUROC %.4f", len(all), silent, right/pairs)
	for _, kind := range sortedKeys(counts) {
		t.Logf("  %-18s %v", kind, counts[kind])
	}
	if *verbose {
		for _, j := range scored {
			t.Logf("%-18s %-8s %6.2f %s", j.kind, j.Meter, j.LogOdds, told(j.Score))
		}
	}
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func told(s flatwatt.Score) string {
	var parts []string
	for _, e := range s.Evidence {
		parts = append(parts, fmt.Sprintf("%s %.3g→%+.1f", strings.TrimPrefix(e.Term, "hall_"), e.Value, e.LogOdds))
	}
	return strings.Join(parts, ", ")
}

// TestRealHalls scores the real series: no data centre may be called a farm, nor any other
// of these meters, none of which is known to hide a miner.
func TestRealHalls(t *testing.T) {
	root := os.Getenv("FLATWATT_DATA")
	if root == "" {
		t.Skip("set FLATWATT_DATA to the directory of the public data sets")
	}
	fleet, err := file.Open(filepath.Join(root, "real"), file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.Load(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	s, err := hall.New(fleet.Meters(), fleet.Weather(), hall.Options{})
	if err != nil {
		t.Fatal(err)
	}
	last, called := map[flatwatt.MeterID]flatwatt.Score{}, map[flatwatt.State]int{}
	keep := func(scores []flatwatt.Score) {
		for _, sc := range scores {
			sc.Evidence = slices.Clone(sc.Evidence)
			last[sc.Meter] = sc
			called[sc.State]++
		}
	}
	source := fleet.Source(time.Time{})
	for {
		batch, err := source.Read(context.Background())
		if err != nil {
			break
		}
		keep(s.Score(nil, batch.Readings))
	}
	keep(s.Close(nil))
	t.Logf("days by what they were called: %v", called)
	for id, sc := range last {
		if *verbose || strings.HasPrefix(string(id), "google") || sc.State != flatwatt.Normal {
			t.Logf("%s %s %s %.2f %s", id, sc.Day, sc.State, sc.LogOdds, told(sc))
		}
		if sc.State == flatwatt.Suspect || !sc.FirstAlarm.IsZero() {
			t.Errorf("%s is called a farm (%s)", id, told(sc))
		}
	}
	if n := len(last); n < 2 {
		t.Errorf("%d halls scored, want the two data centres at least", n)
	}
}
