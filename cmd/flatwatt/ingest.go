package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/ingest"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

type ingestFlags struct {
	inputFlags
	url, credentials, concentrator string
	most                           int
}

func newIngest(p *Program, opt *options) *cobra.Command {
	var flags ingestFlags
	cmd := &cobra.Command{
		Use:   "ingest FILE... --nats URL",
		Short: "Store files of meter data in JetStream, for the service to score",
		Long: `Ingest reads files of meter data in any format that flatwatt knows, - for standard input,
and publishes their readings to JetStream under ami.readings.<transformer>. It ends
when the server has acknowledged all of them. With --fleet, meters that are not in the
register are rejected and each goes to its transformer's subject; without, all go to
--concentrator. What is rejected goes to the stream AMI_REJECTED and is listed.
A file that was ingested before may be ingested again: repeats change no score.
The exit code is 3 if nothing of a file could be taken.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.ingest(cmd.Context(), opt, flags, args) },
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&flags.url, "nats", "", "`address` of the NATS server")
	cmd.Flags().StringVar(&flags.credentials, "creds", "", "NATS credentials `file`")
	cmd.Flags().StringVar(&flags.concentrator, "concentrator", ingest.UnknownConcentrator, "last part of the subject where there is no register")
	cmd.Flags().IntVar(&flags.most, "rejects", 20, "how many rejected pieces to list for each file")
	needFlags(cmd, "nats")
	return cmd
}

// An ingested is what became of one file.
type ingested struct {
	File     string         `json:"file"`
	Format   string         `json:"format"`
	Accepted int            `json:"accepted"`
	Rejected int            `json:"rejected"`
	First    string         `json:"first,omitempty"`
	Last     string         `json:"last,omitempty"`
	Rejects  []rejectedJSON `json:"rejects,omitempty"`
	Error    string         `json:"error,omitempty"`
}

func (p *Program) ingest(ctx context.Context, opt *options, flags ingestFlags, paths []string) error {
	how, meters, err := p.inputOptions(&flags.inputFlags)
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
	if _, err := jetstream.EnsureRejected(ctx, stream, jetstream.Retention{}); err != nil {
		return err
	}
	intake := intakeOf(stream, meters, flags.concentrator)
	var all []ingested
	var failed []error
	for _, path := range paths {
		one, err := p.ingestFile(ctx, intake, path, how, flags.most)
		if err != nil {
			failed = append(failed, err)
			if !errors.As(err, new(dataError)) {
				break // the world's fault: the next file would meet it too
			}
		}
		all = append(all, one)
	}
	return errors.Join(append([]error{p.printIngested(opt, all)}, failed...)...)
}

func (p *Program) ingestFile(ctx context.Context, intake *ingest.Intake, path string, how formats.Options, most int) (ingested, error) {
	one := ingested{File: path}
	in, err := p.openInput(ctx, path, how)
	if err != nil {
		one.Error = err.Error()
		return one, err
	}
	one.Format = in.info.Format.Name
	res, err := intake.Take(ctx, &noCloser{in})
	err = errors.Join(err, in.Close())
	one.Accepted, one.Rejected, one.First, one.Last = res.Accepted, res.Rejected, timeText(res.First), timeText(res.Last)
	for _, x := range res.Rejects[:min(len(res.Rejects), max(0, most))] {
		one.Rejects = append(one.Rejects, rejectedJSON{x.Where, x.Field, x.Reason, string(x.Raw[:min(len(x.Raw), 200)])})
	}
	var own *ingest.SourceError
	switch {
	case errors.As(err, &own) && ctx.Err() == nil:
		one.Error = own.Err.Error()
		return one, dataError{fmt.Errorf("%s: %w; %d readings before that are stored", path, own.Err, res.Accepted)}
	case err != nil:
		return one, fmt.Errorf("%s: %w", path, err)
	case res.Accepted == 0:
		return one, dataError{fmt.Errorf("%s: nothing could be taken%s", path, firstOf(res.Rejects))}
	}
	return one, nil
}

// noCloser keeps Take from closing what we close with its file.
type noCloser struct{ src flatwatt.Source }

func (s *noCloser) Read(ctx context.Context) (flatwatt.Batch, error) { return s.src.Read(ctx) }

func (p *Program) printIngested(opt *options, all []ingested) error {
	switch opt.output {
	case "json":
		enc := json.NewEncoder(p.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	case "csv":
		out := csv.NewWriter(p.Stdout)
		_ = out.Write([]string{"file", "format", "accepted", "rejected", "first", "last", "error"})
		for _, x := range all {
			_ = out.Write([]string{cellSafe(x.File), x.Format, fmt.Sprint(x.Accepted), fmt.Sprint(x.Rejected), x.First, x.Last, x.Error})
		}
		out.Flush()
		return out.Error()
	}
	for _, x := range all {
		writeIngested(p.Stdout, x)
	}
	return nil
}

func writeIngested(w io.Writer, x ingested) {
	fmt.Fprintf(w, "%s: %s, %s accepted, %s rejected", x.File, x.Format, grouped(int64(x.Accepted)), grouped(int64(x.Rejected)))
	if x.First != "" {
		fmt.Fprintf(w, ", %s … %s", x.First, x.Last)
	}
	fmt.Fprintln(w)
	for _, r := range x.Rejects {
		field := r.Field
		if field != "" {
			field += ": "
		}
		fmt.Fprintf(w, "  %s: %s%s\n", r.Where, field, r.Reason)
	}
	if more := x.Rejected - len(x.Rejects); more > 0 {
		fmt.Fprintf(w, "  … and %s more, see the stream %s\n", grouped(int64(more)), jetstream.RejectedStream)
	}
}
