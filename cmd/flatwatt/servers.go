package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/influx"
	"github.com/flatwatt/flatwatt/streams/influxd"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/natsd"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// checkpointName is under which the customer detector's checkpoint is kept.
const checkpointName = "customer"

// servers are the two ends of the service, embedded or real: the code that uses them
// is the same.
type servers struct {
	stream    js.JetStream
	natsURL   string
	influxURL string
	sink      flatwatt.Sink
	meters    []flatwatt.Meter
}

// startServers connects to the servers that s names and starts those that it does not.
// Close stops them, connections first.
func (p *Program) startServers(ctx context.Context, s settings, meters []flatwatt.Meter) (*servers, error) {
	to := &servers{meters: meters}
	if err := p.startStream(ctx, s, to); err != nil {
		return nil, err
	}
	if err := p.startDatabase(ctx, s, to); err != nil {
		return nil, err
	}
	return to, nil
}

func (p *Program) startStream(ctx context.Context, s settings, to *servers) (err error) {
	if to.natsURL = s.NATS.URL; to.natsURL != "" {
		if to.stream, err = p.connect(s.NATS); err != nil {
			return err
		}
	} else {
		host, port, err := splitListen("nats.listen", s.NATS.Listen)
		if err != nil {
			return err
		}
		server, err := natsd.Start(natsd.Options{Dir: filepath.Join(s.DataDir, "nats"), Host: host, Port: port})
		if err != nil {
			return err
		}
		p.atExit(server.Close)
		conn, err := server.Connect()
		if err != nil {
			return err
		}
		p.atExit(func() error { conn.Close(); return nil })
		if to.stream, err = js.New(conn); err != nil {
			return err
		}
		to.natsURL = server.URL()
	}
	if _, err := jetstream.EnsureReadings(ctx, to.stream, jetstream.Retention{}); err != nil {
		return err
	}
	_, err = jetstream.EnsureRejected(ctx, to.stream, jetstream.Retention{})
	return err
}

func (p *Program) startDatabase(ctx context.Context, s settings, to *servers) error {
	to.influxURL = s.Influx.URL
	token := string(s.Influx.Token)
	if to.influxURL == "" {
		dir := filepath.Join(s.DataDir, "influx")
		var err error
		if token, err = keptToken(token, s.DataDir); err != nil {
			return err
		}
		db, err := influxd.Open(dir, influxd.Options{Token: token, Org: s.Influx.Org, Bucket: s.Influx.Bucket})
		if err != nil {
			return err
		}
		p.atExit(db.Close)
		if to.influxURL, err = db.Listen(s.Influx.Listen); err != nil {
			return fmt.Errorf("influx.listen: %w", err)
		}
	}
	client, err := influx.Open(influx.Config{URL: to.influxURL, Token: token, Org: s.Influx.Org, Bucket: s.Influx.Bucket})
	if err != nil {
		return err
	}
	p.atExit(func() error { client.Close(); return nil })
	if _, err := client.Check(ctx); err != nil {
		return fmt.Errorf("database at %s: %w", redact(to.influxURL), err)
	}
	if err := client.Setup(ctx); err != nil {
		return fmt.Errorf("prepare the database at %s: %w", redact(to.influxURL), err)
	}
	to.sink, err = influx.NewSink(client, to.meters, "")
	return err
}

// keptToken is token or, without one, the token of the embedded database: made once and
// kept beside its data for its owner only, so that Grafana's stays good.
func keptToken(token, dir string) (string, error) {
	if token != "" {
		return token, nil
	}
	path := filepath.Join(dir, "influx-token")
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("token of the embedded database: %w", err)
	}
	made := newToken()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(string(made)+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("token of the embedded database: %w", err)
	}
	return string(made), nil
}

func splitListen(field, text string) (host string, port int, err error) {
	host, name, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, usagef("%s: %w", field, err)
	}
	port, err = strconv.Atoi(name)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, usagef("%s: port %q; want a number up to 65535, 0 lets the system choose", field, name)
	}
	return host, port, nil
}

// pipeline wires the one loop from JetStream to the database. scored is called with the
// readings so far.
func (to *servers) pipeline(model *detectors.Params, scorer *detectors.Fleet, b *board, scored func(int64)) (streams.Pipeline, error) {
	source := jetstream.Source{JetStream: to.stream, Known: wire.Registered(to.meters)}
	config, err := configHash(model)
	if err != nil {
		return streams.Pipeline{}, err
	}
	n := int64(0)
	return streams.Pipeline{
		Open:        source.Open,
		Scorer:      scorer,
		Sink:        teeSink{to.sink, b},
		Rejects:     jetstream.Rejects{JetStream: to.stream},
		Checkpoints: &lateCheckpoints{stream: to.stream, config: config},
		Hooks: streams.Hooks{Scored: func(batch flatwatt.Batch, _ []flatwatt.Score) {
			n += int64(len(batch.Readings))
			b.add(len(batch.Readings), nil)
			scored(n)
		}},
	}, nil
}

// configHash names everything that gives a checkpoint's memory its meaning.
func configHash(params *detectors.Params) (string, error) {
	text, err := json.Marshal(params)
	if err != nil {
		return "", fmt.Errorf("hash the model: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// lateCheckpoints opens the checkpoints at the first Load, which begins every run.
type lateCheckpoints struct {
	stream js.JetStream
	config string
	*jetstream.Checkpoints
}

// Load implements flatwatt.Checkpoints.
func (c *lateCheckpoints) Load(ctx context.Context) (saved flatwatt.Checkpoint, err error) {
	if c.Checkpoints, err = jetstream.OpenCheckpoints(ctx, c.stream, checkpointName, c.config, 1); err != nil {
		return flatwatt.Checkpoint{}, err
	}
	return c.Checkpoints.Load(ctx)
}
