package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/ingest"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// inputFlags say of files of meter data what they do not say of themselves.
type inputFlags struct {
	format, encoding, zone, stamp, unit, mapping, fleet, strip string
	interval, firstPoint                                       time.Duration
	multiplier                                                 float64
	digits                                                     int
}

func (f *inputFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.format, "format", "", "`name` of the format; found out where it is left out")
	set.StringVar(&f.encoding, "encoding", "", "utf-8, utf-16le, utf-16be, gb18030 or latin1; found out where it is left out")
	set.StringVar(&f.zone, "zone", "", "time `zone` of stamps without one, e.g. Asia/Shanghai")
	set.StringVar(&f.stamp, "stamp", "", "what a time names: start or end of its interval; as the format has it where it is left out")
	set.StringVar(&f.unit, "unit", "", "of values without one: kWh, Wh, MWh, kW, W or MW")
	set.StringVar(&f.mapping, "mapping", "", "YAML `file` that says which column means what (docs/formats.md)")
	set.StringVar(&f.fleet, "fleet", "", "fleet `directory` whose register names the meters; others are rejected")
	set.StringVar(&f.strip, "strip-prefix", "", "`text` taken off identifiers, such as the B put before numbers")
	set.DurationVar(&f.interval, "interval", 0, "between readings, where the file does not say, e.g. 15m")
	set.DurationVar(&f.firstPoint, "first-point", 0, "start of a curve's first point after midnight; -15m where P1 is stamped 00:00 at its end")
	set.Float64Var(&f.multiplier, "multiplier", 0, "CT ratio times PT ratio of every meter")
	set.IntVar(&f.digits, "id-digits", 0, "length to which identifiers of digits are filled with zeros")
	complete(cmd, "stamp", []string{"start", "end"})
	complete(cmd, "format", formatNames())
}

// formatNames are the formats that can be read.
func formatNames() []string {
	names := []string{ingest.NDJSON}
	for _, f := range formats.List() {
		if f.Name != ingest.NDJSON {
			names = append(names, f.Name)
		}
	}
	return names
}

// options turns flags into what a decoder wants. register, by id, is nil without --fleet.
func (p *Program) inputOptions(f *inputFlags) (opt formats.Options, meters []flatwatt.Meter, err error) {
	opt = formats.Options{
		Format: f.format, Encoding: f.encoding, Stamp: formats.Stamp(f.stamp), Interval: f.interval, FirstPoint: f.firstPoint,
		Multiplier: f.multiplier, Unit: f.unit, StripPrefix: f.strip, IDDigits: f.digits,
	}
	if f.format != "" && !slices.Contains(formatNames(), f.format) {
		return opt, nil, usagef("--format %s: want one of %s", f.format, strings.Join(formatNames(), ", "))
	}
	switch opt.Stamp {
	case formats.StampDefault, formats.StampStart, formats.StampEnd:
	default:
		return opt, nil, usagef("--stamp %s: want start or end", f.stamp)
	}
	if f.zone != "" {
		if opt.Zone, err = time.LoadLocation(f.zone); err != nil || f.zone == "Local" {
			return opt, nil, usagef("--zone %s: want a name of the IANA time zone database, e.g. Asia/Shanghai", f.zone)
		}
	}
	if f.mapping != "" {
		if opt.Mapping, err = readMapping(f.mapping); err != nil {
			return opt, nil, err
		}
	}
	if f.fleet != "" {
		fleet, err := p.openRegister(f.fleet)
		if err != nil {
			return opt, nil, err
		}
		meters = fleet.Meters()
		opt.Register = registerOf(meters)
	}
	return opt, meters, nil
}

func registerOf(meters []flatwatt.Meter) map[flatwatt.MeterID]flatwatt.Meter {
	m := make(map[flatwatt.MeterID]flatwatt.Meter, len(meters))
	for _, x := range meters {
		m[x.ID] = x
	}
	return m
}

func readMapping(path string) (*formats.Mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--mapping: %w", err)
	}
	var m formats.Mapping
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return nil, usagef("--mapping %s: %s", path, yaml.FormatError(err, false, true))
	}
	return &m, nil
}

// An input is one open file of meter data.
type input struct {
	flatwatt.Source
	info  formats.Info
	close func() error
}

// Close closes the source and its file.
func (in *input) Close() error {
	var err error
	if c, ok := in.Source.(io.Closer); ok {
		err = c.Close()
	}
	return errors.Join(err, in.close())
}

// openInput opens a file of meter data, "-" for standard input, or a fleet directory.
func (p *Program) openInput(ctx context.Context, path string, opt formats.Options) (*input, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		fleet, err := p.openFleet(ctx, path)
		if err != nil {
			return nil, err
		}
		return &input{
			Source: &withRejects{Source: fleet.Source(time.Time{}), rejected: fleet.Rejects()},
			info:   formats.Info{Format: formats.Format{Name: "fleet", Description: "fleet directory"}, Confidence: 100},
			close:  func() error { return nil },
		}, nil
	}
	r, name, done := io.Reader(os.Stdin), "stdin", func() error { return nil }
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, usageError{err}
		}
		r, name, done = f, filepath.Base(path), f.Close
	}
	src, info, err := openData(name, r, opt)
	if err != nil {
		return nil, errors.Join(dataError{fmt.Errorf("%s: %w", path, err)}, done())
	}
	return &input{Source: src, info: info, close: done}, nil
}

// withRejects hands out a fleet's rejected rows before its readings.
type withRejects struct {
	flatwatt.Source
	rejected []flatwatt.Rejected
}

func (s *withRejects) Read(ctx context.Context) (flatwatt.Batch, error) {
	if r := s.rejected; r != nil {
		s.rejected = nil
		return flatwatt.Batch{Rejected: r}, nil
	}
	return s.Source.Read(ctx)
}

// sniffBytes is how much of an input is looked at for flatwatt's own JSON.
const sniffBytes = 4 << 10

// openData opens meter data in any format that flatwatt knows: flatwatt's own JSON by
// package ingest, everything else by package formats.
func openData(name string, r io.Reader, opt formats.Options) (flatwatt.Source, formats.Info, error) {
	own := opt.Format == ingest.NDJSON
	if opt.Format == "" {
		var head []byte
		if at, ok := r.(io.ReaderAt); ok { // a file stays one: zip and Parquet read it in place
			head = make([]byte, sniffBytes)
			n, _ := at.ReadAt(head, 0)
			head = head[:n]
		} else {
			b := bufio.NewReaderSize(r, sniffBytes)
			head, _ = b.Peek(sniffBytes)
			r = b
		}
		own = isOwnJSON(head)
	}
	if !own {
		return formats.Open(name, r, opt)
	}
	src, err := ingest.OpenNDJSON(name, r, knownIn(opt.Register))
	info := formats.Info{
		Format:     formats.Format{Name: ingest.NDJSON, Description: "JSON, a reading a line, or one array of readings"},
		Confidence: 100, Encoding: "utf-8",
	}
	return src, info, err
}

// knownIn looks meters up in a register; nil without one. Any number of goroutines may use it.
func knownIn(register map[flatwatt.MeterID]flatwatt.Meter) wire.Known {
	if register == nil {
		return nil
	}
	return func(id []byte) (flatwatt.MeterID, time.Duration, bool) {
		m, ok := register[flatwatt.MeterID(id)]
		return m.ID, m.Interval, ok
	}
}

// isOwnJSON says whether text begins like JSON that holds the members of a reading.
func isOwnJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[') &&
		bytes.Contains(head, []byte(`"meter_id"`)) && bytes.Contains(head, []byte(`"energy_kwh"`))
}
