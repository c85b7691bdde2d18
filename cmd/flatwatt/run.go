package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/metrics"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/file"
)

// longestWait is between two attempts to reach a database that is away.
const longestWait = 30 * time.Second

func newRun(p *Program, opt *options) *cobra.Command {
	var model string
	var fresh bool
	cmd := &cobra.Command{
		Use:   "run --config FILE",
		Short: "Run the service: score readings from JetStream as they arrive",
		Long: `Run consumes readings from JetStream, scores every day that closes, writes scores to the
database and shows suspects on a page. It resumes from its last checkpoint; stopping it,
in whatever way, loses nothing. It ends on Ctrl-C or SIGTERM with exit code 0, and with 1
when a server stays out of reach: have the service manager restart it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.loadSettings(opt.config)
			if err != nil {
				return err
			}
			if model != "" {
				s.Model = model
			}
			return p.run(cmd.Context(), opt, s, fresh)
		},
	}
	p.addModelFlag(cmd, &model)
	cmd.Flags().BoolVar(&fresh, "fresh", false, "give up a checkpoint of another model, register or program, and warm up from the start of the stream")
	return cmd
}

func (p *Program) run(ctx context.Context, opt *options, s settings, fresh bool) error {
	model, fleet, err := p.modelAndRegister(ctx, s)
	if err != nil {
		return err
	}
	if s.Log.Format == "json" {
		p.log = slog.New(slog.NewJSONHandler(p.Stderr, nil))
	}
	built := p.networkBeside(s.Fleet, fleet.Meters())
	to, err := p.startServers(ctx, s, fleet.Meters())
	if err != nil {
		return err
	}
	b := newBoard(s.Fleet, fleet.Meters(), nil) // the console words what it shows, in the language of who looks
	recent := newRecentLoads(s.Run.PlotHours)
	b.loads = recent
	net, err := built()
	if err != nil {
		return err
	}
	policy, err := loadPolicy(s.Casework.AlarmsFile)
	if err != nil {
		return err
	}
	db, err := p.openCasework(ctx, s.caseworkFile(), true)
	if err != nil {
		return err
	}
	sv := service{raiser: raiserOf(db, policy), casework: db, verdicts: verdictsOf{b.meters, wordsIn(opt.lang)}, settings: s, model: model, net: net, fleet: fleet, to: to, board: b, recent: recent, lang: opt.lang, fresh: fresh, metrics: metrics.New(buildVersion().Version), health: &metrics.Health{}, pulse: newPulse(time.Now)}
	if sv.book, err = p.followEvidence(ctx, fleet, to); err != nil {
		return err
	}
	if err := p.serveAll(ctx, sv); err != nil {
		return err
	}
	if err := p.startHooks(ctx, s, db); err != nil {
		return err
	}
	if err := p.startIngest(ctx, sv); err != nil {
		return err
	}
	defer p.keepTelling(p.notifier(), sv.pulse)()
	work, done := to.whileHealthy(ctx)
	defer done()
	score, part := p.runWhole, "stream"
	if s.Partitions.Buckets > 0 {
		score, part = p.runPartitioned, "partitions"
	}
	sv.health.Ready(part, "restoring") // before what runs beside it is ready
	err = p.runBeside(work, sv, func(ctx context.Context) error { return score(ctx, sv) })
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		p.say("stopped; the next start resumes from the last checkpoint")
		return nil
	}
	if cause := context.Cause(work); cause != nil && ctx.Err() == nil {
		err = cause
	}
	b.finish(err)
	if err != nil {
		return fmt.Errorf("score: %w", err)
	}
	return nil
}

// modelAndRegister reads what scoring is done with, and says which rows of the register
// are not taken.
func (p *Program) modelAndRegister(ctx context.Context, s settings) (*detectors.Params, *file.Fleet, error) {
	if s.Fleet == "" {
		return nil, nil, usagef("fleet is not set: name the directory with meters.csv in the configuration or in FLATWATT_FLEET")
	}
	model, err := p.modelNamed(ctx, s.Model, s.Archive.URL)
	if err != nil {
		return nil, nil, err
	}
	fleet, err := p.openRegister(s.Fleet)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range fleet.Rejects() {
		p.say("%s: %s: %s", r.Where, r.Field, r.Reason)
	}
	return model, fleet, nil
}

// runWhole scores the whole stream in this process.
func (p *Program) runWhole(ctx context.Context, sv service) error {
	scorer, err := newScorerOn(sv.net, sv.model, sv.fleet.Meters(), sv.fleet.Meters(), sv.fleet.Weather(), sv.aside())
	if err != nil {
		return err
	}
	line, err := p.servicePipeline(sv, end{name: checkpointName, part: "all", meters: sv.to.meters, sink: sv.to.sink, scorer: scorer})
	if err != nil {
		return err
	}
	line.Hooks.Resumed = func(from flatwatt.Position, size int) {
		sv.health.Ready("stream", "")
		p.say("ready: readings from %s after position %d (%d bytes of memory), scores to %s", redact(sv.to.natsURL), from, size, redact(sv.to.influxURL))
	}
	return line.Run(ctx)
}

// servicePipeline wires the loop of a part of the service, with its messages for people.
func (p *Program) servicePipeline(sv service, e end) (streams.Pipeline, error) {
	if sv.raiser != nil {
		e.sink = alarmSink{e.sink, sv.raiser, sv.verdicts, func(t alarms.Tally) { p.say("%s", t) }}
	}
	line, err := sv.to.pipelineOf(sv.model, e, sv.board, func(int64) {})
	if err != nil {
		return line, err
	}
	line.SaveEvery, line.SaveFirst, line.SaveBehind = sv.settings.Run.SaveEveryReadings, e.saveFirst, true
	note := line.Hooks.Scored
	unused := sv.unused(e)
	line.Hooks.Scored = func(batch flatwatt.Batch, scores []flatwatt.Score) {
		unused()
		sv.recent.add(batch.Readings)
		note(batch, scores)
	}
	// A database that is away is waited for. Nothing piles up here meanwhile: readings stay
	// in the stream, and are scored in order when it is back.
	line.Retry = streams.Retry{Attempts: math.MaxInt, Longest: longestWait}
	line.Hooks.Retried = func(doing string, attempt int, err error) { p.warn("%s: attempt %d: %v", doing, attempt, err) }
	if sv.fresh {
		saved := line.Checkpoints.(*lateCheckpoints)
		saved.fits = e.scorer.UnmarshalBinary
		saved.gaveUp = func(name string, at flatwatt.Position, why error) {
			p.warn("checkpoint %s at position %d is given up (--fresh), warming up from the start of the stream: %v", name, at, why)
		}
	}
	return sv.pulse.watch(e.part, sv.metrics.Watch(e.part, line)), nil
}

// unused returns what tells the metrics of the readings that no score used.
func (sv service) unused(e end) func() {
	j, ok := e.scorer.(*judges)
	if !ok {
		return func() {}
	}
	var told detectors.Counts
	return func() {
		if now := j.customers.Counts(); now != told {
			sv.metrics.Unused(e.part, "late", now.Late-told.Late)
			sv.metrics.Unused(e.part, "off_grid", now.OffGrid-told.OffGrid)
			told = now
		}
	}
}

var nan32 = float32(math.NaN())

// recentLoads keeps the last hours of load of every meter that is heard of, as hourly
// means, for the plots: 4 bytes an hour and meter. It is no part of a checkpoint: after a
// restart plots begin anew.
type recentLoads struct {
	hours int

	mu     sync.Mutex // guards what follows
	meters map[flatwatt.MeterID]*hourRing
}

// An hourRing is the last hours of one meter.
type hourRing struct {
	last int64     // hour since 1970 of the newest value
	kwh  []float32 // by hour modulo length; energy so far
	part []uint8   // minutes that are there
}

func newRecentLoads(hours int) *recentLoads {
	return &recentLoads{hours: hours, meters: map[flatwatt.MeterID]*hourRing{}}
}

func (l *recentLoads) add(readings []flatwatt.Reading) {
	if l.hours == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range readings {
		r := &readings[i]
		ring := l.meters[r.Meter]
		if ring == nil {
			ring = &hourRing{last: r.Start.Unix() / 3600, kwh: make([]float32, l.hours), part: make([]uint8, l.hours)}
			l.meters[r.Meter] = ring
		}
		ring.add(r.Start.Unix()/3600, float32(r.Energy), uint8(r.Length/time.Minute))
	}
}

// add puts energy into its hour. Hours that are too old are dropped.
func (h *hourRing) add(hour int64, kwh float32, minutes uint8) {
	n := int64(len(h.kwh))
	for ; h.last < hour; h.last++ {
		if h.last < hour-n {
			h.last = hour - n
		}
		next := (h.last + 1) % n
		h.kwh[next], h.part[next] = 0, 0
	}
	at := hour % n
	if hour <= h.last-n || h.part[at] >= 60 {
		return // too old, or told a second time
	}
	h.kwh[at] += kwh
	h.part[at] += min(minutes, 60-h.part[at])
}

// Load implements loads.
func (l *recentLoads) Load(id flatwatt.MeterID) (console.Load, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.meters[id]
	if h == nil {
		return console.Load{}, false
	}
	n := int64(len(h.kwh))
	load := console.Load{Start: time.Unix((h.last-n+1)*3600, 0).UTC(), Step: time.Hour, KW: make([]float32, n)}
	first := n
	for i := range n {
		at := (h.last - n + 1 + i) % n
		load.KW[i] = nan32
		if h.part[at] > 0 {
			load.KW[i] = h.kwh[at] * 60 / float32(h.part[at])
			first = min(first, i)
		}
	}
	load.Start = load.Start.Add(time.Duration(first) * time.Hour)
	load.KW = load.KW[first:]
	return load, len(load.KW) > 0
}
