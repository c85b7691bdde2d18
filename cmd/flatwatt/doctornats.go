package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/schedule"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/partition"
)

const (
	// clockSlack is how far the server's clock may be from ours: readings that start more
	// than an hour ahead of their arrival are refused, so much less than that.
	clockSlack = 2 * time.Minute

	// shortRetention is less than a long weekend without a worker.
	shortRetention = 72 * time.Hour

	permissions = "let this user do it: deploy/nats/nats.conf lists what a worker needs"
)

// probeNATS does what a worker does, on names of its own.
func (d *doctor) probeNATS(ctx context.Context) {
	s := d.settings.NATS
	if s.URL == "" {
		s.URL = "nats://" + s.Listen // the embedded server, where the service is running
	}
	conn, err := d.dial(s, nats.Timeout(3*time.Second), nats.ErrorHandler(d.refused))
	if err != nil {
		if d.settings.NATS.URL == "" {
			d.found("nats", skipped, "start `flatwatt run` to have it probed", "the embedded server is not running at %s", s.Listen)
			return
		}
		d.found("nats", broken, "check nats.url, that the server runs, its certificate and the user", "%v", err)
		return
	}
	rtt, err := conn.RTT()
	if err != nil {
		d.found("nats", broken, "the server does not answer: look at its log", "%v", err)
		return
	}
	d.found("nats", fine, "", "%s, version %s, %.1f ms away", redact(conn.ConnectedUrl()), conn.ConnectedServerVersion(), rtt.Seconds()*1e3)
	j, err := js.New(conn)
	if err != nil {
		d.found("jetstream", broken, "", "%v", err)
		return
	}
	if d.setup && !d.try(ctx, "setup", "use a user that may make streams, then start without --setup", func(ctx context.Context) (string, error) {
		return "streams and buckets are there", d.makeStreams(ctx, j)
	}) {
		return
	}
	d.probeReadings(ctx, j)
	d.probeIntake(ctx, j)
	d.probeState(ctx, j)
}

// makeStreams makes what a worker would make, if it may.
func (d *doctor) makeStreams(ctx context.Context, j js.JetStream) error {
	to := &servers{stream: j, replicas: d.settings.NATS.Replicas}
	if err := to.ensureStreams(ctx, d.settings); err != nil {
		return err
	}
	if _, err := jetstream.OpenCheckpoints(ctx, j, "doctor", "", to.replicas); err != nil {
		return err
	}
	if _, err := partition.OpenStore(ctx, j, to.replicas); err != nil || d.settings.Archive.URL == "" {
		return err
	}
	if _, err := schedule.OpenRecords(ctx, j, to.replicas); err != nil {
		return err
	}
	jobs, err := d.settings.jobs()
	if err != nil {
		return err
	}
	if _, err = schedule.OpenServer(ctx, j, jobs, to.replicas); errors.Is(err, schedule.ErrNoSchedules) {
		return nil // the workers' clocks will do
	}
	return err
}

// probeReadings looks at the stream of readings and reads a message of it.
func (d *doctor) probeReadings(ctx context.Context, j js.JetStream) {
	var info *js.StreamInfo
	remedy := "start the service once, or run `flatwatt doctor --setup`, as a user that may make streams"
	if !d.try(ctx, "readings", remedy, func(ctx context.Context) (string, error) {
		s, err := j.Stream(ctx, jetstream.ReadingsStream)
		if err != nil {
			return "", fmt.Errorf("stream %s: %w", jetstream.ReadingsStream, err)
		}
		info = s.CachedInfo()
		return fmt.Sprintf("%d messages, %.1f MB, %d copies", info.State.Msgs, float64(info.State.Bytes)/1e6, info.Config.Replicas), nil
	}) {
		return
	}
	if age := info.Config.MaxAge; age > 0 && age < shortRetention {
		d.found("retention", doubt, "keep readings for some days, so that a worker may be away over a weekend", "readings are kept for %v", age)
	}
	if n := d.settings.Partitions.Buckets; n > 0 {
		d.try(ctx, "buckets", "", func(ctx context.Context) (string, error) {
			_, err := jetstream.EnsureBuckets(ctx, j, jetstream.Retention{}, n)
			return fmt.Sprintf("%d", n), err
		})
	}
	d.try(ctx, "consume", permissions, func(ctx context.Context) (string, error) {
		c, err := j.CreateConsumer(ctx, jetstream.ReadingsStream, js.ConsumerConfig{
			AckPolicy: js.AckNonePolicy, MemoryStorage: true, InactiveThreshold: time.Minute, Replicas: 1, DeliverPolicy: js.DeliverLastPolicy,
		})
		if err != nil {
			return "", fmt.Errorf("make a consumer: %w", err)
		}
		batch, err := c.FetchNoWait(1)
		if err == nil {
			for range batch.Messages() {
			}
			err = batch.Error()
		}
		if err := errors.Join(err, j.DeleteConsumer(ctx, jetstream.ReadingsStream, c.CachedInfo().Name)); err != nil {
			return "", err
		}
		return "a consumer was made, asked and deleted", nil
	})
}

// probeState saves a checkpoint of its own, loads it, and compares the server's clock.
func (d *doctor) probeState(ctx context.Context, j js.JetStream) {
	d.try(ctx, "checkpoints", permissions, func(ctx context.Context) (string, error) {
		return "one was saved, loaded and deleted", jetstream.ProbeCheckpoints(ctx, j, "doctor", d.settings.NATS.Replicas)
	})
	if d.settings.Partitions.Buckets > 0 {
		d.try(ctx, "partitions", "start a worker; "+permissions, func(ctx context.Context) (string, error) {
			store, err := partition.OpenStore(ctx, j, d.settings.NATS.Replicas)
			if err != nil {
				return "", err
			}
			v, err := partition.Look(ctx, store)
			if errors.Is(err, partition.ErrNobody) {
				return "no worker has shared any yet", nil
			}
			return fmt.Sprintf("%d, shared by %d workers", v.Layout.Partitions, len(v.Workers)), err
		})
	}
	kv, err := j.KeyValue(ctx, jetstream.CheckpointsBucket)
	if err != nil {
		return // said above
	}
	key := "doctor-clock" // the same each time: deleting leaves a small mark
	before := time.Now()
	if _, err = kv.PutString(ctx, key, "what time is it?"); err != nil {
		return
	}
	after := time.Now()
	entry, err := kv.Get(ctx, key)
	if err := errors.Join(err, kv.Purge(ctx, key)); err != nil {
		d.found("clocks", broken, permissions, "%v", err)
		return
	}
	middle := before.Add(after.Sub(before) / 2)
	if off := entry.Created().Sub(middle).Abs(); off > clockSlack {
		d.found("clocks", broken, "have both machines follow NTP: readings from the future are refused", "the server's clock is %v from ours", off.Round(time.Second))
	} else {
		d.found("clocks", fine, "", "%.0f ms apart", off.Seconds()*1e3)
	}
}
