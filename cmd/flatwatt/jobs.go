package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flatwatt/flatwatt/schedule"
)

// A jobSettings is a job of the service; see sample.yaml.
type jobSettings struct {
	Name    string `yaml:"name"`
	Cron    string `yaml:"cron"`
	Zone    string `yaml:"zone"`
	Run     string `yaml:"run"`
	Overlap string `yaml:"overlap"`
	Missed  string `yaml:"missed"`
}

// jobCommands are the commands that a job may run: those that end, and that change nothing
// which a person should decide, such as promoting.
var jobCommands = [][]string{{"rescore"}, {"archive", "verify"}, {"archive", "export"}, {"archive", "ls"}, {"feedback"}, {"fit"}, {"quality"}, {"score"}}

// notJobs are refused though they begin like one.
var notJobs = [][]string{{"rescore", "promote"}, {"rescore", "rm"}}

// checkJobs checks the jobs of the configuration.
func (s *settings) checkJobs(bad func(string, ...any)) {
	if len(s.Jobs) > 0 && s.Archive.URL == "" {
		bad("jobs: need archive.url, where their ledger is kept")
	}
	if _, err := s.jobs(); err != nil {
		bad("jobs: %w", err)
	}
}

// jobs are those of the configuration, ready to run.
func (s *settings) jobs() ([]schedule.Job, error) {
	var list []schedule.Job
	var errs []error
	for i, j := range s.Jobs {
		job, err := j.job()
		if err != nil {
			errs = append(errs, fmt.Errorf("number %d (%s): %w", i+1, j.Name, err))
			continue
		}
		list = append(list, job)
	}
	return list, errors.Join(append(errs, schedule.Validate(list))...)
}

func (j jobSettings) job() (job schedule.Job, err error) {
	zone, err := time.LoadLocation(j.Zone) // "" is UTC
	if err != nil || j.Zone == "Local" {
		return job, fmt.Errorf("zone %q: want a name of the IANA time zone database, e.g. Asia/Shanghai", j.Zone)
	}
	job = schedule.Job{Name: j.Name, Overlap: schedule.Skip, Missed: schedule.Once, Command: strings.Fields(j.Run)}
	if job.When, err = schedule.ParseWhen(j.Cron, zone); err != nil {
		return job, fmt.Errorf("cron: %w", err)
	}
	if j.Overlap != "" {
		job.Overlap = schedule.Overlap(j.Overlap)
	}
	if j.Missed != "" {
		job.Missed = schedule.Missed(j.Missed)
	}
	begins := func(with []string) bool {
		return len(job.Command) >= len(with) && slices.Equal(job.Command[:len(with)], with)
	}
	if !slices.ContainsFunc(jobCommands, begins) || slices.ContainsFunc(notJobs, begins) {
		var names []string
		for _, c := range jobCommands {
			names = append(names, strings.Join(c, " "))
		}
		return job, fmt.Errorf("run %q: want a command of %s, without flatwatt before it", j.Run, strings.Join(names, ", "))
	}
	return job, nil
}

// runBeside scores, and beside that keeps the archive and runs jobs, until one of them
// fails for good or ctx ends.
func (p *Program) runBeside(ctx context.Context, sv service, score func(context.Context) error) error {
	s := sv.settings
	if s.Archive.URL == "" {
		return score(ctx)
	}
	jobs, err := s.jobs()
	if err != nil {
		return usageError{err}
	}
	records, err := schedule.OpenRecords(ctx, sv.to.stream, s.NATS.Replicas)
	if err != nil {
		return err
	}
	worker := workerName()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return score(ctx) })
	g.Go(func() error { return p.keepArchive(ctx, sv, records, worker) })
	if len(jobs) > 0 {
		g.Go(func() error { return p.runJobs(ctx, sv, jobs, records, worker) })
	}
	return g.Wait()
}

// runJobs runs what is due and falls to this worker, until ctx ends.
func (p *Program) runJobs(ctx context.Context, sv service, jobs []schedule.Job, records *schedule.Records, worker string) error {
	store, err := p.openStore(ctx, sv.settings.Archive.URL)
	if err != nil {
		return err
	}
	w := &schedule.Worker{
		Name: worker, Jobs: jobs, Records: records, Ledger: jobLedger{store},
		Do: func(ctx context.Context, j schedule.Job) (schedule.Result, error) {
			return p.runJob(ctx, sv.settings, j)
		},
		Warn: func(err error) { p.warn("%v", err) },
	}
	server, err := schedule.OpenServer(ctx, sv.to.stream, jobs, sv.settings.NATS.Replicas)
	how := "by the server's schedules"
	switch {
	case err == nil:
		w.Knock = server.Knock
	case ctx.Err() != nil:
		return ctx.Err()
	default: // no schedules, or no permission to make them: our own clock will do
		how = fmt.Sprintf("by this worker's clock (%v)", err)
	}
	for _, j := range jobs {
		p.say("job %s: %s, %s, next at %s", j.Name, j.When, how, j.When.Next(time.Now()).Format(time.RFC3339))
	}
	return w.Run(ctx)
}

// runJob runs a command of this program, as somebody would by hand, with the settings of
// the service.
func (p *Program) runJob(ctx context.Context, s settings, j schedule.Job) (schedule.Result, error) {
	given := map[string]string{archiveEnv: s.Archive.URL, envPrefix + "FLEET": s.Fleet, envPrefix + "MODEL": s.Model}
	out := &lastBytes{}
	sub := &Program{
		Stdout: out, Stderr: &lineWriter{say: func(line string) { p.say("job %s: %s", j.Name, line) }}, Environ: p.Environ, asker: "job " + j.Name,
		Getenv: func(name string) string {
			if v := given[name]; v != "" {
				return v
			}
			return p.Getenv(name)
		},
	}
	began := time.Now()
	err := sub.execute(ctx, j.Command)
	if sub.result.Text == "" {
		sub.result.Text = strings.TrimSpace(string(out.tail))
	}
	how := "done"
	if err != nil {
		how = err.Error()
	}
	p.say("job %s: %s after %s", j.Name, how, time.Since(began).Round(time.Second/10))
	return sub.result, err
}

// lastBytes keeps the end of what is written, for the ledger.
type lastBytes struct{ tail []byte }

const maxLastBytes = 2000

func (l *lastBytes) Write(b []byte) (int, error) {
	l.tail = append(l.tail, b...)
	if n := len(l.tail) - maxLastBytes; n > 0 {
		l.tail = append(l.tail[:0], l.tail[n:]...)
		if i := bytes.IndexByte(l.tail, '\n'); i >= 0 { // whole lines
			l.tail = append(l.tail[:0], l.tail[i+1:]...)
		}
	}
	return len(b), nil
}

// A lineWriter hands on whole lines.
type lineWriter struct {
	say  func(string)
	rest []byte
}

var _ io.Writer = &lineWriter{}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		w.say(string(line))
		w.rest = rest
	}
}
