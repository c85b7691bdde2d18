package file

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Told is one row of evidence.csv with its place, so that who finds that it names no
// meter can reject it by line.
type Told struct {
	flatwatt.Outside
	Where string // file:line
	Raw   string
}

// Evidence is the outside evidence of evidence.csv, in its order, completed; what it says
// of accounts and addresses is not matched to meters yet.
func (f *Fleet) Evidence() []Told { return f.evidence }

// Registered is what registered.csv says, in its order.
func (f *Fleet) Registered() []flatwatt.Registered { return f.registered }

// RejectEvidence rejects a row that names no meter.
func (f *Fleet) RejectEvidence(t Told, field, reason string) {
	f.rejects.add("unmatched evidence", flatwatt.Rejected{Where: t.Where, Field: field, Reason: reason, Raw: []byte(t.Raw)})
}

// each reads a file of the fleet directory that may be missing, row by row.
func (f *Fleet) each(name string, row func(*table), columns ...string) error {
	t, err := openTable(filepath.Join(f.dir, name), &f.rejects)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.readHeader(columns...); err != nil {
		return err
	}
	for t.next() {
		row(t)
	}
	return nil
}

// readEvidence reads evidence.csv.
func (f *Fleet) readEvidence() error {
	return f.each("evidence.csv", func(t *table) {
		if o, ok := parseEvidence(t); ok {
			f.evidence = append(f.evidence, Told{o, fmt.Sprintf("%s:%d", t.name, t.line), strings.Clone(string(t.raw))})
		}
	}, "kind", "source", "at", "by")
}

// ReadEvidence reads a file in the form of evidence.csv. Entered is zero where the file does
// not say it. Rows that cannot be taken are in
// rejected, with line, field and remedy.
func ReadEvidence(path string) (list []Told, rejected []flatwatt.Rejected, err error) {
	f := &Fleet{dir: filepath.Dir(path), rejects: newRejects(DefaultMaxRejects)}
	name := filepath.Base(path)
	t, err := openTable(path, &f.rejects)
	if err != nil {
		return nil, nil, fmt.Errorf("read evidence: %w", err)
	}
	defer t.close()
	if err := t.readHeader("kind", "source", "at", "by"); err != nil {
		return nil, nil, fmt.Errorf("read evidence: %w", err)
	}
	for t.next() {
		if o, ok := parseEvidence(t); ok {
			if t.get("entered") == "" {
				o.Entered = time.Time{}
			}
			list = append(list, Told{o, fmt.Sprintf("%s:%d", name, t.line), string(t.raw)})
		}
	}
	return list, f.rejects.kept, nil
}

func parseEvidence(t *table) (o flatwatt.Outside, ok bool) {
	o = flatwatt.Outside{
		ID: t.get("id"), Meter: flatwatt.MeterID(t.get("meter_id")), Account: t.get("account"), Address: t.get("address"),
		Kind: flatwatt.OutsideKind(t.get("kind")), Source: t.get("source"), By: t.get("by"), Note: t.get("note"),
	}
	if o.ID == "" { // a row without a number of its own is named by what it says
		o.ID = strings.Join([]string{string(o.Kind), o.Source, t.get("at"), string(o.Meter) + o.Account + o.Address}, " ")
		o.ID = strings.ToValidUTF8(o.ID[:min(len(o.ID), flatwatt.MaxOutsideText)], "")
	}
	if o.At, ok = t.moment("at"); !ok {
		return o, false
	}
	if o.Entered, ok = t.moment("entered"); !ok {
		return o, false
	}
	if o.Until, ok = t.moment("until"); !ok {
		return o, false
	}
	if o.LogOdds, ok = t.number("log_odds", math.NaN()); !ok {
		return o, false
	}
	if field, reason := o.Complete(); field != "" {
		t.reject("bad evidence", field, reason)
		return o, false
	}
	return o, true
}

// WriteEvidence writes evidence in the form of evidence.csv to path; without any it removes
// the file.
func WriteEvidence(path string, list []flatwatt.Outside) error {
	return writeOrRemove(path, len(list), func(w *bufio.Writer) error {
		var c cells
		c.buf = append(c.buf, "id,meter_id,account,address,kind,source,at,entered,by,log_odds,until,note\n"...)
		for i := range list {
			o := &list[i]
			for _, s := range []string{o.ID, string(o.Meter), o.Account, o.Address, string(o.Kind), o.Source} {
				c.text(s)
			}
			c.time(o.At)
			c.time(o.Entered)
			c.text(o.By)
			c.number(o.LogOdds)
			c.time(o.Until)
			c.text(o.Note)
			c.end()
		}
		_, err := w.Write(c.take())
		return err
	})
}

// moment is time for files that people write: a date alone is its midnight in UTC.
func (t *table) moment(name string) (time.Time, bool) {
	if day, err := time.Parse(time.DateOnly, t.get(name)); err == nil {
		return day, true
	}
	return t.time(name)
}

var registeredUses = []flatwatt.RegisteredUse{flatwatt.TelecomUse, flatwatt.DataCentreUse, flatwatt.StreetLightUse, flatwatt.PumpUse, flatwatt.OtherUse}

// readRegistered reads registered.csv: meter_id, use, expected_kw, from, until, note.
func (f *Fleet) readRegistered() error {
	return f.each("registered.csv", func(t *table) {
		r := flatwatt.Registered{Meter: flatwatt.MeterID(t.get("meter_id")), Use: flatwatt.RegisteredUse(t.get("use")), Note: t.get("note")}
		if _, known := f.index[string(r.Meter)]; !known {
			t.reject("unknown meter", "meter_id", fmt.Sprintf("meter %q is not in meters.csv: add it there or remove the row", r.Meter))
			return
		}
		if !slices.Contains(registeredUses, r.Use) {
			t.reject("unknown use", "use", fmt.Sprintf("%q is not telecom, data_centre, street_light, pump or other", r.Use))
			return
		}
		kw, ok := t.number("expected_kw", 0)
		if !ok {
			return
		}
		if kw <= 0 {
			t.reject("bad number", "expected_kw", "is not above 0: give the mean demand that was declared, in kW")
			return
		}
		r.KW = flatwatt.KW(kw)
		if r.From, ok = t.moment("from"); !ok {
			return
		}
		if r.Until, ok = t.moment("until"); !ok {
			return
		}
		if !r.Until.IsZero() && !r.Until.After(r.From) {
			t.reject("bad time", "until", "is not after from: swap them, or leave until empty while it holds")
			return
		}
		f.registered = append(f.registered, r)
	}, "meter_id", "use", "expected_kw")
}
