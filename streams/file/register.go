package file

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/flatwatt/flatwatt"
)

// meterColumns are the columns of meters.csv that the vocabulary knows, in the order in
// which they are written. All others are kept in Meter.Extra.
var meterColumns = []string{"meter_id", "parent", "kind", "class", "tariff", "timezone", "interval_minutes", "contracted_kw", "region"}

// readMeters reads meters.csv. A bad row rejects that meter and, later, its readings.
func (f *Fleet) readMeters() error {
	t, err := openTable(filepath.Join(f.dir, "meters.csv"), &f.rejects)
	if err != nil {
		return fmt.Errorf("%w: a fleet directory needs meters.csv with one row per meter", err)
	}
	defer t.close()
	if err := t.readHeader("meter_id", "timezone"); err != nil {
		return err
	}
	seen := map[flatwatt.MeterID]int{}
	f.refused = map[string]bool{}
	zones := map[string]*time.Location{}
	for t.next() {
		m, ok := parseMeter(t, zones)
		if first, twice := seen[m.ID]; ok && twice {
			t.reject("duplicate meter", "meter_id", fmt.Sprintf("meter %q is already in line %d, which is used: remove one of the two", m.ID, first))
			continue
		}
		if !ok {
			f.refused[string(m.ID)] = true
			continue
		}
		seen[m.ID] = t.line
		f.meters = append(f.meters, m)
	}
	if len(f.meters) == 0 {
		return fmt.Errorf("%s: no meter could be read%s", t.name, f.rejects.firstReason())
	}
	slices.SortFunc(f.meters, func(a, b flatwatt.Meter) int { return strings.Compare(string(a.ID), string(b.ID)) })
	f.index = make(map[string]int32, len(f.meters))
	for i, m := range f.meters {
		f.index[string(m.ID)] = int32(i)
		delete(f.refused, string(m.ID))
	}
	f.checkParents()
	return nil
}

// checkParents notes parents that are not in the register, and cuts circles of parents at
// the meter with the smallest id, so that who walks up always arrives at a top.
func (f *Fleet) checkParents() {
	done := make([]int, len(f.meters)) // 1 + the meter from which the walk came by
	for i := range f.meters {
		for k := int32(i); done[k] == 0; {
			done[k] = i + 1
			m := &f.meters[k]
			up, known := f.index[string(m.Parent)]
			if m.Parent != "" && !known {
				f.notes = append(f.notes, Note{m.ID, fmt.Sprintf("its parent %q is not in meters.csv", m.Parent)})
			}
			if !known {
				break
			}
			if done[up] == i+1 {
				f.cutCircle(up)
				break
			}
			k = up
		}
	}
}

// cutCircle takes the parent from the smallest of the meters that are each other's parents.
func (f *Fleet) cutCircle(at int32) {
	least := at
	for k := f.index[string(f.meters[at].Parent)]; k != at; k = f.index[string(f.meters[k].Parent)] {
		least = min(least, k)
	}
	m := &f.meters[least]
	f.notes = append(f.notes, Note{m.ID, fmt.Sprintf("its parents lead in a circle back to it: its parent %q is left out", m.Parent)})
	m.Parent = ""
}

// firstReason quotes the first rejected piece, for errors that say that all was rejected.
func (r *rejects) firstReason() string {
	if len(r.kept) == 0 {
		return ": the file has no rows"
	}
	j := r.kept[0]
	return fmt.Sprintf("; first rejected: %s: %s: %s", j.Where, j.Field, j.Reason)
}

// maxMeterIDBytes bounds a meter id, as on the stream.
const maxMeterIDBytes = 128

// parseMeter reads the current row. When it is not ok, only the ID is valid.
func parseMeter(t *table, zones map[string]*time.Location) (m flatwatt.Meter, ok bool) {
	m = flatwatt.Meter{
		ID: flatwatt.MeterID(t.get("meter_id")), Parent: flatwatt.MeterID(t.get("parent")),
		Kind: flatwatt.Kind(t.get("kind")), Class: flatwatt.Class(t.get("class")),
		Tariff: t.get("tariff"), Region: t.get("region"),
	}
	if m.ID == "" {
		t.reject("no meter id", "meter_id", "is empty: every meter needs an id")
		return m, false
	}
	if len(m.ID) > maxMeterIDBytes || strings.ContainsFunc(string(m.ID), unicode.IsControl) {
		t.reject("bad meter id", "meter_id", fmt.Sprintf("%q has control characters or more than %d bytes: correct it in the register and the readings", m.ID, maxMeterIDBytes))
		return m, false
	}
	if m.Parent == m.ID {
		t.reject("own parent", "parent", "the meter is its own parent: leave it empty at the top")
		return m, false
	}
	switch m.Kind {
	case "":
		m.Kind = flatwatt.Customer
	case flatwatt.Customer, flatwatt.Transformer, flatwatt.Feeder, flatwatt.Generator:
	default:
		t.reject("unknown kind", "kind", fmt.Sprintf("%q is not customer, transformer, feeder or generator", m.Kind))
		return m, false
	}
	if m.Zone, ok = parseTimezone(t, zones); !ok {
		return m, false
	}
	if m.Interval, ok = parseInterval(t); !ok {
		return m, false
	}
	kw, ok := t.number("contracted_kw", 0)
	if !ok {
		return m, false
	}
	if kw < 0 {
		t.reject("bad number", "contracted_kw", fmt.Sprintf("%v is negative: leave it empty where it is unknown", kw))
		return m, false
	}
	m.Contracted = flatwatt.KW(kw)
	m.Extra = extra(t)
	return m, true
}

// parseTimezone wants a name of the IANA database. "Local" would make the result depend
// on the machine.
func parseTimezone(t *table, zones map[string]*time.Location) (*time.Location, bool) {
	name := t.get("timezone")
	if z, ok := zones[name]; ok {
		return z, true
	}
	z, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		t.reject("unknown timezone", "timezone", fmt.Sprintf("%q is not a name of the IANA time zone database: write e.g. Europe/Berlin or UTC", name))
		return nil, false
	}
	zones[name] = z
	return z, true
}

// parseInterval reads interval_minutes. Empty is 0: it is taken from the readings.
func parseInterval(t *table) (time.Duration, bool) {
	v, ok := t.number("interval_minutes", 0)
	if !ok {
		return 0, false
	}
	if t.get("interval_minutes") != "" && (v != float64(int(v)) || !validInterval(int32(v))) {
		t.reject("bad interval", "interval_minutes", fmt.Sprintf("%v is not 5, 15, 30 or 60 (nor 1, 10 or 20): correct it or leave it empty to have it taken from the readings", v))
		return 0, false
	}
	return time.Duration(v) * time.Minute, true
}

// extra keeps the columns that the vocabulary does not know; nil if there are none.
func extra(t *table) map[string]string {
	var m map[string]string
	for i, h := range t.header {
		if slices.Contains(meterColumns, h) {
			continue
		}
		if m == nil {
			m = make(map[string]string, len(t.header)-len(meterColumns))
		}
		m[h] = t.fields[i]
	}
	return m
}
