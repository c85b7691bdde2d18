//go:build integration

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/influx"
)

// A bigFleet is what a database holds of so many meters after 30 days.
type bigFleet struct {
	register []flatwatt.Meter
	suspects []int // indexes into register, in the order in which they become suspects
	first    flatwatt.Day
}

const bigDays = 30

// newBigFleet hangs 200 meters below a transformer and 25 transformers below a feeder, in
// 40 regions and 10 classes. One meter in 300 is a suspect by the end.
func newBigFleet(meters int) *bigFleet {
	f := &bigFleet{first: flatwatt.DayOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC)}
	add := func(id, parent string, kind flatwatt.Kind, class, region string) {
		f.register = append(f.register, flatwatt.Meter{ID: flatwatt.MeterID(id), Parent: flatwatt.MeterID(parent), Kind: kind, Class: flatwatt.Class(class), Region: region, Zone: time.UTC, Interval: 15 * time.Minute})
	}
	for i := range meters {
		add(fmt.Sprintf("c%07d", i), fmt.Sprintf("t%05d", i/200), flatwatt.Customer, fmt.Sprintf("class-%d", i%10), fmt.Sprintf("region-%02d", i/200/25%40))
		if i%300 == 17 {
			f.suspects = append(f.suspects, i)
		}
	}
	for i := range (meters + 199) / 200 {
		add(fmt.Sprintf("t%05d", i), fmt.Sprintf("f%04d", i/25), flatwatt.Transformer, "", "")
	}
	for i := range (meters + 4999) / 5000 {
		add(fmt.Sprintf("f%04d", i), "", flatwatt.Feeder, "", "")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(f.suspects), func(i, j int) { f.suspects[i], f.suspects[j] = f.suspects[j], f.suspects[i] })
	return f
}

// score is the score of a meter on a day: a suspect from its own day on, else honest.
func (f *bigFleet) score(i int, since map[int]int, day int) flatwatt.Score {
	s := honestScore(f.register[i].ID, f.first+flatwatt.Day(day), "model-1")
	if day >= 15 {
		s.Model = "model-2"
	}
	if from, ok := since[i]; ok && day >= from {
		kw := 1 + float64(i%977)/10
		s.State, s.Probability, s.Block = flatwatt.Suspect, 0.5+float64(i%499)/1000, flatwatt.Estimate{Value: kw, Low: 0.9 * kw, High: 1.1 * kw}
		s.HashrateTHs = flatwatt.Range{Low: 30 * kw, High: 60 * kw}
		at := (f.first + flatwatt.Day(from)).Start(time.UTC)
		s.FirstAlarm = at.Add(24 * time.Hour)
		s.Onset = flatwatt.Instants{At: at.AddDate(0, 0, -9), Low: at.AddDate(0, 0, -10), High: at.AddDate(0, 0, -8)}
	} else if i%50 == 3 {
		s.State = flatwatt.NotEnoughData
	}
	return s
}

func honestScore(id flatwatt.MeterID, day flatwatt.Day, model string) flatwatt.Score {
	return flatwatt.Score{
		Meter: id, Day: day, Start: day.Start(time.UTC), Detector: "customer", Model: model, State: flatwatt.Normal, Schedule: flatwatt.AlwaysOn,
		Probability: 0.002, LogOdds: -6, Evidence: []flatwatt.Evidence{{Term: "block", LogOdds: -1.5, Value: 0.2}, {Term: "noise", LogOdds: -0.7, Value: 0.1}},
		Features: flatwatt.Features{MeanKW: 1.2, FloorKW: 0.2, LoadFactor: 0.4, CV: 0.8, ValidShare: 1},
	}
}

// fill writes one whole day of every meter's scores, which makes all their series; of the
// other days the suspects' scores, and the roll-ups of all meters on all days.
func (f *bigFleet) fill(t *testing.T, c *panelCheck) {
	t.Helper()
	since := map[int]int{}
	for n, i := range f.suspects {
		since[i] = n * bigDays / len(f.suspects)
	}
	slow := c.config // a machine that does other things may time a write out
	slow.Attempts, slow.ChunkPoints = 30, 1000
	sink := openSink(t, slow, f.register)
	rolls, err := influx.NewRollups(f.register, "")
	if err != nil {
		t.Fatal(err)
	}
	meters := slices.IndexFunc(f.register, func(m flatwatt.Meter) bool { return m.Kind != flatwatt.Customer })
	for day := range bigDays {
		var scores []flatwatt.Score
		flush := func() {
			if err := sink.Write(t.Context(), scores); err != nil {
				t.Fatal(err)
			}
			scores = scores[:0]
		}
		for i := range meters {
			s := f.score(i, since, day)
			rolls.Add(&s)
			if s.State == flatwatt.Suspect || day == bigDays-1 || i == f.suspects[0] {
				scores = append(scores, s)
			}
			if len(scores) == 50_000 {
				flush()
			}
		}
		flush()
		c.write(t, rolls.Changed())
	}
	c.span(f.first.Start(time.UTC))
	c.span((f.first + bigDays - 1).Start(time.UTC))
}

