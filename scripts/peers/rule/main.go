// Rule runs the rule of scripts/peers as a scorer of flatwatt: its readers, its pipeline,
// its decoder, and two sums a day and meter in place of all detectors.
//
//	rule IN OUT
//
// IN is CSV, line protocol, or .batches: messages in flatwatt's own form as they stand in
// the stream, each after its length.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/wire"
)

const (
	window = 14 // days
	perDay = 96
	minKWh = 0.25
	maxCV  = 0.05
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "rule IN OUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "rule:", err)
		os.Exit(1)
	}
}

func run(in, out string) error {
	from, err := os.Open(in)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(out)
	if err != nil {
		return err
	}
	defer to.Close()
	p := streams.Pipeline{
		Open:   func(context.Context, flatwatt.Position) (flatwatt.Source, error) { return open(in, from) },
		Scorer: &flat{meters: map[flatwatt.MeterID]*sums{}}, Sink: names{to}, Rejects: refuse{}, Checkpoints: none{},
		SaveEvery: math.MaxInt,
	}
	return errors.Join(p.Run(context.Background()), to.Close())
}

func open(name string, r io.Reader) (flatwatt.Source, error) {
	if strings.HasSuffix(name, ".batches") {
		return &frames{r: bufio.NewReaderSize(r, 1<<20), d: wire.Decoder{Known: wire.AnyMeter(15*time.Minute, 1<<20)}}, nil
	}
	form, m := "csv", formats.Mapping{Meter: "meter_id", Time: "start", Energy: "energy"}
	if strings.HasSuffix(name, ".lp") {
		form, m = "lineprotocol", formats.Mapping{Meter: "meter", Energy: "wh", Measure: "reading"}
	}
	source, _, err := formats.Open(name, r, formats.Options{Format: form, Interval: 15 * time.Minute, Unit: "Wh", Mapping: &m})
	return source, err
}

// frames reads messages, each after its length.
type frames struct {
	r    *bufio.Reader
	d    wire.Decoder
	body []byte
	b    flatwatt.Batch
}

// Read implements flatwatt.Source.
func (f *frames) Read(context.Context) (flatwatt.Batch, error) {
	n, err := binary.ReadUvarint(f.r)
	if err != nil {
		return flatwatt.Batch{}, err
	}
	if uint64(cap(f.body)) < n {
		f.body = make([]byte, n)
	}
	f.body = f.body[:n]
	if _, err := io.ReadFull(f.r, f.body); err != nil {
		return flatwatt.Batch{}, err
	}
	f.b.Readings, f.b.Rejected, f.b.Next = f.b.Readings[:0], nil, f.b.Next+1
	f.d.Append(&f.b, wire.Message{Format: wire.Batch, Body: f.body})
	return f.b, nil
}

// sums of a meter: of each of the last days, and of all of them.
type sums struct {
	of      [window][2]float64 // energy and its square
	day     int64              // of the last reading, since 1970
	started int                // days
}

// flat implements flatwatt.Scorer.
type flat struct {
	meters map[flatwatt.MeterID]*sums
	last   *sums
	id     flatwatt.MeterID
}

func (f *flat) of(id flatwatt.MeterID) *sums {
	if id == f.id && f.last != nil {
		return f.last
	}
	m := f.meters[id]
	if m == nil {
		m = &sums{}
		f.meters[id] = m
	}
	f.id, f.last = id, m
	return m
}

// Score adds readings and judges the day before a meter's first of another.
func (f *flat) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	for i := range readings {
		r := &readings[i]
		m, day := f.of(r.Meter), r.Start.Unix()/86400
		if day != m.day || m.started == 0 {
			dst = m.judge(dst, r.Meter)
			m.day, m.started = day, m.started+1
			m.of[m.started%window] = [2]float64{}
		}
		s := &m.of[m.started%window]
		e := float64(r.Energy)
		s[0], s[1] = s[0]+e, s[1]+e*e
	}
	return dst
}

// Close judges the last day.
func (f *flat) Close(dst []flatwatt.Score) []flatwatt.Score {
	for id, m := range f.meters {
		dst = m.judge(dst, id)
	}
	return dst
}

func (m *sums) judge(dst []flatwatt.Score, id flatwatt.MeterID) []flatwatt.Score {
	if m.started < window {
		return dst
	}
	var s, q float64
	for _, d := range m.of {
		s, q = s+d[0], q+d[1]
	}
	const n = window * perDay
	mean := s / n
	if mean > minKWh && math.Sqrt(max(q/n-mean*mean, 0)) < maxCV*mean {
		dst = append(dst, flatwatt.Score{Meter: id, Day: flatwatt.Day(m.day)})
	}
	return dst
}

// AppendBinary and UnmarshalBinary: the comparison keeps no checkpoint.
func (f *flat) AppendBinary(b []byte) ([]byte, error) { return b, nil }
func (f *flat) UnmarshalBinary([]byte) error          { return nil }

// names writes flagged meters, a line a day.
type names struct{ w io.Writer }

// Write implements flatwatt.Sink.
func (n names) Write(_ context.Context, scores []flatwatt.Score) error {
	var b strings.Builder
	for i := range scores {
		b.WriteString(string(scores[i].Meter) + "\n")
	}
	_, err := io.WriteString(n.w, b.String())
	return err
}

// refuse takes no rejects: the comparison's readings are all good.
type refuse struct{}

// Reject implements streams.Rejects.
func (refuse) Reject(_ context.Context, pieces []flatwatt.Rejected) error {
	if len(pieces) == 0 {
		return nil
	}
	return fmt.Errorf("%s %s: %s", pieces[0].Where, pieces[0].Field, pieces[0].Reason)
}

// none keeps no checkpoint.
type none struct{}

func (none) Load(context.Context) (flatwatt.Checkpoint, error) { return flatwatt.Checkpoint{}, nil }
func (none) Save(context.Context, flatwatt.Checkpoint) error   { return nil }
