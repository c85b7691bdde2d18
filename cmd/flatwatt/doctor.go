package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// A finding is what one probe of doctor found.
type finding struct {
	Check  string  `json:"check"`
	State  verdict `json:"state"`
	Detail string  `json:"detail"`           // what was measured or refused
	Remedy string  `json:"remedy,omitempty"` // what to do about it
}

type verdict string

const (
	fine    verdict = "ok"
	doubt   verdict = "warning" // works now, may not for long
	broken  verdict = "failed"
	skipped verdict = "skipped"
)

// errUnwell ends doctor with exit code 1; what is wrong has been printed.
var errUnwell = errors.New("something needs attention: see the remedies")

// probeTimeout bounds one probe.
const probeTimeout = 10 * time.Second

// A doctor collects findings.
type doctor struct {
	*Program
	settings settings
	setup    bool
	findings []finding

	// refuse ends the probe that runs: NATS tells what it forbids to the connection only.
	refuse atomic.Pointer[context.CancelCauseFunc]
}

// refused is called by the NATS connection.
func (d *doctor) refused(_ *nats.Conn, _ *nats.Subscription, err error) {
	if stop := d.refuse.Load(); stop != nil {
		(*stop)(err)
	}
}

func newDoctor(p *Program, opt *options) *cobra.Command {
	var setup bool
	cmd := &cobra.Command{
		Use:   "doctor --config FILE",
		Short: "Probe servers, permissions, disk and clocks; say what to do",
		Long: `Doctor tries what the service will need: to reach NATS and read, write and delete there,
to write, read and delete in the database, to write to data_dir, to know the register's
time zones, and clocks that agree. It leaves nothing behind. --setup first makes the
streams and buckets that are missing, for which it needs a user that may.
Exit codes: 0 all is well or merely worth a look, 1 something does not work, 2 the
configuration is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.loadSettings(opt.config)
			if err != nil {
				return err
			}
			d := &doctor{Program: p, settings: s, setup: setup}
			return d.examine(cmd.Context(), opt)
		},
	}
	cmd.Flags().BoolVar(&setup, "setup", false, "make the streams and buckets that are missing")
	return cmd
}

func (d *doctor) examine(ctx context.Context, opt *options) error {
	d.probeDisk()
	d.probeRegister()
	d.probeNATS(ctx)
	d.probeDatabase(ctx)
	if err := d.print(opt); err != nil {
		return err
	}
	for _, f := range d.findings {
		if f.State == broken {
			return errUnwell
		}
	}
	return nil
}

// found notes a finding; a remedy is for what is not fine.
func (d *doctor) found(check string, state verdict, remedy, format string, args ...any) {
	if state == fine {
		remedy = ""
	}
	d.findings = append(d.findings, finding{check, state, fmt.Sprintf(format, args...), remedy})
}

// try runs one probe and notes how it went; false if it failed.
func (d *doctor) try(ctx context.Context, check, remedy string, probe func(context.Context) (string, error)) bool {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d.refuse.Store(&stop)
	defer d.refuse.Store(nil)
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	began := time.Now()
	detail, err := probe(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, nats.ErrPermissionViolation) {
		err = cause // says which subject; all that the probe saw is that no answer came
	}
	if err != nil {
		d.found(check, broken, remedy, "%v", err)
		return false
	}
	if detail == "" {
		detail = fmt.Sprintf("%.1f ms", time.Since(began).Seconds()*1e3)
	}
	d.found(check, fine, "", "%s", detail)
	return true
}

func (d *doctor) print(opt *options) error {
	if opt.output == "json" {
		e := json.NewEncoder(d.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(d.findings)
	}
	for _, f := range d.findings {
		if opt.output == "csv" {
			if _, err := fmt.Fprintf(d.Stdout, "%s,%s,%q,%q\n", f.State, f.Check, f.Detail, f.Remedy); err != nil {
				return err
			}
			continue
		}
		line := fmt.Sprintf("%-8s %-24s %s", f.State, f.Check, f.Detail)
		if f.Remedy != "" {
			line += "\n         → " + f.Remedy
		}
		if _, err := fmt.Fprintln(d.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}
