package file

import (
	"bufio"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Tariffs are the time-of-use tables of tariffs.csv; empty without the file.
func (f *Fleet) Tariffs() flatwatt.Tariffs { return f.tariffs }

// readTariffs reads tariffs.csv: tariff, start, end (local, 15:04, whole quarter hours; end
// may be 24:00 or lie behind midnight), price. Later rows stand above earlier ones, so a
// table may begin with a price from 00:00 to 24:00. A table that leaves a quarter hour
// without a price is left out whole.
func (f *Fleet) readTariffs() error {
	f.tariffs = flatwatt.Tariffs{}
	err := f.each("tariffs.csv", f.tariffRow, "tariff", "start", "end", "price")
	for _, name := range slices.Sorted(maps.Keys(f.tariffs)) {
		if q := slices.IndexFunc(f.tariffs[name][:], func(v float32) bool { return v != v }); q >= 0 {
			delete(f.tariffs, name)
			f.rejects.add("incomplete tariff", flatwatt.Rejected{Where: "tariffs.csv", Field: "start",
				Reason: fmt.Sprintf("tariff %q has no price at %02d:%02d and is left out: give rows for the whole day", name, q/4, q%4*15)})
		}
	}
	return err
}

// tariffRow takes a row into its table.
func (f *Fleet) tariffRow(t *table) {
	name, from, to, price, ok := parseTariff(t)
	if !ok {
		return
	}
	if f.tariffs[name] == nil {
		f.tariffs[name] = untold()
	}
	for q := from; q < to; q++ {
		f.tariffs[name][q%len(flatwatt.Tariff{})] = float32(price)
	}
}

// untold is a table without prices: NaN all day.
func untold() *flatwatt.Tariff {
	var t flatwatt.Tariff
	for q := range t {
		t[q] = float32(math.NaN())
	}
	return &t
}

// parseTariff is one row: quarter hours [from, to) of the day, to up to a day later.
func parseTariff(t *table) (name string, from, to int, price float64, ok bool) {
	if name = t.get("tariff"); name == "" {
		t.reject("no tariff", "tariff", "is empty: name the tariff as in meters.csv")
		return
	}
	if from, ok = quarterOf(t, "start"); !ok {
		return
	}
	if to, ok = quarterOf(t, "end"); !ok {
		return
	}
	if to <= from {
		to += len(flatwatt.Tariff{})
	}
	if price, ok = t.number("price", -1); !ok {
		return
	}
	if ok = price >= 0; !ok {
		t.reject("bad number", "price", fmt.Sprintf("%q is no price: give a number from 0", t.get("price")))
	}
	return
}

// quarterOf is a time of day in whole quarter hours, 24:00 included.
func quarterOf(t *table, column string) (q int, ok bool) {
	text := t.get(column)
	if text == "24:00" {
		return len(flatwatt.Tariff{}), true
	}
	at, err := time.Parse("15:04", text)
	if err != nil || at.Minute()%15 != 0 {
		t.reject("bad time of day", column, fmt.Sprintf("%q is no quarter hour of the day: give one like 07:00 or 22:45", text))
		return 0, false
	}
	return at.Hour()*4 + at.Minute()/15, true
}

// WriteTariffs writes tariffs.csv into a fleet directory, or removes it where there are none.
func WriteTariffs(dir string, tariffs flatwatt.Tariffs) error {
	return writeOrRemove(filepath.Join(dir, "tariffs.csv"), len(tariffs), func(w *bufio.Writer) error {
		var c cells
		for _, name := range []string{"tariff", "start", "end", "price"} {
			c.text(name)
		}
		c.end()
		for _, name := range slices.Sorted(maps.Keys(tariffs)) {
			table := tariffs[name]
			for from, to := 0, 0; from < len(table); from = to {
				for to = from + 1; to < len(table) && table[to] == table[from]; to++ {
				}
				c.text(name)
				c.text(fmt.Sprintf("%02d:%02d", from/4, from%4*15))
				c.text(fmt.Sprintf("%02d:%02d", to/4, to%4*15))
				c.text(strconv.FormatFloat(float64(table[from]), 'g', -1, 32))
				c.end()
			}
		}
		_, err := w.Write(c.take())
		return err
	})
}
