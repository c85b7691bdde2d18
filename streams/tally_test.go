package streams_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// A tally is a small Scorer for tests: it scores each closed day of a meter by its
// surprise over an average of the days before. Every field of its memory changes
// later scores, so that forgetting any of them shows.
type tally struct {
	meters map[flatwatt.MeterID]*meterTally
	bug    tallyBug
}

type meterTally struct {
	day    flatwatt.Day // open
	slots  uint32       // quarter-days of it that were read, a bit each
	sum    float64      // kWh of it
	days   uint32       // closed
	late   uint32       // readings of closed days, dropped
	normal float64      // average kWh a day
}

// A tallyBug is a mistake that the simulation must catch.
type tallyBug int

const (
	noBug        tallyBug = iota
	forgetsLate           // a counter is not in the state
	forgetsOpen           // the open day's sum is not in the state
	ordersByMap           // Close depends on the order of a map
	keepsOldMemo          // UnmarshalBinary adds to what it had in place of replacing it
)

func newTally(bug tallyBug) *tally {
	return &tally{meters: map[flatwatt.MeterID]*meterTally{}, bug: bug}
}

func (t *tally) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	for _, r := range readings {
		m := t.meters[r.Meter]
		day := flatwatt.Day(r.Start.Unix() / 86400)
		if m == nil {
			m = &meterTally{day: day}
			t.meters[r.Meter] = m
		}
		if day > m.day {
			dst = append(dst, m.score(r.Meter))
			m.close(day)
		}
		bit := uint32(1) << (r.Start.Unix() % 86400 / 21600)
		switch {
		case day < m.day:
			m.late++
		case m.slots&bit == 0:
			m.slots |= bit
			m.sum += float64(r.Energy)
		}
	}
	return dst
}

func (m *meterTally) score(id flatwatt.MeterID) flatwatt.Score {
	return flatwatt.Score{
		Meter: id, Day: m.day, Detector: "tally", State: flatwatt.Normal,
		LogOdds: m.sum - m.normal, LogEValue: float64(m.late), Probability: math.NaN(),
		Evidence: []flatwatt.Evidence{{Term: "days", Value: float64(m.days)}},
	}
}

func (m *meterTally) close(next flatwatt.Day) {
	m.days++
	m.normal += (m.sum - m.normal) / float64(min(m.days, 4))
	m.day, m.slots, m.sum = next, 0, 0
}

func (t *tally) Close(dst []flatwatt.Score) []flatwatt.Score {
	for _, id := range t.order() {
		m := t.meters[id]
		dst = append(dst, m.score(id))
		m.close(m.day + 1)
	}
	return dst
}

func (t *tally) order() []flatwatt.MeterID {
	if t.bug == ordersByMap {
		return slices.Collect(maps.Keys(t.meters))
	}
	return slices.Sorted(maps.Keys(t.meters))
}

func (t *tally) AppendBinary(b []byte) ([]byte, error) {
	for _, id := range t.order() {
		m := *t.meters[id]
		switch t.bug {
		case forgetsLate:
			m.late = 0
		case forgetsOpen:
			m.sum = 0
		}
		b = append(b, byte(len(id)))
		b = append(b, id...)
		for _, v := range []uint32{uint32(m.day), m.slots, m.days, m.late} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(m.sum))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(m.normal))
	}
	return b, nil
}

func (t *tally) UnmarshalBinary(b []byte) error {
	if t.bug != keepsOldMemo {
		clear(t.meters)
	}
	const fixed = 4*4 + 2*8
	for len(b) > 0 {
		n := 1 + int(b[0])
		if len(b) < n+fixed {
			return errors.New("tally: state is cut short")
		}
		id, f := flatwatt.MeterID(b[1:n]), b[n:n+fixed]
		m := &meterTally{
			day: flatwatt.Day(binary.LittleEndian.Uint32(f)), slots: binary.LittleEndian.Uint32(f[4:]),
			days: binary.LittleEndian.Uint32(f[8:]), late: binary.LittleEndian.Uint32(f[12:]),
			sum:    math.Float64frombits(binary.LittleEndian.Uint64(f[16:])),
			normal: math.Float64frombits(binary.LittleEndian.Uint64(f[24:])),
		}
		if old := t.meters[id]; old != nil && t.bug == keepsOldMemo {
			m.late += old.late
			m.sum += old.sum
		}
		t.meters[id] = m
		b = b[n+fixed:]
	}
	return nil
}

// text makes scores comparable: NaN equals NaN, evidence is compared by value.
func text[T any](vs []T) string {
	var s string
	for _, v := range vs {
		s += fmt.Sprintf("%+v\n", v)
	}
	return s
}
