package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// outsideJSON is a piece of outside evidence as JSON. Times are RFC 3339.
type outsideJSON struct {
	ID      string     `json:"id"`
	Meter   string     `json:"meter_id,omitempty"`
	Account string     `json:"account,omitempty"`
	Address string     `json:"address,omitempty"`
	Kind    string     `json:"kind"`
	Source  string     `json:"source"`
	At      time.Time  `json:"at"`
	By      string     `json:"by"`
	LogOdds *float64   `json:"log_odds,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	Entered *time.Time `json:"entered,omitempty"`
	Note    string     `json:"note,omitempty"`
}

// MaxOutsideBytes bounds a body of outside evidence.
const MaxOutsideBytes = 1 << 20

// AppendOutside appends o as JSON. When it was entered is told where it is not zero; else
// the stream says it.
func AppendOutside(b []byte, o flatwatt.Outside) ([]byte, error) {
	j := outsideJSON{ID: o.ID, Meter: string(o.Meter), Account: o.Account, Address: o.Address, Kind: string(o.Kind),
		Source: o.Source, At: o.At.UTC(), By: o.By, Note: o.Note}
	if o.LogOdds == o.LogOdds {
		j.LogOdds = &o.LogOdds
	}
	if !o.Until.IsZero() {
		until := o.Until.UTC()
		j.Until = &until
	}
	if !o.Entered.IsZero() {
		entered := o.Entered.UTC()
		j.Entered = &entered
	}
	text, err := json.Marshal(j)
	return append(b, text...), err
}

// ParseOutside reads one object, an array of them, or several in a row. Unknown members are
// errors: a misspelt one would be evidence that says something else. LogOdds is NaN where
// it is not told. What is read before an error is returned with it.
func ParseOutside(body []byte) (list []flatwatt.Outside, err error) {
	if len(body) > MaxOutsideBytes {
		return nil, fmt.Errorf("body has %d bytes, more than %d: send it in parts", len(body), MaxOutsideBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	for n := 1; ; n++ {
		var many []outsideJSON
		var one outsideJSON
		if bytes.HasPrefix(bytes.TrimLeft(body[dec.InputOffset():], " \t\r\n"), []byte("[")) {
			err = dec.Decode(&many)
		} else if err = dec.Decode(&one); err == nil {
			many = []outsideJSON{one}
		}
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, fmt.Errorf("value %d: %w: send objects with id, meter_id (or account, address), kind, source, at, by and maybe log_odds, until, note", n, err)
		}
		for _, j := range many {
			list = append(list, j.outside())
		}
	}
}

func (j *outsideJSON) outside() flatwatt.Outside {
	o := flatwatt.Outside{ID: j.ID, Meter: flatwatt.MeterID(j.Meter), Account: j.Account, Address: j.Address, Kind: flatwatt.OutsideKind(j.Kind),
		Source: j.Source, At: j.At.UTC(), By: j.By, LogOdds: math.NaN(), Note: j.Note}
	if j.LogOdds != nil {
		o.LogOdds = *j.LogOdds
	}
	if j.Until != nil {
		o.Until = j.Until.UTC()
	}
	if j.Entered != nil {
		o.Entered = j.Entered.UTC()
	}
	return o
}
