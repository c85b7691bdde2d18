package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// notThatStream is the server's code for a message that expects to be stored elsewhere.
const notThatStream = 10060

// probeIntake asks whether this user may publish what the configured ways in bring. The
// messages name a stream that is none, so that the server lets them in and stores nothing.
func (d *doctor) probeIntake(ctx context.Context, j js.JetStream) {
	in := d.settings.Ingest
	var subjects []string
	if in.Push.Listen != "" || in.Folder.Dir != "" || in.Kafka.Brokers != "" {
		subjects = append(subjects, "ami.readings.doctor")
	}
	if in.Push.Listen != "" {
		subjects = append(subjects, jetstream.EvidenceSubject)
	}
	if len(subjects) == 0 {
		return
	}
	d.try(ctx, "take in", "let a worker that takes readings in publish them: deploy/nats/nats.conf has the line, commented out", func(ctx context.Context) (string, error) {
		for _, s := range subjects {
			_, err := j.Publish(ctx, s, nil, js.WithExpectStream("none"), js.WithRetryAttempts(0))
			var refused *js.APIError
			if errors.As(err, &refused) && refused.ErrorCode == notThatStream {
				continue
			}
			return "", fmt.Errorf("publish to %s: %w", s, err)
		}
		return "may publish to " + strings.Join(subjects, " and "), nil
	})
}
