package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/outside"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// A liveBook is outside evidence of the fleet's files and of the stream, which goes on
// growing while scorers read it. A piece counts from the day of its entry, and a day
// closes hours after its end, so every scorer knows in time what counts.
type liveBook struct {
	mu   sync.RWMutex // guards book
	book *outside.Book
}

func (b *liveBook) Outside(id flatwatt.MeterID) []flatwatt.Outside {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.book.Outside(id)
}

func (b *liveBook) Registered(id flatwatt.MeterID) []flatwatt.Registered {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.book.Registered(id)
}

func (b *liveBook) add(list []flatwatt.Outside) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.book.Add(list...)
}

// evidenceWithin bounds the wait for the evidence that the stream holds at the start,
// followAgain is between two attempts to follow it.
const (
	evidenceWithin = time.Minute
	followAgain    = 5 * time.Second
)

// followEvidence reads the stream of outside evidence into a book before anything is
// scored, and goes on in the background. What names no meter is kept with the rejects.
func (p *Program) followEvidence(ctx context.Context, fleet *file.Fleet, to *servers) (*liveBook, error) {
	register := registerBy(fleet.Meters())
	b := &liveBook{book: bookBy(register, fleet)}
	rejects := jetstream.Rejects{JetStream: to.stream}
	tell := func(h jetstream.Heard) error {
		if h.Rejected == nil {
			list, field, reason := register().Match(h.Outside)
			if field == "" {
				b.add(list)
				return nil
			}
			h.Rejected = &flatwatt.Rejected{Where: jetstream.EvidenceStream + " " + h.ID, Field: field, Reason: reason, Raw: []byte(h.Note)}
		}
		p.warn("evidence: %s: %s: %s", h.Rejected.Where, h.Rejected.Field, h.Rejected.Reason)
		return rejects.Reject(ctx, []flatwatt.Rejected{*h.Rejected})
	}
	ready, failed := make(chan struct{}), make(chan error, 1)
	caughtUp := sync.OnceFunc(func() { close(ready) })
	p.background(ctx, "evidence", func(ctx context.Context) error {
		for {
			err := jetstream.FollowEvidence(ctx, to.stream, tell, caughtUp)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ready: // the stream is told again from its start; what is known stays once
				p.warn("evidence: %v; following again", err)
			default:
				failed <- err
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(followAgain):
			}
		}
	})
	select {
	case <-ready:
		return b, nil
	case err := <-failed:
		return nil, fmt.Errorf("outside evidence: %w", err)
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(evidenceWithin):
		return nil, fmt.Errorf("outside evidence: stream %s was not read within %v", jetstream.EvidenceStream, evidenceWithin)
	}
}

type evidenceFlags struct {
	url, credentials, fleet, out string
}

// newEvidence is `evidence`.
func newEvidence(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evidence",
		Short: "Outside evidence: tip-offs, contacts to pools, inspections (docs/outside.md)",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var in, out evidenceFlags
	add := &cobra.Command{
		Use:   "import FILE --nats URL --fleet DIR",
		Short: "Publish a file of outside evidence for the service to fuse",
		Long: `Import reads a file in the form of evidence.csv and publishes each row to ami.evidence. Rows
that are bad, or that name no meter, account or address of the register, are listed and
left out. A row counts from the day in its column entered, where it has one, else from
today, when the server stores it; days that are closed already change when scored again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.importEvidence(cmd.Context(), in, args[0]) },
	}
	add.Flags().StringVar(&in.fleet, "fleet", "", "fleet `directory` with the register")
	export := &cobra.Command{
		Use:   "export --nats URL --out FILE",
		Short: "Write the evidence that the service has as evidence.csv, for scoring again",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.exportEvidence(cmd.Context(), out) },
	}
	export.Flags().StringVar(&out.out, "out", "", "`file` to write")
	for _, c := range []struct {
		cmd   *cobra.Command
		flags *evidenceFlags
		need  string
	}{{add, &in, "fleet"}, {export, &out, "out"}} {
		c.cmd.Flags().StringVar(&c.flags.url, "nats", "", "`address` of the NATS server")
		c.cmd.Flags().StringVar(&c.flags.credentials, "creds", "", "NATS credentials `file`")
		needFlags(c.cmd, "nats", c.need)
	}
	cmd.AddCommand(add, export)
	return cmd
}

func (p *Program) importEvidence(ctx context.Context, flags evidenceFlags, path string) error {
	fleet, err := p.openRegister(flags.fleet)
	if err != nil {
		return err
	}
	list, rejected, err := file.ReadEvidence(path)
	if err != nil {
		return dataError{err}
	}
	stream, err := p.connect(natsSettings{URL: flags.url, CredentialsFile: flags.credentials})
	if err != nil {
		return err
	}
	if _, err := jetstream.EnsureEvidence(ctx, stream, jetstream.Retention{}); err != nil {
		return err
	}
	register, stored := outside.NewRegister(fleet.Meters()), 0
	for _, t := range list {
		if _, field, reason := register.Match(t.Outside); field != "" {
			rejected = append(rejected, flatwatt.Rejected{Where: t.Where, Field: field, Reason: reason})
			continue
		}
		if err := jetstream.PublishEvidence(ctx, stream, t.Outside); err != nil {
			return err
		}
		stored++
	}
	for _, r := range rejected {
		p.say("%s: %s: %s", r.Where, r.Field, r.Reason)
	}
	p.say("%d pieces of evidence stored, %d rejected", stored, len(rejected))
	if stored == 0 && len(rejected) > 0 {
		return dataError{errors.New("nothing of it could be taken")}
	}
	return nil
}

func (p *Program) exportEvidence(ctx context.Context, flags evidenceFlags) error {
	stream, err := p.connect(natsSettings{URL: flags.url, CredentialsFile: flags.credentials})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var list []flatwatt.Outside
	tell := func(h jetstream.Heard) error {
		if h.Rejected == nil {
			list = append(list, h.Outside)
		}
		return nil
	}
	err = jetstream.FollowEvidence(ctx, stream, tell, func() { stop(errCaughtUp) })
	if !errors.Is(context.Cause(ctx), errCaughtUp) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(flags.out), 0o755); err != nil {
		return err
	}
	if err := file.WriteEvidence(flags.out, list); err != nil {
		return err
	}
	p.say("%d pieces of evidence in %s", len(list), flags.out)
	return nil
}

var errCaughtUp = errors.New("all is read")
