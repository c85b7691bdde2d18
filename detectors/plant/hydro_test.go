package plant_test

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/plant"
)

// A dams is the year 2016 of five large dams on the Columbia and Snake rivers.
type dams struct {
	meters []flatwatt.Meter
	series []flatwatt.Series
	flows  map[string]map[int64][2]float64 // by plant and UTC day: inflow, turbines, relative
	gauges bool                            // whether the turbines' water is told
}

func (d *dams) InflowRel(region string, t time.Time) (float64, float64, bool) {
	v, ok := d.flows[region][t.Unix()/86400]
	if !d.gauges {
		v[1] = math.NaN()
	}
	return v[0], v[1], ok
}

func readDams(t *testing.T) *dams {
	t.Helper()
	dir := os.Getenv("FLATWATT_DATA")
	f, err := os.Open(filepath.Join(dir, "hydro", "hydro.csv.gz"))
	if dir == "" || err != nil {
		t.Skip("FLATWATT_DATA has no hydro/hydro.csv.gz")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	d := &dams{flows: map[string]map[int64][2]float64{}}
	sums := map[string][3]float64{}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return math.NaN()
		}
		return v
	}
	for _, r := range rows[1:] {
		at, err := time.Parse(time.RFC3339, r[1])
		if err != nil {
			t.Fatal(err)
		}
		n := len(d.series)
		if n == 0 || d.series[n-1].Meter != flatwatt.MeterID(r[0]) {
			d.meters = append(d.meters, flatwatt.Meter{ID: flatwatt.MeterID(r[0]), Kind: flatwatt.Generator, Class: "hydro", Zone: zone, Interval: time.Hour, Region: "columbia"})
			d.series = append(d.series, flatwatt.Series{Meter: flatwatt.MeterID(r[0]), Start: at, Interval: time.Hour})
			d.flows[r[0]] = map[int64][2]float64{}
			n++
		}
		s := &d.series[n-1]
		kw := number(r[2])
		s.Energy = append(s.Energy, -kw)
		m := &d.meters[n-1]
		m.Contracted = max(m.Contracted, flatwatt.KW(kw))
		in, tu := number(r[3]), number(r[4])
		if in == in && tu == tu {
			v, sum := d.flows[r[0]][at.Unix()/86400], sums[r[0]]
			d.flows[r[0]][at.Unix()/86400] = [2]float64{v[0] + in, v[1] + tu}
			sums[r[0]] = [3]float64{sum[0] + in/24, sum[1] + tu/24, sum[2] + 1./24}
		}
	}
	for id, days := range d.flows {
		for day, v := range days {
			days[day] = [2]float64{v[0] / 24 / (sums[id][0] / sums[id][2]), v[1] / 24 / (sums[id][1] / sums[id][2])}
		}
	}
	return d
}

// scoreWith scores the dams with a block of so much of its capacity taken from one of
// them from a day on; k < 0: from none. It returns the last score of each and whether it
// was a suspect on any day.
func (d *dams) scoreWith(t *testing.T, k int, share float64, from int) (last []flatwatt.Score, ever []bool) {
	t.Helper()
	s, err := plant.New(d.meters, d, nil, plant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	last, ever = make([]flatwatt.Score, len(d.meters)), make([]bool, len(d.meters))
	take := func(scores []flatwatt.Score) {
		for _, sc := range scores {
			for i := range d.meters {
				if d.meters[i].ID == sc.Meter {
					last[i] = sc
					ever[i] = ever[i] || sc.State == flatwatt.Suspect
				}
			}
		}
	}
	for h := range d.series[0].Energy {
		var batch []flatwatt.Reading
		for i := range d.series {
			r, ok := d.series[i].Reading(h)
			if i == k && h >= from*24 && float64(-r.Energy) > share*float64(d.meters[i].Contracted) {
				r.Energy += flatwatt.KWh(share * float64(d.meters[i].Contracted))
			}
			if ok {
				batch = append(batch, r)
			}
		}
		take(s.Score(nil, batch))
	}
	take(s.Close(nil))
	return last, ever
}

// Real dams with injected deficits: what is found with the water through the turbines
// told, and without.
func TestRealDams(t *testing.T) {
	d := readDams(t)
	shares, onsets := []float64{.1}, []int{250}
	if *figures {
		shares, onsets = []float64{.05, .1, .2}, []int{120, 200, 280}
	} else {
		d.gauges = true
	}
	for _, gauges := range []bool{true, false} {
		if !*figures && !gauges {
			continue
		}
		d.gauges = gauges
		_, honest := d.scoreWith(t, -1, 0, 0)
		falses := 0
		for _, wrong := range honest {
			if wrong {
				falses++
			}
		}
		for _, share := range shares {
			var found, near, all int
			for k := range d.meters {
				for _, from := range onsets {
					last, ever := d.scoreWith(t, k, share, from)
					all++
					block := share * float64(d.meters[k].Contracted)
					good := math.Abs(last[k].Block.Value/block-1) < .1
					if ever[k] && !honest[k] {
						found++
						if good {
							near++
						}
					}
					t.Logf("turbines told %v: %s, %.0f %% from day %d: %s, odds %.1f, block %.2f of the true one, onset %s (day %d)", gauges, d.meters[k].ID,
						100*share, from, last[k].State, last[k].LogOdds, last[k].Block.Value/block, last[k].Onset.At.Format(time.DateOnly), int(last[k].Onset.At.Sub(d.series[k].Start).Hours()/24+.5))
				}
			}
			t.Logf("turbines told %v: %.0f %% of capacity: found %d of %d, kW within 10 %% %d; honest dams suspected %d in 5 plant-years", gauges, 100*share, found, all, near, falses)
			if !*figures && found < 3 {
				t.Errorf("found %d of %d", found, all)
			}
		}
	}
}
