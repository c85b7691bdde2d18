package file

import (
	"bufio"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// An Applied is one row of applications.csv or participants.csv: what a customer declared
// when he asked for a connection, or a market participant when he registered.
type Applied struct {
	ID        string // of the application or participant
	Meter     flatwatt.MeterID
	Name      string      // of the applicant
	Use       string      // as declared, e.g. office, data_centre, works, farming
	KW        flatwatt.KW // capacity asked for or registered
	Date      time.Time   // of the application or registration; zero: not known
	Energised time.Time   // zero: not known, or not yet
	Market    bool        // a market participant
}

// Applied are the rows of applications.csv, then of participants.csv, in their order.
func (f *Fleet) Applied() []Applied { return f.applied }

func (f *Fleet) readApplied() error {
	if err := f.each("applications.csv", func(t *table) { f.parseApplied(t, "application_id", false) },
		"application_id", "meter_id", "declared_use", "capacity_kw", "date"); err != nil {
		return err
	}
	return f.each("participants.csv", func(t *table) { f.parseApplied(t, "participant_id", true) },
		"participant_id", "meter_id", "declared_use", "capacity_kw")
}

func (f *Fleet) parseApplied(t *table, id string, market bool) {
	a := Applied{ID: t.get(id), Meter: flatwatt.MeterID(t.get("meter_id")), Name: t.get("name"), Use: t.get("declared_use"), Market: market}
	if a.ID == "" {
		t.reject("no id", id, "is empty: give the number under which it is filed")
		return
	}
	if _, known := f.index[string(a.Meter)]; !known {
		t.reject("unknown meter", "meter_id", fmt.Sprintf("meter %q is not in meters.csv: add it there once it is energised", a.Meter))
		return
	}
	if a.Use == "" {
		t.reject("no use", "declared_use", "is empty: write what was declared, e.g. office, works, data_centre")
		return
	}
	kw, ok := t.number("capacity_kw", 0)
	if !ok {
		return
	}
	if kw < 0 {
		t.reject("bad number", "capacity_kw", "is negative: leave it empty where it is not known")
		return
	}
	a.KW = flatwatt.KW(kw)
	if a.Date, ok = t.moment("date"); !ok {
		return
	}
	if a.Energised, ok = t.moment("energised"); !ok {
		return
	}
	f.applied = append(f.applied, a)
}

// A CoinRow is one line of coin.csv: the coin market from Start until the next row.
type CoinRow struct {
	Start      time.Time
	Price      float64 // in any currency
	Difficulty float64 // in any unit
	Halving    bool
}

// Coin is what coin.csv says, by time.
func (f *Fleet) Coin() []CoinRow { return f.coin }

// readCoin reads coin.csv: start, price, difficulty, halving (yes or no).
func (f *Fleet) readCoin() error {
	err := f.each("coin.csv", func(t *table) {
		var c CoinRow
		var ok bool
		if c.Start, ok = t.moment("start"); !ok {
			return
		}
		if c.Start.IsZero() {
			t.reject("bad time", "start", badTime(""))
			return
		}
		for _, col := range []struct {
			name string
			to   *float64
		}{{"price", &c.Price}, {"difficulty", &c.Difficulty}} {
			if *col.to, ok = t.number(col.name, 0); !ok {
				return
			}
			if *col.to <= 0 {
				t.reject("bad number", col.name, "is not above 0: leave weeks out whose market is not known")
				return
			}
		}
		switch t.get("halving") {
		case "yes", "true", "1":
			c.Halving = true
		case "", "no", "false", "0":
		default:
			t.reject("bad value", "halving", fmt.Sprintf("%q: write yes in the row of the week of a halving, else no", t.get("halving")))
			return
		}
		f.coin = append(f.coin, c)
	}, "start", "price", "difficulty")
	slices.SortStableFunc(f.coin, func(a, b CoinRow) int { return a.Start.Compare(b.Start) })
	return err
}

// WriteCoin writes coin.csv into a fleet directory.
func WriteCoin(dir string, rows []CoinRow) error {
	return writeOrRemove(filepath.Join(dir, "coin.csv"), len(rows), func(w *bufio.Writer) error {
		var c cells
		c.buf = append(c.buf, "start,price,difficulty,halving\n"...)
		for _, r := range rows {
			c.time(r.Start)
			c.number(r.Price)
			c.number(r.Difficulty)
			c.text(map[bool]string{true: "yes", false: "no"}[r.Halving])
			c.end()
		}
		_, err := w.Write(c.take())
		return err
	})
}
