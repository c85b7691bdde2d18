package file

import (
	"fmt"
	"time"

	"github.com/flatwatt/flatwatt"
)

var truthColumns = []string{"meter_id", "label", "onset", "block_kw", "units", "schedule", "note"}

// readTruth reads truth.csv. A meter may have several rows.
func (f *Fleet) readTruth() error {
	return f.each("truth.csv", func(t *table) {
		if tr, ok := f.parseTruth(t); ok {
			f.truth = append(f.truth, tr)
		}
	}, "meter_id", "label")
}

func (f *Fleet) parseTruth(t *table) (tr flatwatt.Truth, ok bool) {
	tr = flatwatt.Truth{
		Meter: flatwatt.MeterID(t.get("meter_id")), Label: flatwatt.Label(t.get("label")),
		Schedule: flatwatt.Schedule(t.get("schedule")), Note: t.get("note"),
	}
	if _, known := f.index[string(tr.Meter)]; !known {
		t.reject("unknown meter", "meter_id", fmt.Sprintf("meter %q is not in meters.csv: add it there or remove the row", tr.Meter))
		return tr, false
	}
	switch tr.Label {
	case flatwatt.Miner, flatwatt.LegitChange, flatwatt.NoneLabel:
	default:
		t.reject("unknown label", "label", fmt.Sprintf("%q is not miner, legit_change or none", tr.Label))
		return tr, false
	}
	switch tr.Schedule {
	case flatwatt.AlwaysOn, flatwatt.Night, flatwatt.OffPeak, flatwatt.Daytime, flatwatt.NoneKnown:
	default:
		t.reject("unknown schedule", "schedule", fmt.Sprintf("%q is not 24x7, night, off_peak, daytime or empty", tr.Schedule))
		return tr, false
	}
	if tr.Onset, ok = t.time("onset"); !ok {
		return tr, false
	}
	kw, ok1 := t.number("block_kw", 0)
	units, ok2 := t.number("units", 0)
	tr.Block, tr.Units = flatwatt.KW(kw), int(units)
	return tr, ok1 && ok2
}

// time is the field as a time in UTC; an empty field is the zero time. Otherwise the row
// is rejected.
func (t *table) time(name string) (time.Time, bool) {
	s := t.get(name)
	if s == "" {
		return time.Time{}, true
	}
	unix, ok := parseTime([]byte(s))
	if !ok {
		t.reject("bad time", name, badTime(s))
		return time.Time{}, false
	}
	return time.Unix(unix, 0).UTC(), true
}
