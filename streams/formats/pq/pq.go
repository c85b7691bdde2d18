// Package pq reads Parquet: flat columns named as in docs/formats.md, or by a mapping.
// Pages are decoded one at a time, so memory is bounded by the largest page of each
// column and not by row groups.
package pq

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// Format describes Parquet.
func Format() format.Format {
	return format.Format{
		Name: "parquet", Description: "Parquet with columns meter_id, start, energy_kwh …",
		Extensions: []string{".parquet", ".pq"},
		Sniff: func(head []byte, _ string) int {
			if len(head) >= 4 && string(head[:4]) == "PAR1" {
				return 100
			}
			return 0
		},
		Open: open,
	}
}

// Roles of columns.
const (
	roleMeter = iota
	roleStart
	roleEnergy
	roleExport
	roleReactive
	roleVoltage
	roleQuality
	roles
)

var roleNames = [roles]string{"meter_id", "start", "energy_kwh", "export_kwh", "reactive_kvarh", "voltage_v", "quality"}

func open(in *format.Input, opt format.Options) (flatwatt.Source, error) {
	if opt.Mapping == nil {
		opt.Mapping = &format.Mapping{}
	}
	unit := format.Unit{Factor: 1}
	for _, said := range []string{opt.Unit, opt.Mapping.Unit} {
		if said == "" {
			continue
		}
		var ok bool
		if unit, ok = format.ParseUnit(said); !ok || unit.Reactive || unit.Voltage {
			return nil, fmt.Errorf("unit %q is not known: use kWh, Wh, MWh, kW, W or MW", said)
		}
	}
	d := &decoder{in: in, opt: opt, unit: unit, tally: in.Tally, meters: format.NewMeters(opt, in.Tally)}
	return format.NewSource(in, opt, d.step), nil
}

type decoder struct {
	in     *format.Input
	opt    format.Options
	unit   format.Unit
	tally  *format.Tally
	meters *format.Meters

	file     *parquet.File
	at       io.ReaderAt
	group    int
	row      int64 // number in the file of the first row held, from 0
	left     int64 // rows of the group not yet given out
	index    [roles]int
	perUnit  int64 // units of the start column per second; 0: text, −1: INT96
	local    bool  // starts are told by the wall clock
	interval int64 // seconds, as the first rows suggest

	meter   column[*format.Meter]
	start   column[int64]
	number  [roles]column[float64]
	quality column[flatwatt.Quality]
	opened  bool
	zone    *format.Zone
	zoneOf  *time.Location
}

// step gives out as many rows as every column has decoded. A panic of the decoder, which
// a damaged file may cause, is damage.
func (d *decoder) step(o *format.Out) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &format.Damage{Line: d.row + 1, Reason: fmt.Sprintf("the Parquet file cannot be decoded from this row on (%v): copy or export it again", r)}
		}
	}()
	if d.file == nil {
		return d.begin(o)
	}
	for d.left == 0 {
		if d.group >= len(d.file.RowGroups()) {
			return io.EOF
		}
		d.open(d.group)
		d.group++
	}
	n, err := d.fill()
	if err != nil {
		d.close()
		return d.damage(err)
	}
	d.give(o, n)
	d.row += int64(n)
	if d.left -= int64(n); d.left == 0 {
		d.close()
	}
	return nil
}

// damage tells a fault of the file from one of the disk.
func (d *decoder) damage(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return &format.Damage{Line: d.row + 1, Reason: fmt.Sprintf("the Parquet file cannot be decoded from this row on (%v): copy or export it again", err)}
}

// begin opens the file and looks at its columns.
func (d *decoder) begin(o *format.Out) error {
	at, size, err := d.in.ReaderAt(d.opt.Limits)
	if err != nil {
		return err
	}
	if err := checkFooter(at, size); err != nil {
		return d.notParquet(err)
	}
	file, err := parquet.OpenFile(at, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(256<<10))
	if err != nil {
		return d.notParquet(err)
	}
	d.file, d.at = file, at
	if field, reason := d.columns(); reason != "" {
		o.Reject(0, field, reason, nil)
		return io.EOF
	}
	return nil
}

func (d *decoder) notParquet(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return &format.Damage{Reason: fmt.Sprintf("not a whole Parquet file (%v): copy or export it again", err)}
}

// columns finds the columns and checks their types.
func (d *decoder) columns() (field, reason string) {
	m := d.opt.Mapping
	said := [roles]string{m.Meter, m.Time, m.Energy, m.Export, m.Reactive, m.Voltage, m.Quality}
	schema := d.file.Schema()
	for r := range d.index {
		d.index[r] = -1
		name := said[r]
		if name == "" {
			name = roleNames[r]
		}
		for i, path := range schema.Columns() {
			if !strings.EqualFold(strings.Join(path, "."), name) {
				continue
			}
			leaf, _ := schema.Lookup(path...)
			if leaf.MaxRepetitionLevel > 0 || leaf.MaxDefinitionLevel > 1 {
				return name, "the column is nested or repeated: store one plain value a row"
			}
			if reason := d.check(r, leaf.Node.Type()); reason != "" {
				return name, reason
			}
			d.index[r] = i
		}
		if d.index[r] < 0 && (r <= roleEnergy || said[r] != "") {
			return name, fmt.Sprintf("there is no column %s: name it in the mapping; the file has %.300s", name, columnNames(schema))
		}
	}
	return "", ""
}

func columnNames(s *parquet.Schema) string {
	var names []string
	for _, path := range s.Columns() {
		names = append(names, strings.Join(path, "."))
	}
	return strings.Join(names, ", ")
}

func (d *decoder) check(role int, t parquet.Type) (reason string) {
	kind := t.Kind()
	switch role {
	case roleMeter, roleQuality:
		if kind == parquet.ByteArray || role == roleMeter && (kind == parquet.Int64 || kind == parquet.Int32) {
			return ""
		}
		return fmt.Sprintf("the column has type %v: store text", t)
	case roleStart:
		var ok bool
		if d.perUnit, d.local, ok = timeUnit(t); !ok {
			return fmt.Sprintf("the column has type %v: store a timestamp or text", t)
		}
		return ""
	}
	switch kind {
	case parquet.Double, parquet.Float, parquet.Int64, parquet.Int32:
		if l := t.LogicalType(); l == nil || strings.HasPrefix(t.String(), "INT") {
			return ""
		}
	}
	return fmt.Sprintf("the column has type %v: store a double", t)
}

// fill makes sure that every column has rows, and says how many they have in common.
func (d *decoder) fill() (n int, err error) {
	n = int(min(d.left, 4096))
	for _, c := range d.all() {
		have, err := c.fill()
		if err != nil {
			return 0, err
		}
		n = min(n, have)
	}
	return n, nil
}

type filler interface {
	fill() (have int, err error)
	close()
}

func (d *decoder) all() []filler {
	of := []filler{&d.meter, &d.start}
	for r := roleEnergy; r <= roleVoltage; r++ {
		if d.index[r] >= 0 {
			of = append(of, &d.number[r])
		}
	}
	if d.index[roleQuality] >= 0 {
		of = append(of, &d.quality)
	}
	return of
}

func (d *decoder) close() {
	if !d.opened {
		return
	}
	for _, c := range d.all() {
		c.close()
	}
	d.opened = false
}
