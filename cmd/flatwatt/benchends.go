package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// benchEnds measures the embedded database with the scores given, and then the whole way
// of the readings: published, stored, consumed, decoded, scored, written.
func (p *Program) benchEnds(ctx context.Context, r *benchReport, g *benchFleet, model *detectors.Params, scores []flatwatt.Score, dir string) error {
	to, err := p.startServers(ctx, settings{DataDir: dir, NATS: natsSettings{Listen: "127.0.0.1:0"},
		Influx: influxSettings{Listen: "127.0.0.1:0", Org: "flatwatt", Bucket: "flatwatt", Token: newToken()}}, g.meters)
	if err != nil {
		return err
	}
	began := time.Now()
	for part := scores; len(part) > 0; part = part[min(len(part), streams.MaxScoresPerWrite):] {
		if err := to.sink.Write(ctx, part[:min(len(part), streams.MaxScoresPerWrite)]); err != nil {
			return err
		}
	}
	r.WriteScoresPerS = float64(len(scores)) / time.Since(began).Seconds()
	r.DiskPerScore = float64(diskBytes(filepath.Join(dir, "influx"))) / float64(len(scores))

	pub := &jetstream.Publisher{JetStream: to.stream}
	n := 0
	if err := g.each(g.days, func(t flatwatt.MeterID, rs []flatwatt.Reading) error {
		n += len(rs)
		return pub.Publish(ctx, string(t), rs)
	}); err != nil {
		return err
	}
	if err := pub.Flush(ctx); err != nil {
		return err
	}
	r.StreamPerReading = float64(diskBytes(filepath.Join(dir, "nats"))) / float64(n)
	last, err := lastStored(ctx, to.stream)
	if err != nil {
		return err
	}
	scorer, err := newScorer(model, g.meters, g.meters, nil, aside{})
	if err != nil {
		return err
	}
	line, err := to.pipeline(model, scorer, newBoard("bench", g.meters, wordsIn("en")), func(int64) {})
	if err != nil {
		return err
	}
	open := line.Open
	line.Open = func(ctx context.Context, from flatwatt.Position) (flatwatt.Source, error) {
		source, err := open(ctx, from)
		known, done := context.WithCancel(ctx)
		done() // all is stored already
		return &untilSource{Source: source, known: known, last: &last, at: from}, err
	}
	began = time.Now()
	if err := line.Run(ctx); err != nil {
		return err
	}
	r.EndToEndPerSec = float64(n) / time.Since(began).Seconds()
	return nil
}
