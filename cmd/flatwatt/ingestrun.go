package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/secure"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/ingest"
)

// unanswered is after how long a message is given up that JetStream did not answer for:
// longer than anybody waits.
const unanswered = 2 * time.Minute

// startIngest opens the ways in that the configuration asks for. Close shuts them before
// it closes the connection that they store through.
func (p *Program) startIngest(ctx context.Context, sv service) error {
	s := sv.settings.Ingest
	if s.Push.Listen == "" && s.Folder.Dir == "" && s.Kafka.Brokers == "" {
		return nil
	}
	meters := sv.fleet.Meters()
	flags := s.Files.flags()
	how, _, err := p.inputOptions(&flags)
	if err != nil {
		return err
	}
	how.Register = registerOf(meters)
	in, err := intakeApart(sv.to.stream, meters)
	if err != nil {
		return err
	}
	open := opener(how)
	if s.Push.Listen != "" {
		register := registerBy(meters)
		check := func(o flatwatt.Outside) (field, reason string) {
			_, field, reason = register().Match(o)
			return field, reason
		}
		if err := p.startPush(s.Push, in, openPushed(how, s.Push.limits()), check); err != nil {
			return err
		}
	}
	if s.Folder.Dir != "" {
		f := &ingest.Folder{Dir: s.Folder.Dir, Intake: in, Open: open, Settle: time.Duration(s.Folder.SettleS) * time.Second, Note: p.warn}
		if err := f.Prepare(); err != nil {
			return err
		}
		p.background(ctx, "drop folder", f.Run)
		p.say("drop folder: %s/in", s.Folder.Dir)
	}
	if s.Kafka.Brokers != "" {
		k := &ingest.Kafka{Brokers: listOf(s.Kafka.Brokers), Topics: listOf(s.Kafka.Topics), Group: s.Kafka.Group, Format: s.Kafka.Format, Open: open, Known: knownIn(how.Register), Intake: in, Note: p.warn}
		p.background(ctx, "kafka", k.Run)
		p.say("kafka: %s from %s as group %s", s.Kafka.Topics, s.Kafka.Brokers, s.Kafka.Group)
	}
	return nil
}

// intakeApart stores by a JetStream client of its own: what is never answered, as where the
// user may not publish, must not hold up the service's own state.
func intakeApart(stream js.JetStream, meters []flatwatt.Meter) (*ingest.Intake, error) {
	own, err := js.New(stream.Conn(), js.WithPublishAsyncTimeout(unanswered))
	if err != nil {
		return nil, err
	}
	return &ingest.Intake{JetStream: own, Route: routeOf(meters)}, nil
}

// background runs work until Close. Work that ends by itself says why; the rest goes on.
func (p *Program) background(ctx context.Context, name string, work func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := work(ctx); err != nil && ctx.Err() == nil {
			p.warn("%s: %v", name, err)
		}
	}()
	p.atExit(func() error { cancel(); <-done; return nil })
}

// routeOf sends each registered meter's readings to its concentrator.
func routeOf(meters []flatwatt.Meter) ingest.Route {
	names := parents(meters)
	return func(id flatwatt.MeterID) (string, bool) {
		to, ok := names[id]
		return to, ok
	}
}

// opener opens what is sent in with the options of this site; its sender may name the format.
func opener(how formats.Options) ingest.Open {
	return func(format, name string, r io.Reader) (flatwatt.Source, string, error) {
		opt := how
		if format != "" {
			opt.Format = format
		}
		src, info, err := openData(name, r, opt)
		if err != nil && (errors.Is(err, formats.ErrUnknown) || format != "" && !slices.Contains(formatNames(), format)) {
			err = fmt.Errorf("%w: %w; known are %v", ingest.ErrFormat, err, formatNames())
		}
		return src, info.Format.Name, err
	}
}

// limits are those of pushes. What a body is unpacked to may be 16 times its limit.
func (s pushSettings) limits() ingest.Limits {
	return ingest.Limits{BodyBytes: int64(s.MaxBodyMB) << 20, UnpackedBytes: int64(s.MaxBodyMB) << 24, BytesPerS: float64(s.MBPerS) * (1 << 20), InFlight: s.InFlight}
}

// openPushed opens bodies. One that is packed itself is bounded like one that is sent packed.
func openPushed(how formats.Options, limits ingest.Limits) ingest.Open {
	how.Limits.ExpandedBytes, how.Limits.TooLarge = limits.UnpackedBytes, ingest.ErrTooLarge
	return opener(how)
}

// startPush listens for readings and outside evidence over HTTP.
func (p *Program) startPush(s pushSettings, in *ingest.Intake, open ingest.Open, check ingest.CheckEvidence) error {
	tokens, err := ingest.ParseTokens(string(s.Tokens))
	if err != nil {
		return usagef("ingest.push tokens: %w", err)
	}
	limits := s.limits()
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return fmt.Errorf("ingest.push.listen: %w", err)
	}
	url := "http://" + listener.Addr().String()
	if s.CertFile != "" {
		pair, err := secure.LoadPair(s.CertFile, s.KeyFile)
		if err != nil {
			return errors.Join(usageError{err}, listener.Close())
		}
		listener, url = tls.NewListener(listener, pair.Server()), "https://"+listener.Addr().String()
	}
	push := ingest.NewPush(in, open, tokens, limits, p.warn)
	push.TakeEvidence(check)
	server := ingest.Server(push, limits)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	p.atExit(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close() // a sender that will not go is cut off, and sends again
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	p.say("push: %s%s", url, ingest.ReadingsPath)
	return nil
}

// intakeOf stores what the commands read. Without a register every meter is taken.
func intakeOf(stream js.JetStream, meters []flatwatt.Meter, concentrator string) *ingest.Intake {
	route := ingest.AnyMeter(concentrator)
	if meters != nil {
		route = routeOf(meters)
	}
	return &ingest.Intake{JetStream: stream, Route: route}
}
