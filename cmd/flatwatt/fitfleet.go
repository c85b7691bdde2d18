package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/simulate"
	"github.com/flatwatt/flatwatt/streams/file"
)

// A knownFleet is a fleet in memory whose truth is known.
type knownFleet struct {
	name    string
	kind    string // simulated, or a directory's: what promises are made for
	dir     string // fleet directory; "" where simulated
	meters  []flatwatt.Meter
	weather flatwatt.Weather
	more    aside // what the directory tells beside them
	series  []flatwatt.Series
	truth   map[flatwatt.MeterID]flatwatt.Truth
	thin    int // one in so many samples of a meter is fitted on
}

// place names what a meter measures: all draws of one real meter are the same place, and
// trees see all of them or none.
func (k *knownFleet) place(id flatwatt.MeterID) string {
	if k.dir == "" {
		return k.name + "/" + string(id)
	}
	meter, _, _ := strings.Cut(string(id), "#")
	return k.dir + "/" + meter
}

// score gives every score to take, and every measurement to watch, which may be nil.
func (k *knownFleet) score(ctx context.Context, model *detectors.Params, watch detectors.Watcher, take func(*flatwatt.Score)) error {
	scorer, err := newCustomers(model, k.meters, k.weather, k.more)
	if err != nil {
		return err
	}
	scorer.Watch(watch)
	source := newRecordedSource(k.series, parents(k.meters))
	var scores []flatwatt.Score
	for {
		batch, err := source.Read(ctx)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil {
			scores = scorer.Close(scores[:0])
		} else {
			scores = scorer.Score(scores[:0], batch.Readings)
		}
		for i := range scores {
			take(&scores[i])
		}
		if err != nil {
			return nil
		}
	}
}

// A fleetLibrary makes the fleets of a plan, one at a time.
type fleetLibrary struct {
	p    *Program
	plan *fitPlan

	dir  string // of what was read last: entries of one directory follow each other
	read *file.Fleet
}

// each yields the fleets of entries in order.
func (l *fleetLibrary) each(ctx context.Context, entries []fleetEntry) iter.Seq2[*knownFleet, error] {
	return func(yield func(*knownFleet, error) bool) {
		for i := range entries {
			e := &entries[i]
			if e.Fleet != "" {
				if fleet, err := l.fromDir(ctx, e); !yield(fleet, err) || err != nil {
					return
				}
				continue
			}
			for _, seed := range e.Seeds {
				if fleet, err := drawKnown(ctx, e, seed); !yield(fleet, err) || err != nil {
					return
				}
			}
		}
	}
}

