package file

import (
	"bufio"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/durable"
)

// fileMode is of the files of a fleet, which others may read.
const fileMode = 0o644

// A Format is how readings are stored. The string is the ending of the file's name.
type Format string

const (
	CSV     Format = "csv"
	CSVGzip Format = "csv.gz"
	Parquet Format = "parquet" // zstd, timestamps in milliseconds
)

// ParseFormat reads the name of a format.
func ParseFormat(s string) (Format, error) {
	switch f := Format(s); f {
	case CSV, CSVGzip, Parquet:
		return f, nil
	}
	return "", fmt.Errorf("format %q is not csv, csv.gz or parquet", s)
}

// WriteFleet writes a fleet directory that Open reads: the register, the weather and the
// truth (neither file without rows) and the readings of series, as they come, into
// readings/readings.<format>. It holds one meter at a time. Every file is replaced
// whole; the register comes last, so that a directory without it is known to be
// unfinished. Other files in dir/readings would be read as well: it must hold none.
func WriteFleet(dir string, meters []flatwatt.Meter, weather []WeatherRow, truth []flatwatt.Truth,
	series iter.Seq2[*flatwatt.Series, error], format Format) error {
	name := "readings." + string(format)
	if err := emptyReadings(dir, name); err != nil {
		return fmt.Errorf("write fleet: %w", err)
	}
	w, err := NewReadingsWriter(filepath.Join(dir, "readings", name), format)
	if err != nil {
		return fmt.Errorf("write fleet: %w", err)
	}
	for s, err := range series {
		if err != nil {
			w.Abort()
			return fmt.Errorf("write fleet: %w", err)
		}
		w.WriteSeries(s)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write fleet: %w", err)
	}
	if err := WriteRegister(dir, meters, weather, truth); err != nil {
		return fmt.Errorf("write fleet: %w", err)
	}
	return nil
}

// emptyReadings makes dir/readings and wants no readings in it but name, which will be
// replaced: what is left of another fleet would silently become part of this one.
func emptyReadings(dir, name string) error {
	folder := filepath.Join(dir, "readings")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if formatOf(e.Name()) != unknownFormat && e.Name() != name {
			return fmt.Errorf("%s holds %s already: choose an empty directory or remove it", folder, e.Name())
		}
	}
	return nil
}

// WriteRegister writes meters.csv, weather.csv and truth.csv of a fleet directory: all
// but the readings, which NewReadingsWriter writes. Without rows, weather.csv and
// truth.csv are removed.
func WriteRegister(dir string, meters []flatwatt.Meter, weather []WeatherRow, truth []flatwatt.Truth) error {
	if err := writeOrRemove(filepath.Join(dir, "weather.csv"), len(weather), func(w *bufio.Writer) error {
		return writeWeather(w, weather)
	}); err != nil {
		return err
	}
	if err := writeOrRemove(filepath.Join(dir, "truth.csv"), len(truth), func(w *bufio.Writer) error {
		return writeTruth(w, truth)
	}); err != nil {
		return err
	}
	return durable.Write(filepath.Join(dir, "meters.csv"), fileMode, func(w *bufio.Writer) error { return writeMeters(w, meters) })
}

func writeOrRemove(path string, rows int, f func(*bufio.Writer) error) error {
	if rows > 0 {
		return durable.Write(path, fileMode, f)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func writeMeters(w *bufio.Writer, meters []flatwatt.Meter) error {
	more := extraColumns(meters)
	var c cells
	for _, name := range slices.Concat(meterColumns, more) {
		c.text(name)
	}
	c.end()
	for _, m := range meters {
		c.text(string(m.ID))
		c.text(string(m.Parent))
		c.text(string(m.Kind))
		c.text(string(m.Class))
		c.text(m.Tariff)
		c.text(zoneName(m))
		if m.Interval > 0 {
			c.integer(int64(m.Interval.Minutes()))
		} else {
			c.text("")
		}
		if m.Contracted != 0 {
			c.number(float64(m.Contracted))
		} else {
			c.text("")
		}
		c.text(m.Region)
		for _, name := range more {
			c.text(m.Extra[name])
		}
		c.end()
		if _, err := w.Write(c.take()); err != nil {
			return err
		}
	}
	return nil
}

func zoneName(m flatwatt.Meter) string {
	if m.Zone == nil {
		return "UTC"
	}
	return m.Zone.String()
}

// extraColumns are all names in Extra, sorted; the reader knows them in lower case.
func extraColumns(meters []flatwatt.Meter) []string {
	names := map[string]bool{}
	for _, m := range meters {
		for k := range m.Extra {
			names[k] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func writeWeather(w *bufio.Writer, rows []WeatherRow) error {
	var c cells
	c.buf = append(c.buf, "region,start,temperature_c\n"...)
	for _, r := range rows {
		c.text(r.Region)
		c.time(r.Start)
		c.number(r.Temperature)
		c.end()
		if _, err := w.Write(c.take()); err != nil {
			return err
		}
	}
	return nil
}

func writeTruth(w *bufio.Writer, truth []flatwatt.Truth) error {
	var c cells
	c.buf = append(c.buf, strings.Join(truthColumns, ",")+"\n"...)
	for _, t := range truth {
		c.text(string(t.Meter))
		c.text(string(t.Label))
		c.time(t.Onset)
		if t.Label == flatwatt.NoneLabel && t.Block == 0 && t.Units == 0 {
			c.text("")
			c.text("")
		} else {
			c.number(float64(t.Block))
			c.integer(int64(t.Units))
		}
		c.text(string(t.Schedule))
		c.text(t.Note)
		c.end()
		if _, err := w.Write(c.take()); err != nil {
			return err
		}
	}
	return nil
}
