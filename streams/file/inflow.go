package file

import (
	"bufio"
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sort"
	"time"
)

// An InflowRow is one line of inflow.csv: the water of a region's river from Start until
// the next row. Region is that of the plants in meters.csv, or the id of one plant whose
// water is gauged by itself.
type InflowRow struct {
	Region  string
	Start   time.Time
	Inflow  float64 // relative to its mean over the years, 0–100
	Turbine float64 // water through the turbines relative to its mean; NaN where not told
}

// maxInflow is more than any river carries, relative to its mean.
const maxInflow = 100

// maxInflowAge is how long a row holds where none follows: gauges are read daily or weekly.
const maxInflowAge = 8 * 24 * time.Hour

// Inflow is what inflow.csv says; the zero value knows nothing.
type Inflow struct{ regions map[string][]InflowRow }

// InflowRel is the inflow of a region at t relative to its mean, and the water through
// its turbines (NaN where not told); ok is false where no row of the last eight days is.
func (w Inflow) InflowRel(region string, t time.Time) (inflow, turbine float64, ok bool) {
	rows := w.regions[region]
	i := sort.Search(len(rows), func(i int) bool { return rows[i].Start.After(t) }) - 1
	if i < 0 || t.Sub(rows[i].Start) > maxInflowAge {
		return 0, 0, false
	}
	return rows[i].Inflow, rows[i].Turbine, true
}

// Inflow is what inflow.csv says. Without the file it knows nothing.
func (f *Fleet) Inflow() Inflow { return f.inflow }

// readInflow reads inflow.csv: region, start, inflow_rel and, if there, turbine_rel. Of
// rows that tell the same moment the last one delivered stays.
func (f *Fleet) readInflow() error {
	f.inflow.regions = map[string][]InflowRow{}
	err := f.each("inflow.csv", func(t *table) {
		if r, ok := parseInflow(t); ok {
			f.inflow.regions[r.Region] = append(f.inflow.regions[r.Region], r)
		}
	}, "region", "start", "inflow_rel")
	for name, rows := range f.inflow.regions {
		slices.SortStableFunc(rows, func(a, b InflowRow) int { return a.Start.Compare(b.Start) })
		last := rows[:0]
		for i, r := range rows {
			if i+1 == len(rows) || !rows[i+1].Start.Equal(r.Start) {
				last = append(last, r)
			}
		}
		f.inflow.regions[name] = last
	}
	return err
}

func parseInflow(t *table) (r InflowRow, ok bool) {
	r.Region = t.get("region")
	if r.Region == "" {
		t.reject("no region", "region", "is empty: name the region as in meters.csv, or a plant")
		return r, false
	}
	if r.Start, ok = t.time("start"); !ok {
		return r, false
	}
	if r.Start.IsZero() {
		t.reject("bad time", "start", badTime(""))
		return r, false
	}
	if t.get("inflow_rel") == "" {
		return r, false // known to be unknown
	}
	for _, c := range []struct {
		name string
		to   *float64
	}{{"inflow_rel", &r.Inflow}, {"turbine_rel", &r.Turbine}} {
		if *c.to, ok = t.number(c.name, math.NaN()); !ok {
			return r, false
		}
		if *c.to < 0 || *c.to > maxInflow {
			t.reject("bad number", c.name, fmt.Sprintf("%v is not water relative to its mean (0 to %d): divide by the mean flow", *c.to, maxInflow))
			return r, false
		}
	}
	return r, true
}

// WriteInflow writes inflow.csv into a fleet directory; turbine_rel only where told.
func WriteInflow(dir string, rows []InflowRow) error {
	turbines := slices.ContainsFunc(rows, func(r InflowRow) bool { return r.Turbine == r.Turbine })
	return writeOrRemove(filepath.Join(dir, "inflow.csv"), len(rows), func(w *bufio.Writer) error {
		var c cells
		c.text("region")
		c.text("start")
		c.text("inflow_rel")
		if turbines {
			c.text("turbine_rel")
		}
		c.end()
		for _, r := range rows {
			c.text(r.Region)
			c.time(r.Start)
			c.number(r.Inflow)
			if turbines {
				c.number(r.Turbine)
			}
			c.end()
		}
		_, err := w.Write(c.take())
		return err
	})
}

// A PlantEvent is one line of events.csv: during [Start, End) a plant could not give what
// its water, wind or sun would have allowed.
type PlantEvent struct {
	Meter      string
	Start, End time.Time
	Kind       string // one of EventKinds
}

// EventKinds are the reasons that events.csv may give.
var EventKinds = []string{"low_water", "curtailment", "outage", "maintenance"}

// Events are the rows of events.csv by meter, then start.
func (f *Fleet) Events() []PlantEvent { return f.events }

// readEvents reads events.csv: meter_id, start, end (empty: still running), kind.
func (f *Fleet) readEvents() error {
	err := f.each("events.csv", func(t *table) {
		if e, ok := f.parseEvent(t); ok {
			f.events = append(f.events, e)
		}
	}, "meter_id", "start", "end", "kind")
	slices.SortStableFunc(f.events, func(a, b PlantEvent) int {
		return cmp.Or(cmp.Compare(a.Meter, b.Meter), a.Start.Compare(b.Start))
	})
	return err
}

func (f *Fleet) parseEvent(t *table) (e PlantEvent, ok bool) {
	e = PlantEvent{Meter: t.get("meter_id"), Kind: t.get("kind")}
	if _, known := f.index[e.Meter]; !known {
		t.reject("unknown meter", "meter_id", fmt.Sprintf("meter %q is not in meters.csv: add it there or remove the row", e.Meter))
		return e, false
	}
	if !slices.Contains(EventKinds, e.Kind) {
		t.reject("unknown kind", "kind", fmt.Sprintf("%q is not low_water, curtailment, outage or maintenance", e.Kind))
		return e, false
	}
	if e.Start, ok = t.time("start"); !ok {
		return e, false
	}
	if e.End, ok = t.time("end"); !ok {
		return e, false
	}
	if e.Start.IsZero() {
		t.reject("bad time", "start", badTime(""))
		return e, false
	}
	if !e.End.IsZero() && !e.End.After(e.Start) {
		t.reject("bad time", "end", fmt.Sprintf("%s is not after start: swap them, or leave end empty while it lasts", t.get("end")))
		return e, false
	}
	return e, true
}

// WriteEvents writes events.csv into a fleet directory.
func WriteEvents(dir string, events []PlantEvent) error {
	return writeOrRemove(filepath.Join(dir, "events.csv"), len(events), func(w *bufio.Writer) error {
		var c cells
		c.buf = append(c.buf, "meter_id,start,end,kind\n"...)
		for _, e := range events {
			c.text(e.Meter)
			c.time(e.Start)
			c.time(e.End)
			c.text(e.Kind)
			c.end()
		}
		_, err := w.Write(c.take())
		return err
	})
}
