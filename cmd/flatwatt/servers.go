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
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/influx"
	"github.com/flatwatt/flatwatt/streams/influxd"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/natsd"
	"github.com/flatwatt/flatwatt/streams/partition"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// checkpointName is under which the customer detector's checkpoint is kept.
const checkpointName = "customer"

// chunkPoints is how many scores are sent in a request: some requests are on their way at
// once, and smaller ones keep database and disk at work at the same time.
const chunkPoints = 2_000

// servers are the two ends of the service, embedded or real: the code that uses them
// is the same.
type servers struct {
	stream    js.JetStream
	natsURL   string
	replicas  int
	influxURL string
	client    *influx.Client
	sink      flatwatt.Sink
	meters    []flatwatt.Meter
	checks    []func() error // of the servers that are embedded
}

// checkEvery is between two looks at the health of the embedded servers.
const checkEvery = 3 * time.Second

// whileHealthy returns a context that ends with the cause when an embedded server can no
// longer keep what it is sent, as after a full disk. Only a restart puts that right, so the
// service must end rather than look alive.
func (to *servers) whileHealthy(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if len(to.checks) > 0 {
		go func() {
			tick := time.NewTicker(checkEvery)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if err := to.healthy(); err != nil {
					cancel(fmt.Errorf("%w: make room on the disk of data_dir and start again; what was acknowledged is kept", err))
				}
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

func (to *servers) healthy() error {
	for _, check := range to.checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// startServers connects to the servers that s names and starts those that it does not.
// Close stops them, connections first.
func (p *Program) startServers(ctx context.Context, s settings, meters []flatwatt.Meter) (*servers, error) {
	to := &servers{meters: meters, replicas: s.NATS.Replicas}
	if err := p.startStream(ctx, s, to); err != nil {
		return nil, err
	}
	if err := p.startDatabase(ctx, s, to); err != nil {
		return nil, err
	}
	return to, nil
}

func (p *Program) startStream(ctx context.Context, s settings, to *servers) error {
	if err := p.openStream(s, to); err != nil {
		return err
	}
	return to.ensureStreams(ctx, s)
}

// openStream connects to NATS, or starts the embedded server, and makes no stream.
func (p *Program) openStream(s settings, to *servers) (err error) {
	if to.natsURL = s.NATS.URL; to.natsURL != "" {
		if to.stream, err = p.connect(s.NATS); err != nil {
			return err
		}
	} else {
		host, port, err := splitListen("nats.listen", s.NATS.Listen)
		if err != nil {
			return err
		}
		mqtt, err := s.Ingest.mqtt()
		if err != nil {
			return err
		}
		server, err := natsd.Start(natsd.Options{Dir: filepath.Join(s.DataDir, "nats"), Host: host, Port: port, MQTT: mqtt})
		if err != nil {
			return err
		}
		p.atExit(server.Close)
		if mqtt != nil {
			p.say("mqtt: %s", server.MQTTAddress())
		}
		conn, err := server.Connect()
		if err != nil {
			return err
		}
		p.atExit(func() error { conn.Close(); return nil })
		if to.stream, err = js.New(conn); err != nil {
			return err
		}
		to.natsURL, to.checks = server.URL(), append(to.checks, server.Check)
	}
	return nil
}

// ensureStreams makes the streams of readings, rejects and outside evidence where they are missing.
func (to *servers) ensureStreams(ctx context.Context, s settings) (err error) {
	keep := jetstream.Retention{Replicas: s.NATS.Replicas}
	if n := s.Partitions.Buckets; n > 0 {
		_, err = jetstream.EnsureBuckets(ctx, to.stream, keep, n)
	} else {
		_, err = jetstream.EnsureReadings(ctx, to.stream, keep)
	}
	if err != nil {
		return err
	}
	if _, err = jetstream.EnsureRejected(ctx, to.stream, keep); err != nil {
		return err
	}
	_, err = jetstream.EnsureEvidence(ctx, to.stream, keep)
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
		to.checks = append(to.checks, db.Check)
		if to.influxURL, err = db.Listen(s.Influx.Listen); err != nil {
			return fmt.Errorf("influx.listen: %w", err)
		}
	}
	client, err := influx.Open(influx.Config{URL: to.influxURL, Token: token, Org: s.Influx.Org, Bucket: s.Influx.Bucket, ChunkPoints: chunkPoints})
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
	to.client = client
	if s.Partitions.Buckets > 0 {
		return nil // each bucket has a sink of its own
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

// pipeline wires the one loop from JetStream to the database for the whole stream. scored
// is called with the readings so far.
func (to *servers) pipeline(model *detectors.Params, scorer flatwatt.Scorer, b *board, scored func(int64)) (streams.Pipeline, error) {
	return to.pipelineOf(model, end{name: checkpointName, meters: to.meters, sink: to.sink, scorer: scorer}, b, scored)
}

// pipelineOf wires the loop of a part of the stream.
func (to *servers) pipelineOf(model *detectors.Params, e end, b *board, scored func(int64)) (streams.Pipeline, error) {
	source := jetstream.Source{JetStream: to.stream, Subject: e.subject, Known: wire.Registered(e.meters)}
	config, err := configHash(model)
	if err != nil {
		return streams.Pipeline{}, err
	}
	n := int64(0)
	return streams.Pipeline{
		Open:        source.Open,
		Scorer:      e.scorer,
		Sink:        teeSink{guardedSink{e.sink}, b},
		Rejects:     jetstream.Rejects{JetStream: to.stream},
		Checkpoints: &lateCheckpoints{stream: to.stream, name: e.name, config: config, replicas: to.replicas},
		Hooks: streams.Hooks{Scored: func(batch flatwatt.Batch, _ []flatwatt.Score) {
			n += int64(len(batch.Readings))
			b.add(len(batch.Readings), nil)
			scored(n)
		}},
	}, nil
}

// A guardedSink writes nothing once the lease of its partition is over.
type guardedSink struct{ flatwatt.Sink }

func (s guardedSink) Write(ctx context.Context, scores []flatwatt.Score) error {
	return s.Sink.Write(partition.Guard(ctx), scores)
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
	stream       js.JetStream
	name, config string
	replicas     int

	// fits, if not nil, says whether a state can be restored; one that cannot, or that is
	// of another model, program or stream, is then given up, and gaveUp is told.
	fits   func(state []byte) error
	gaveUp func(name string, at flatwatt.Position, why error)

	*jetstream.Checkpoints
}

// Load implements flatwatt.Checkpoints.
func (c *lateCheckpoints) Load(ctx context.Context) (saved flatwatt.Checkpoint, err error) {
	if c.Checkpoints, err = jetstream.OpenCheckpoints(ctx, c.stream, c.name, c.config, c.replicas); err != nil {
		return flatwatt.Checkpoint{}, err
	}
	saved, err = c.Checkpoints.Load(ctx)
	switch {
	case c.fits == nil:
		if errors.Is(err, jetstream.ErrOtherConfig) || errors.Is(err, jetstream.ErrOtherStream) {
			err = fmt.Errorf("%w; or start with --fresh to give the checkpoint up and score what the stream still holds", err)
		}
		return saved, err
	case err == nil && len(saved.State) > 0:
		err = c.fits(saved.State)
	case !errors.Is(err, jetstream.ErrOtherConfig) && !errors.Is(err, jetstream.ErrOtherStream) && !errors.Is(err, jetstream.ErrDamaged):
		return saved, err
	}
	if err == nil {
		return saved, nil
	}
	at, forget := c.Forget(ctx)
	if forget != nil {
		return saved, forget
	}
	c.gaveUp(c.name, at, err)
	return flatwatt.Checkpoint{}, nil
}
