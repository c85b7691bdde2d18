package plant_test

import (
	"cmp"
	"flag"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/plant"
	"github.com/flatwatt/flatwatt/simulate"
)

var (
	figures = flag.Bool("figures", false, "measure the figures of docs/plants.md on simulated cascades (minutes)")
	seeds   = flag.String("seeds", "801-803", "of the cascades to measure")
	every   = flag.Int("every", 1, "days from one judgement to the next")
	verbose = flag.Bool("plants", false, "print every plant that ranks high or is missed")
)

// water is the gauges of simulated rivers.
type water map[string]map[int64]float64

func (w water) InflowRel(region string, t time.Time) (float64, float64, bool) {
	for back := range 2 { // rows begin at local midnight, which is 16:00 of the day before
		if v, ok := w[region][(t.Unix()-16*3600)/86400-int64(back)]; ok {
			return v, math.NaN(), true
		}
	}
	return 0, 0, false
}

func waterOf(p *simulate.Plants) water {
	w := water{}
	for _, r := range p.Inflow() {
		if w[r.Region] == nil {
			w[r.Region] = map[int64]float64{}
		}
		w[r.Region][(r.Start.Unix()-16*3600)/86400] = r.Rel
	}
	return w
}

func eventsOf(p *simulate.Plants) (list []plant.Event) {
	for i := range p.Meters() {
		for _, e := range p.Events(i) {
			list = append(list, plant.Event(e))
		}
	}
	return list
}

// A judged plant is what its last score says.
type judged struct {
	flatwatt.Score
	truth   flatwatt.Truth
	suspect bool           // on any day; of a supply that began in the data, on any since
	peak    float64        // highest odds, likewise
	alarm   flatwatt.Score // of the suspect day with the highest odds
}

// run scores plants hour by hour; days counts plant-days.
func run(t testing.TB, p *simulate.Plants) (list []judged) {
	t.Helper()
	s, err := plant.New(p.Meters(), waterOf(p), eventsOf(p), plant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.JudgeEvery(*every)
	var series []flatwatt.Series
	for i := range p.Meters() {
		one, truth := p.Series(i)
		series = append(series, one)
		list = append(list, judged{truth: truth, peak: math.Inf(-1)})
	}
	take := func(scores []flatwatt.Score) {
		for _, sc := range scores {
			var i int
			fmt.Sscanf(string(sc.Meter), "g%d", &i)
			sc.Evidence = slices.Clone(sc.Evidence)
			list[i].Score = sc
			if list[i].truth.Label == flatwatt.Miner && sc.Start.Before(list[i].truth.Onset) {
				continue
			}
			list[i].peak = max(list[i].peak, odds(list[i]))
			if sc.State == flatwatt.Suspect && (!list[i].suspect || sc.LogOdds > list[i].alarm.LogOdds) {
				list[i].alarm, list[i].suspect = sc, true
			}
		}
	}
	stream(series, func(batch []flatwatt.Reading) { take(s.Score(nil, batch)) })
	take(s.Close(nil))
	return list
}

func stream(series []flatwatt.Series, score func([]flatwatt.Reading)) {
	var batch []flatwatt.Reading
	for i := range series[0].Energy {
		batch = batch[:0]
		for k := range series {
			if r, ok := series[k].Reading(i); ok {
				batch = append(batch, r)
			}
		}
		score(batch)
	}
}

func TestFiguresOfCascades(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures")
	}
	var lo, hi uint64
	fmt.Sscanf(*seeds, "%d-%d", &lo, &hi)
	var all []judged
	var found, due, near, covered, sized, falses int
	years := 0.0
	for seed := lo; seed <= hi; seed++ {
		cfg := simulate.DefaultPlantConfig()
		cfg.Seed = seed
		p, err := simulate.NewPlants(cfg)
		if err != nil {
			t.Fatal(err)
		}
		list := run(t, p)
		all = append(all, list...)
		for _, j := range list {
			if j.truth.Label != flatwatt.Miner {
				years += float64(cfg.Days) / 365
				if j.suspect {
					falses++
				}
			} else if j.began() {
				due++
				if j.suspect {
					found++
				}
				if j.State == flatwatt.Suspect {
					sized++
					if math.Abs(j.Block.Value/float64(j.truth.Block)-1) < .1 {
						near++
					}
					if kw := float64(j.truth.Block); kw >= j.Block.Low && kw <= j.Block.High {
						covered++
					}
				}
			}
			if *verbose && (j.suspect || j.truth.Label == flatwatt.Miner) {
				t.Logf("%s seed %d %s now %v ever %v odds %.1f block %.0f [%.0f–%.0f] onset %s; truth %s %.0f kW onset %s %s", j.Meter, seed, j.State, j.State == flatwatt.Suspect, j.suspect, j.LogOdds,
					j.Block.Value, j.Block.Low, j.Block.High, j.Onset.At.Format(time.DateOnly), j.truth.Label, float64(j.truth.Block), j.truth.Onset.Format(time.DateOnly), j.truth.Note)
				show := j.Score
				if j.suspect {
					show = j.alarm
					t.Logf("      suspected most %s: odds %.1f block %.0f onset %s", show.Start.Format(time.DateOnly), show.LogOdds, show.Block.Value, show.Onset.At.Format(time.DateOnly))
				}
				for _, e := range show.Evidence {
					text, _ := plant.Say(e, "en")
					t.Logf("      %+.2f %s", e.LogOdds, text)
				}
			}
		}
	}
	t.Logf("%d plants, average precision %.3f of their last scores", len(all), precision(all))
	for _, rate := range []float64{.25, .5, .75, 1, 1.5} {
		at := oddsAt(all, int(rate*years/10))
		hit := 0
		for _, j := range all {
			if j.peak > at && j.began() {
				hit++
			}
		}
		t.Logf("  %.2f false per 10 plant-years (odds above %.1f): found %d of %d (%.1f %%)", rate, at, hit, due, 100*float64(hit)/float64(due))
	}
	t.Logf("found %d of %d with onset in the data (%.0f %%), false %d in %.0f plant-years (%.2f per 10), kW within 10 %% for %d of %d running, within the 90 %% interval for %d",
		found, due, 100*float64(found)/float64(due), falses, years, 10*float64(falses)/years, near, sized, covered)
}

// began reports whether the plant has a supply that began in the data.
func (j *judged) began() bool { return j.truth.Label == flatwatt.Miner && !j.truth.Onset.IsZero() }

// oddsAt are the odds that so many honest plants exceed.
func oddsAt(list []judged, n int) float64 {
	var honest []float64
	for _, j := range list {
		if j.truth.Label != flatwatt.Miner {
			honest = append(honest, j.peak)
		}
	}
	slices.Sort(honest)
	return honest[max(0, len(honest)-1-n)]
}

// precision is the average precision of plants ranked by log odds.
func precision(list []judged) float64 {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b judged) int {
		return cmp.Or(cmp.Compare(odds(b), odds(a)), cmp.Compare(a.Meter, b.Meter))
	})
	hits, sum := 0.0, 0.0
	for k, j := range list {
		if j.truth.Label == flatwatt.Miner {
			hits++
			sum += hits / float64(k+1)
		}
	}
	return sum / hits
}

func odds(j judged) float64 {
	if j.LogOdds != j.LogOdds {
		return math.Inf(-1)
	}
	return j.LogOdds
}
