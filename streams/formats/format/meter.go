package format

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flatwatt/flatwatt"
)

const (
	maxIDBytes    = 128
	defaultMeters = 200_000
)

// A Meter is what a decoder remembers of a meter while it reads a file.
type Meter struct {
	ID       flatwatt.MeterID
	Factor   float64        // CT × PT ratio
	Zone     *time.Location // nil where neither register nor options say
	Interval time.Duration  // 0 where neither register nor options say
	Fault    string         // not empty: its readings are rejected for this reason

	registers []register
	lasts     []last
}

type last struct {
	channel string
	at      int64
}

// Last is where the time of the last reading of a channel is kept, in Unix seconds, for
// times that the clock shows twice; 0 before the first.
func (m *Meter) Last(channel string) *int64 {
	for i := range m.lasts {
		if m.lasts[i].channel == channel {
			return &m.lasts[i].at
		}
	}
	m.lasts = append(m.lasts, last{channel: channel})
	return &m.lasts[len(m.lasts)-1].at
}

// Meters looks meters up by their identifier as the file has it. It remembers a bounded
// number; a meter that was forgotten starts anew, which costs a register one interval.
type Meters struct {
	opt      Options
	out      *Tally
	now, old map[string]*Meter
	last     *Meter
	lastRaw  []byte
	limit    int
}

// NewMeters makes a look-up by the options.
func NewMeters(opt Options, t *Tally) *Meters {
	return &Meters{opt: opt, out: t, now: map[string]*Meter{}, limit: max(1, orDefault(opt.Limits.Meters, defaultMeters)/2)}
}

// Get returns the meter that raw names. Look at its Fault.
func (m *Meters) Get(raw []byte) *Meter {
	if m.last != nil && bytes.Equal(raw, m.lastRaw) {
		return m.last
	}
	e := m.now[string(raw)]
	if e == nil {
		if e = m.old[string(raw)]; e == nil {
			e = m.make(raw)
		}
		if len(raw) <= 4*maxIDBytes {
			if len(m.now) >= m.limit {
				m.old, m.now = m.now, make(map[string]*Meter, m.limit/8)
			}
			m.now[string(raw)] = e
		}
	}
	m.last, m.lastRaw = e, append(m.lastRaw[:0], raw...)
	return e
}

func (m *Meters) make(raw []byte) *Meter {
	id, repaired, fault := m.identifier(raw)
	e := &Meter{ID: flatwatt.MeterID(id), Factor: 1, Fault: fault, Zone: m.opt.Zone, Interval: m.opt.Interval}
	if repaired {
		m.out.Repaired++
	}
	if m.opt.Multiplier != 0 {
		e.Factor = m.opt.Multiplier
	}
	if m.opt.Register == nil || fault != "" {
		return e
	}
	known, ok := m.opt.Register[e.ID]
	if !ok {
		e.Fault = fmt.Sprintf("meter %.140q is not in the register: add it, or correct the identifier", id)
		return e
	}
	e.ID = known.ID
	if e.ID == "" {
		e.ID = flatwatt.MeterID(id)
	}
	if e.Zone == nil {
		e.Zone = known.Zone
	}
	if e.Interval == 0 {
		e.Interval = known.Interval
	}
	e.ratios(known.Extra)
	return e
}

// ratios takes the transformer ratios of a register's entry.
func (e *Meter) ratios(extra map[string]string) {
	for _, key := range []string{"multiplier", "ct", "pt"} {
		text, ok := extra[key]
		if !ok || text == "" {
			continue
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f > 0) || f > 1e7 {
			e.Fault = fmt.Sprintf("the register says %s = %.40q for meter %q, which is not a ratio: correct it", key, text, e.ID)
			return
		}
		e.Factor *= f
		if key == "multiplier" {
			return // it is the product of the others
		}
	}
}

// identifier reads a meter's identifier and undoes what can be undone.
func (m *Meters) identifier(raw []byte) (id string, repaired bool, fault string) {
	b, repaired := Repair(raw)
	if m.opt.StripPrefix != "" {
		b = bytes.TrimPrefix(b, []byte(m.opt.StripPrefix))
	}
	if n := bytes.TrimSuffix(b, []byte(".0")); len(n) < len(b) && allDigits(n) {
		b, repaired = n, true
	}
	if e := bytes.IndexAny(b, "eE"); e > 0 && looksScientific(b) {
		whole, ok := fromScientific(string(b[:e]), string(b[e+1:]))
		if !ok {
			return "", false, fmt.Sprintf("identifier %q has lost its digits in a spreadsheet: export the file again with the column as text", b)
		}
		b, repaired = []byte(whole), true
	}
	if m.opt.IDDigits > len(b) && allDigits(b) {
		b = append(bytes.Repeat([]byte{'0'}, m.opt.IDDigits-len(b)), b...)
	}
	switch {
	case len(b) == 0:
		return "", false, "the identifier of the meter is empty: name the service point"
	case len(b) > maxIDBytes:
		return "", false, fmt.Sprintf("identifier has %d bytes, the limit is %d: is this the right column?", len(b), maxIDBytes)
	case !utf8.Valid(b):
		return "", false, fmt.Sprintf("identifier %q is not UTF-8: name the file's encoding by option", b)
	case bytes.ContainsFunc(b, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return "", false, fmt.Sprintf("identifier %q holds a control character: remove it", b)
	}
	return string(b), repaired, ""
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}

// looksScientific says whether a spreadsheet may have written b for a number: 1.23E+11.
// It must hold a sign after the E or a decimal mark before it, as an identifier such as
// 12E5 may be what it says.
func looksScientific(b []byte) bool {
	e := bytes.IndexAny(b, "eE")
	mantissa, exponent := b[:e], b[e+1:]
	signed := len(exponent) > 0 && (exponent[0] == '+' || exponent[0] == '-')
	digits := bytes.TrimLeft(exponent, "+-")
	marked := bytes.ContainsAny(mantissa, ".,")
	mantissa = bytes.ReplaceAll(bytes.ReplaceAll(mantissa, []byte("."), nil), []byte(","), nil)
	return (signed || marked) && allDigits(mantissa) && allDigits(digits) && len(digits) <= 3
}

// fromScientific writes 1.23456E+05 as 123456, if all digits are there.
func fromScientific(mantissa, exponent string) (string, bool) {
	mantissa = strings.Replace(mantissa, ",", ".", 1)
	whole, frac, _ := strings.Cut(mantissa, ".")
	shift, err := strconv.Atoi(exponent)
	if err != nil || len(whole) != 1 || shift != len(frac) || shift == 0 {
		return "", false
	}
	return whole + frac, true
}
