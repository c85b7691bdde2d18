package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/network"
	"github.com/flatwatt/flatwatt/streams/influx"
	stream "github.com/flatwatt/flatwatt/streams/jetstream"
)

// The demo's fleet: enough miners for a list worth reading, few enough meters that the
// suspects are there within a minute on two cores.
const (
	demoMeters      = 300
	demoDays        = 90
	demoMinerShare  = 0.05
	demoChangeShare = 0.04
	demoTop         = 20
	demoSaveEvery   = 250_000
)

type demoFlags struct {
	fleet  fleetFlags
	dir    string
	listen string
	model  string
	exit   bool
}

func newDemo(p *Program, opt *options) *cobra.Command {
	var flags demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Simulate a fleet, replay it through embedded servers, score it live",
		Long: `Demo draws a fleet, starts an embedded NATS server with JetStream on disk and an embedded
time-series database, replays the fleet through them much faster than real time, scores
it live and prints the ranked suspects with the truth beside them. Then made-up people work
through its alarms, and the control room shows what they did, until Ctrl-C; --exit ends at
once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.demo(cmd.Context(), opt, flags) },
	}
	flags.fleet.add(cmd, demoMeters, demoDays)
	cmd.Flags().StringVar(&flags.dir, "dir", "", "empty `directory` for stream and database; the default is a temporary one")
	cmd.Flags().StringVar(&flags.listen, "listen", "127.0.0.1:0", "`address` of the page")
	p.addModelFlag(cmd, &flags.model)
	cmd.Flags().BoolVar(&flags.exit, "exit", false, "end after the list instead of serving the page")
	return cmd
}

func (p *Program) demo(ctx context.Context, opt *options, flags demoFlags) error {
	model, err := loadModel(flags.model)
	if err != nil {
		return err
	}
	dir, err := p.workDir(flags.dir)
	if err != nil {
		return err
	}
	fleet, err := p.drawFleet(ctx, flags.fleet)
	if err != nil {
		return err
	}
	room, password, err := p.demoRoom(ctx, opt, flags, fleet, dir)
	if err != nil {
		return err
	}
	morning := fleet.end().Add(demoMorning*time.Hour + 2*time.Hour)
	url, err := p.serveDemo(ctx, flags.listen, room, password, dir, morning)
	if err != nil {
		return err
	}
	p.say("page: %s (user demo, password %s)", url, password)
	began := time.Now()
	said := &verdictDays{of: newVerdicts(fleet.all().meters, opt.lang), days: map[string][]alarms.Verdict{}}
	room.to.sink = bothSinks{room.to.sink, said}
	err = p.replayAndScore(ctx, model, fleet, room.to, room.board)
	findings := room.board.Findings()
	if err == nil {
		err = p.scoreBeside(ctx, model, fleet, room.to.sink, room.board)
	}
	room.board.finish(err)
	if err != nil {
		return err
	}
	if err := p.printFindings(opt, demoList(findings), true); err != nil {
		return err
	}
	if opt.output == "table" {
		fmt.Fprintf(p.Stdout, "\n%s\n", standing(findings))
	}
	p.say("replayed, scored and stored in %.1f s; scores are in measurement %s of %s", time.Since(began).Seconds(), influx.ScoreMeasurement, room.to.influxURL)
	if flags.exit {
		return nil
	}
	if err := p.demoPlay(ctx, model, fleet, room, said.days, dir, morning); err != nil {
		return err
	}
	p.say("the control room is at %s: sign in as demo, password %s; Ctrl-C ends", url, password)
	<-ctx.Done()
	return nil
}

// demoRoom starts the demo's servers and makes what its console shows.
func (p *Program) demoRoom(ctx context.Context, opt *options, flags demoFlags, fleet *drawnFleet, dir string) (room controlRoom, password string, err error) {
	all := fleet.all()
	room.to, err = p.startServers(ctx, settings{DataDir: dir, NATS: natsSettings{Listen: "127.0.0.1:0"},
		Influx: influxSettings{Listen: "127.0.0.1:0", Org: "flatwatt", Bucket: "flatwatt", Token: newToken()}}, all.meters)
	if err != nil {
		return room, "", err
	}
	room.board = newBoard(fmt.Sprintf("demo, seed %d", flags.fleet.seed), all.meters, wordsIn(opt.lang))
	room.board.know(all.truth)
	room.board.loads = all.loads()
	room.used = fleetEnergy{all.loads(), registerOf(all.meters)}
	room.net, _ = network.New(network.Parents(all.meters), nil)
	room.db, password, err = p.demoCasework(ctx, dir, fleet.first)
	return room, password, err
}

// demoPlay has the demo's people work through the alarms of all days, and scores the last
// days again.
func (p *Program) demoPlay(ctx context.Context, model *detectors.Params, fleet *drawnFleet, room controlRoom, days map[string][]alarms.Verdict, dir string, morning time.Time) error {
	story := &demoStory{store: room.db, policy: alarms.DefaultPolicy(), used: room.used, fleet: fleet, found: room.board.hall}
	if err := story.play(ctx, days); err != nil {
		return err
	}
	return p.demoRescore(ctx, model, fleet, dir, morning.Add(-time.Hour))
}

// verdictDays collects what scores say to alarms, by day.
type verdictDays struct {
	of   verdictsOf
	days map[string][]alarms.Verdict
}

// Write implements flatwatt.Sink.
func (d *verdictDays) Write(_ context.Context, scores []flatwatt.Score) error {
	for i := range scores {
		if v, ok := d.of.of(&scores[i]); ok {
			d.days[v.Day] = append(d.days[v.Day], v)
		}
	}
	return nil
}

// workDir is where the demo's servers keep their files.
func (p *Program) workDir(dir string) (string, error) {
	if dir == "" {
		tmp, err := os.MkdirTemp("", "flatwatt-demo-")
		if err != nil {
			return "", err
		}
		p.atExit(func() error { return os.RemoveAll(tmp) })
		return tmp, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", usageError{err}
	}
	if len(entries) > 0 {
		return "", usagef("--dir %s is not empty; the demo begins with nothing, name another", dir)
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// replayAndScore publishes the fleet and scores it at the same time, until every message
// that was stored has been scored.
func (p *Program) replayAndScore(ctx context.Context, model *detectors.Params, fleet *drawnFleet, to *servers, b *board) error {
	scorer, err := newScorer(model, fleet.meters, fleet.meters, fleet.weather, fleet.aside)
	if err != nil {
		return err
	}
	stored, storedAll := context.WithCancel(ctx)
	defer storedAll()
	var last flatwatt.Position // written before storedAll is called, read after
	total := count(fleet.series)
	bar := p.progress("replay and score", "readings", total)
	line, err := to.pipeline(model, scorer, b, bar.at)
	if err != nil {
		return err
	}
	line.SaveEvery = demoSaveEvery
	open := line.Open
	line.Open = func(ctx context.Context, from flatwatt.Position) (flatwatt.Source, error) {
		source, err := open(ctx, from)
		return &untilSource{Source: source, known: stored, last: &last, at: from}, err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		of := parents(fleet.meters)
		pub := &stream.Publisher{JetStream: to.stream}
		if _, err := publish(ctx, pub, newRecordedSource(fleet.series, of), of, func(int64) {}); err != nil {
			return err
		}
		var err error
		if last, err = lastStored(ctx, to.stream); err != nil {
			return err
		}
		storedAll()
		return nil
	})
	work.Go(func() error { return line.Run(ctx) })
	if err := work.Wait(); err != nil {
		return err
	}
	bar.end("%s readings in %d messages", grouped(total), last)
	return nil
}

func lastStored(ctx context.Context, j jetstream.JetStream) (flatwatt.Position, error) {
	s, err := j.Stream(ctx, stream.ReadingsStream)
	if err != nil {
		return 0, err
	}
	return stream.LastSequence(ctx, s)
}

// demoList is what the demo prints: the first ranks and every planted miner below them.
func demoList(all []console.Finding) []console.Finding {
	list := ranksUpTo(all, demoTop)
	for _, f := range all[len(list):] {
		if f.Truth != nil && f.Truth.Label == flatwatt.Miner {
			list = append(list[:len(list):len(list)], f)
		}
	}
	return list
}

// recentDays is how many days a block must have run to count as ranked fairly.
const recentDays = 7

// standing says how the planted miners rank against the honest meters. Those that no list
// of the present could show are counted, and said to be so.
func standing(all []console.Finding) string {
	above, onset, honest := 0, 0, false
	var older, hidden, ended, fresh int
	for _, f := range all {
		t := f.Truth
		if t == nil || t.Label != flatwatt.Miner {
			honest = true
			continue
		}
		note := strings.ToLower(t.Note)
		switch {
		case strings.Contains(note, "bypass"):
			hidden++
			continue
		case t.Onset.IsZero():
			older++
			continue
		case honest && strings.Contains(note, "ends "):
			ended++
		case honest && f.Score.Start.Sub(t.Onset) < recentDays*24*time.Hour:
			fresh++
		}
		onset++
		above += btoi(!honest)
	}
	text := fmt.Sprintf("%d of %d planted miners with an onset rank above every honest meter", above, onset)
	for _, part := range []struct {
		n    int
		text string
	}{
		{ended, "ended and lower: %d"},
		{fresh, fmt.Sprintf("begun in the last %d days and lower: %%d", recentDays)},
		{older, "older than the data, not counted: %d"},
		{hidden, "bypassing their meter, not counted: %d"},
	} {
		if part.n > 0 {
			text += "; " + fmt.Sprintf(part.text, part.n)
		}
	}
	return text + "."
}

func newToken() secret {
	var b [24]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return secret(hex.EncodeToString(b[:]))
}
