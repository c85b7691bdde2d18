package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

type replayFlags struct {
	fleet, url, credentials, speed, format string
}

func newReplay(p *Program, _ *options) *cobra.Command {
	var flags replayFlags
	cmd := &cobra.Command{
		Use:   "replay --fleet DIR --nats URL",
		Short: "Publish a fleet's readings to JetStream at a chosen speed",
		Long: `Replay publishes the readings of a fleet directory in event time under
ami.readings.<transformer>, as a head-end would, and makes the stream where it is
missing. --speed 1440 plays a day a minute; max plays as fast as the server stores.
What is published again within the stream's dedupe window is stored once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.replay(cmd.Context(), flags) },
	}
	cmd.Flags().StringVar(&flags.fleet, "fleet", "", "fleet `directory`")
	cmd.Flags().StringVar(&flags.url, "nats", "", "`address` of the NATS server")
	cmd.Flags().StringVar(&flags.credentials, "creds", "", "NATS credentials `file`")
	cmd.Flags().StringVar(&flags.speed, "speed", "max", "times real time, or max")
	cmd.Flags().StringVar(&flags.format, "format", string(wire.Batch), "of messages: batch, json or lineprotocol")
	complete(cmd, "format", []string{"batch", "json", "lineprotocol"})
	needFlags(cmd, "fleet", "nats")
	return cmd
}

func (p *Program) replay(ctx context.Context, flags replayFlags) error {
	speed, err := parseSpeed(flags.speed)
	if err != nil {
		return err
	}
	format := wire.Format(flags.format)
	if format != wire.Batch && format != wire.JSON && format != wire.LineProtocol {
		return usagef("--format %s: want batch, json or lineprotocol", flags.format)
	}
	fleet, err := p.openFleet(ctx, flags.fleet)
	if err != nil {
		return err
	}
	stream, err := p.connect(natsSettings{URL: flags.url, CredentialsFile: flags.credentials})
	if err != nil {
		return err
	}
	if _, err := jetstream.EnsureReadings(ctx, stream, jetstream.Retention{}); err != nil {
		return err
	}
	pub := &jetstream.Publisher{JetStream: stream, Format: format, Rate: speed * realRate(fleet)}
	bar := p.progress("replay", "readings", fleet.Stats().Readings)
	began := time.Now()
	n, err := publish(ctx, pub, fleet.Source(time.Time{}), parents(fleet.Meters()), bar.at)
	if err != nil {
		return err
	}
	bar.end("%s readings in %.1f s", grouped(n), time.Since(began).Seconds())
	return nil
}

// parseSpeed is 0 for max.
func parseSpeed(text string) (float64, error) {
	if text == "max" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(v > 0) || v > 1e9 {
		return 0, usagef("--speed %s: want a number above 0 (times real time) or max", text)
	}
	return v, nil
}

// realRate is how many readings the fleet delivers a second in real time.
func realRate(fleet *file.Fleet) float64 {
	s := fleet.Stats()
	return float64(s.Readings) / max(1, s.Last.Sub(s.First).Seconds())
}

// unwired is the concentrator of meters whose transformer is not known.
const unwired = "unknown"

// parents tells the concentrator of each meter: its transformer, made fit for a subject.
func parents(meters []flatwatt.Meter) map[flatwatt.MeterID]string {
	names := make(map[flatwatt.MeterID]string, len(meters))
	for _, m := range meters {
		names[m.ID] = concentrator(m)
	}
	return names
}

// concentrator is where a meter's readings come from. A transformer's own meter is beside
// those of its customers: its balance needs them in one bucket.
func concentrator(m flatwatt.Meter) string {
	name := m.Parent
	if m.Kind == flatwatt.Transformer {
		name = m.ID
	}
	if name == "" {
		return unwired
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '.' || r == '*' || r == '>' || r == 0x7f {
			return '_'
		}
		return r
	}, string(name))
}

// publish sends all of source, each run of readings under its meter's concentrator, and
// waits until the last is stored.
func publish(ctx context.Context, pub *jetstream.Publisher, source flatwatt.Source, of map[flatwatt.MeterID]string, at func(int64)) (n int64, err error) {
	for {
		batch, err := source.Read(ctx)
		if errors.Is(err, io.EOF) {
			return n, pub.Flush(ctx)
		}
		if err != nil {
			return n, err
		}
		rest := batch.Readings
		for len(rest) > 0 {
			to := of[rest[0].Meter]
			k := 1
			for k < len(rest) && (rest[k].Meter == rest[k-1].Meter || of[rest[k].Meter] == to) {
				k++
			}
			if err := pub.Publish(ctx, to, rest[:k]); err != nil {
				return n, err
			}
			rest = rest[k:]
		}
		n += int64(len(batch.Readings))
		at(n)
	}
}