// write sends lines of line protocol.
func (c *panelCheck) write(t *testing.T, lines [][]byte) {
	t.Helper()
	for chunk := range slices.Chunk(lines, 2000) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.config.URL+"/api/v2/write?precision=s&org="+c.config.Org+"&bucket="+c.config.Bucket, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Token "+c.config.Token)
		body := bytes.Join(chunk, nil)
		var resp *http.Response
		for range 30 {
			req.Body = io.NopCloser(bytes.NewReader(body))
			if resp, err = http.DefaultClient.Do(req); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode < http.StatusInternalServerError {
				break
			}
			_ = resp.Body.Close()
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			t.Fatalf("write: %s %s", resp.Status, text)
		}
	}
}

// TestPanelsOfAMillionMeters takes minutes: FLATWATT_SCALE=1000000. Each panel's queries,
// one after another, are to take at most two seconds, the first time too.
func TestPanelsOfAMillionMeters(t *testing.T) {
	meters, _ := strconv.Atoi(os.Getenv("FLATWATT_SCALE"))
	if meters == 0 {
		t.Skip("set FLATWATT_SCALE to a number of meters")
	}
	f := newBigFleet(meters)
	for _, name := range strings.Split(cmp.Or(os.Getenv("FLATWATT_SCALE_DATABASES"), "embedded,influxdb2"), ",") {
		t.Run(name, func(t *testing.T) {
			c := &panelCheck{values: map[string]string{}}
			if name == "embedded" {
				c.config = embeddedDatabase(t)
			} else {
				c.config = startInfluxDB2(t, influxd2(t))
			}
			began := time.Now()
			f.fill(t, c)
			t.Logf("%d meters written in %.0f s", meters, time.Since(began).Seconds())
			suspect := string(f.register[f.suspects[0]].ID)
			maps.Copy(c.values, map[string]string{"$meter": suspect, "$suspect": suspect, "$plant": suspect, "${__url_time_range}": ""})
			c.between(c.from.Add(-24*time.Hour), c.to.Add(48*time.Hour))
			c.place(t)
			c.timePanels(t, "influxql", func(q string) { c.ask(t, q) })
			if name != "embedded" {
				c.timePanels(t, "flux", func(q string) { c.askFlux(t, q) })
			}
		})
	}
}

// timePanels asks every panel three times and reports the slowest.
func (c *panelCheck) timePanels(t *testing.T, set string, ask func(string)) {
	t.Helper()
	panels := map[string][]string{}
	for _, q := range asked(t, set) {
		panels[q[0]] = append(panels[q[0]], q[1])
	}
	type took struct {
		place       string
		first, best time.Duration
	}
	var all []took
	for _, place := range slices.Sorted(maps.Keys(panels)) {
		p := took{place: place}
		for round := range 3 {
			began := time.Now()
			for _, q := range panels[place] {
				ask(q)
			}
			d := time.Since(began)
			if round == 0 {
				p.first, p.best = d, d
			}
			p.best = min(p.best, d)
		}
		all = append(all, p)
		if p.first > 2*time.Second {
			t.Errorf("%s took %.2f s at first, %.2f s at best", place, p.first.Seconds(), p.best.Seconds())
		}
	}
	slices.SortFunc(all, func(a, b took) int { return cmp.Compare(b.first, a.first) })
	for _, p := range all[:5] {
		t.Logf("%s: %.2f s at first, %.2f s at best", p.place, p.first.Seconds(), p.best.Seconds())
	}
	t.Logf("%s: %d panels, variables and annotations; slowest %.2f s, median %.3f s", set, len(all), all[0].first.Seconds(), all[len(all)/2].first.Seconds())
}