// drawKnown simulates one fleet.
func drawKnown(ctx context.Context, e *fleetEntry, seed uint64) (*knownFleet, error) {
	cfg := e.config
	cfg.Seed = seed
	g, err := simulate.New(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	k := &knownFleet{name: fmt.Sprintf("simulated, seed %d", seed), kind: fmt.Sprintf("simulated, %d days", cfg.Days), thin: e.Thin, weather: g.Weather(), more: aside{tariffs: g.Tariffs()}, truth: map[flatwatt.MeterID]flatwatt.Truth{}}
	byID := map[flatwatt.MeterID]flatwatt.Meter{}
	for _, m := range g.Meters() {
		byID[m.ID] = m
	}
	for s, t := range g.All(ctx) {
		if m := byID[s.Meter]; e.holds(m.ID) {
			k.meters, k.series = append(k.meters, m), append(k.series, windowOf(s, e.Days))
			k.truth[m.ID] = t
		}
	}
	return k, ctx.Err()
}

// fromDir takes a fleet directory as it is, or once a seed with what is injected.
func (l *fleetLibrary) fromDir(ctx context.Context, e *fleetEntry) (*knownFleet, error) {
	if l.read == nil || l.dir != e.Fleet {
		fleet, err := l.p.openFleet(ctx, e.Fleet)
		if err != nil {
			return nil, err
		}
		l.dir, l.read = e.Fleet, fleet
	}
	k := &knownFleet{name: filepath.Base(e.Fleet), kind: "directory", dir: e.Fleet, thin: e.Thin, weather: l.read.Weather(), more: filesOf(l.read), truth: map[flatwatt.MeterID]flatwatt.Truth{}}
	if len(e.Seeds) == 0 {
		if len(l.read.Truth()) == 0 {
			return nil, dataError{fmt.Errorf("%s has no truth.csv and no seeds to inject with: there is nothing to learn from", e.Fleet)}
		}
		known := map[flatwatt.MeterID]flatwatt.Truth{}
		for _, t := range l.read.Truth() {
			known[t.Meter] = t
		}
		l.addMeters(k, e, func(s flatwatt.Series, m flatwatt.Meter) (flatwatt.Series, flatwatt.Meter, flatwatt.Truth) {
			return windowOf(s, e.Days), m, known[m.ID]
		})
		return k, nil
	}
	k.name += fmt.Sprintf(", injected with seeds %v", e.Seeds)
	others := l.others(e)
	for _, seed := range e.Seeds {
		cfg := e.injection(seed, k.weather)
		l.addMeters(k, e, func(s flatwatt.Series, m flatwatt.Meter) (flatwatt.Series, flatwatt.Meter, flatwatt.Truth) {
			m.ID += flatwatt.MeterID(fmt.Sprintf("#%d", seed)) // one draw a meter and seed
			s.Meter = m.ID
			s, m = e.Vary.vary(s, m, others)
			s = windowOf(s, e.Days)
			out, t, err := simulate.InjectDrawn(s, m, cfg)
			if err != nil { // too short to carry a block: as it is
				return s, m, flatwatt.Truth{Meter: m.ID, Label: flatwatt.NoneLabel}
			}
			return out, m, t
		})
	}
	return k, ctx.Err()
}

// injection is what is injected with a seed.
func (e *fleetEntry) injection(seed uint64, weather flatwatt.Weather) simulate.InjectConfig {
	cfg := simulate.DefaultInjectConfig()
	cfg.Seed, cfg.Weather = seed, weather
	if e.Miners+e.Changes > 0 {
		cfg.MinerShare, cfg.ChangeShare = e.Miners, e.Changes
	}
	return cfg
}

// others are the series of the entry's share that draws may be mixed with.
func (l *fleetLibrary) others(e *fleetEntry) (list []flatwatt.Series) {
	if e.Vary.Mix == 0 {
		return nil
	}
	for _, m := range customers(l.read.Meters()) {
		if s, ok := l.read.Series(m.ID); ok && e.holds(m.ID) {
			list = append(list, s)
		}
	}
	return list
}

// addMeters adds the entry's share of the customers that were read, each as made by with.
func (l *fleetLibrary) addMeters(k *knownFleet, e *fleetEntry, with func(flatwatt.Series, flatwatt.Meter) (flatwatt.Series, flatwatt.Meter, flatwatt.Truth)) {
	for _, m := range customers(l.read.Meters()) {
		s, ok := l.read.Series(m.ID)
		if !ok || len(s.Energy) == 0 || !e.holds(m.ID) {
			continue
		}
		m.Interval = s.Interval
		s, m, t := with(s, m)
		k.meters, k.series, k.truth[m.ID] = append(k.meters, m), append(k.series, s), t
	}
}

// holds says whether a meter belongs to the entry's share.
func (e *fleetEntry) holds(id flatwatt.MeterID) bool {
	lot := lotOf(id)
	return lot >= e.Lots[0] && lot < e.Lots[1]
}

// lotOf is a meter's place in [0, 1), by hash of its id: the same in every fleet and run, so
// that a meter that was held out once is held out for good. Two bits of the hash say the
// quarter; the halves of the shipped model are [0, 0.5) and [0.5, 1).
func lotOf(id flatwatt.MeterID) float64 {
	h := hashOf(id)
	quarter := [4]float64{0, 0.5, 0.25, 0.75}[h>>3%4]
	return quarter + float64(h>>5%1024)/4096
}

func hashOf(id flatwatt.MeterID) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	return h.Sum32()
}

// windowOf cuts a series to so many days, beginning at a day that the meter's hash picks:
// what a fleet looks like that has been read for so long only.
func windowOf(s flatwatt.Series, days int) flatwatt.Series {
	per := int(24 * time.Hour / s.Interval)
	n := days * per
	if days == 0 || len(s.Energy) <= n {
		return s
	}
	at := int(hashOf(s.Meter)>>5) % (len(s.Energy)/per - days + 1) * per
	s.Start = s.Start.Add(time.Duration(at) * s.Interval)
	s.Energy = s.Energy[at : at+n]
	if s.Reactive != nil {
		s.Reactive = s.Reactive[at : at+n]
	}
	if s.Voltage != nil {
		s.Voltage = s.Voltage[at : at+n]
	}
	if s.Quality != nil {
		s.Quality = s.Quality[at : at+n]
	}
	return s
}

// hidden says that a miner bypasses its meter: nothing in the readings shows it.
func hidden(t flatwatt.Truth) bool { return strings.Contains(strings.ToLower(t.Note), "bypass") }

// endOf is when a miner vanished; ok is false for one that runs to the end. The note says
// "ends" and a time in RFC 3339.
func endOf(t flatwatt.Truth) (end time.Time, ok bool) {
	_, after, found := strings.Cut(t.Note, "ends ")
	if !found {
		return time.Time{}, false
	}
	text, _, _ := strings.Cut(after, " ")
	end, err := time.Parse(time.RFC3339, strings.TrimRight(text, ",;."))
	return end, err == nil
}
