package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// benchServers starts embedded servers in dir and says how to stop them.
func (p *Program) benchServers(ctx context.Context, g *benchFleet, dir string) (*servers, func() error, error) {
	own := &Program{Stdout: p.Stdout, Stderr: p.Stderr, Getenv: p.Getenv, Environ: p.Environ}
	to, err := own.startServers(ctx, settings{DataDir: dir, NATS: natsSettings{Listen: "127.0.0.1:0"},
		Influx: influxSettings{Listen: "127.0.0.1:0", Org: "flatwatt", Bucket: "flatwatt", Token: newToken()}}, g.meters)
	return to, own.Close, err
}

// benchDatabase measures the embedded database with the scores given.
func (p *Program) benchDatabase(ctx context.Context, r *benchReport, g *benchFleet, scores []flatwatt.Score, dir string) (err error) {
	to, stop, err := p.benchServers(ctx, g, dir)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	watch := startWatch()
	for part := scores; len(part) > 0; part = part[min(len(part), streams.MaxScoresPerWrite):] {
		if err := to.sink.Write(ctx, part[:min(len(part), streams.MaxScoresPerWrite)]); err != nil {
			return err
		}
	}
	rate := watch.rate(len(scores))
	r.Database = &rate
	r.DiskPerScore = float64(diskBytes(filepath.Join(dir, "influx"))) / float64(len(scores))
	return nil
}

// benchEnd measures the whole way of the readings in one form: stored before the clock
// starts, then consumed and decoded; and once more consumed, decoded, scored and written.
func (p *Program) benchEnd(ctx context.Context, r *benchReport, g *benchFleet, model *detectors.Params, form benchForm, dir string) (err error) {
	to, stop, err := p.benchServers(ctx, g, dir)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	e := benchEnd{Form: form.name, PerMessage: form.perMessage}
	n, err := benchPublish(ctx, to, g, form)
	if err != nil {
		return err
	}
	e.StreamPerReading = float64(diskBytes(filepath.Join(dir, "nats"))) / float64(n)
	scorer, err := newScorer(model, g.meters, g.meters, nil, aside{})
	if err != nil {
		return err
	}
	line, err := to.pipeline(model, scorer, newBoard("bench", g.meters, wordsIn("en")), func(int64) {})
	if err != nil {
		return err
	}
	if line.Open, err = toTheEnd(ctx, to, line.Open); err != nil {
		return err
	}
	watch := startWatch()
	if err := drainAll(ctx, line.Open); err != nil {
		return err
	}
	e.Decoded = watch.rate(n)
	watch = startWatch()
	if err := line.Run(ctx); err != nil {
		return err
	}
	e.Scored = watch.rate(n)
	r.EndToEnd = append(r.EndToEnd, e)
	return nil
}

// benchPublish stores the readings of all days in the form given.
func benchPublish(ctx context.Context, to *servers, g *benchFleet, form benchForm) (n int, err error) {
	pub := &jetstream.Publisher{JetStream: to.stream, Format: form.format, PerMessage: form.perMessage}
	err = g.each(g.days, func(t int, rs []flatwatt.Reading) error {
		n += len(rs)
		return pub.Publish(ctx, string(g.meters[t*perTransf].Parent), rs)
	})
	return n, errors.Join(err, pub.Flush(ctx))
}

// toTheEnd has open end at what the stream holds now.
func toTheEnd(ctx context.Context, to *servers, open streams.Open) (streams.Open, error) {
	last, err := lastStored(ctx, to.stream)
	return func(ctx context.Context, from flatwatt.Position) (flatwatt.Source, error) {
		source, err := open(ctx, from)
		known, done := context.WithCancel(ctx)
		done() // all is stored already
		return &untilSource{Source: source, known: known, last: &last, at: from}, err
	}, err
}

// drainAll reads a source to its end.
func drainAll(ctx context.Context, open streams.Open) (err error) {
	source, err := open(ctx, 0)
	if err != nil {
		return err
	}
	if c, ok := source.(io.Closer); ok {
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	for {
		if _, err := source.Read(ctx); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
