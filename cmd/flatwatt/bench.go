package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// Bounds of bench: what fits a large machine's memory and an evening.
const (
	maxBenchMeters = 20_000_000
	maxBenchDays   = 400

	benchInterval = 15 * time.Minute
	perDay        = int(24 * time.Hour / benchInterval)
	perTransf     = 50 // meters under a transformer
	perBatch      = 10 // intervals of them in a message: 500 readings
)

type benchFlags struct {
	meters, days int
	seed         uint64
	dir, model   string
	forms        []string
	scoreOnly    bool
	buckets      int
}

// A benchForm is a form of message that bench knows.
type benchForm struct {
	name       string
	format     wire.Format
	perMessage int
}

var benchForms = []benchForm{
	{"batch", wire.Batch, perTransf * perBatch}, {"lineprotocol", wire.LineProtocol, perTransf * perBatch},
	{"json", wire.JSON, perTransf * perBatch}, {"single", wire.Batch, 1},
}

func (f benchFlags) wanted() (list []benchForm, err error) {
	for _, name := range f.forms {
		i := slices.IndexFunc(benchForms, func(b benchForm) bool { return b.name == name })
		if i < 0 {
			return nil, usagef("--forms %s: want batch, lineprotocol, json or single (one reading a message)", name)
		}
		list = append(list, benchForms[i])
	}
	return list, nil
}

// A benchReport is what bench prints. Rates are per second of wall time; those per CPU
// second count the time of all cores, and stay true on a machine that is busy.
type benchReport struct {
	Meters         int        `json:"meters"`
	Days           int        `json:"days"`
	CPUs           int        `json:"cpus"`
	Platform       string     `json:"platform"`
	Decode         benchRate  `json:"decode_readings"`
	Score          benchRate  `json:"score_readings"`
	CloseSeconds   float64    `json:"day_close_seconds"` // the longest
	MemoryPerMeter float64    `json:"memory_bytes_per_meter"`
	PeakMemory     float64    `json:"peak_memory_bytes"` // of the process, until scoring was measured
	StatePerMeter  float64    `json:"checkpoint_bytes_per_meter"`
	StateSeconds   float64    `json:"checkpoint_encode_seconds"`
	RestoreSeconds float64    `json:"checkpoint_restore_seconds"`
	BuildSeconds   float64    `json:"scorer_build_seconds"` // from the register, before the first reading
	Database       *benchRate `json:"database_scores,omitempty"`
	DiskPerScore   float64    `json:"database_bytes_per_score,omitempty"`
	EndToEnd       []benchEnd `json:"end_to_end,omitempty"`
}

// A benchRate is how many a second.
type benchRate struct {
	PerSecond    float64 `json:"per_second"`
	PerCPUSecond float64 `json:"per_cpu_second"`
}

// A benchEnd is the whole way in one form of message.
type benchEnd struct {
	Form             string    `json:"form"`
	PerMessage       int       `json:"readings_per_message"`
	Decoded          benchRate `json:"decoded_only"` // the same way without scoring and database
	Scored           benchRate `json:"scored"`
	StreamPerReading float64   `json:"stream_bytes_per_reading"`
}

// A spent sums stretches of work.
type spent struct{ wall, cpu time.Duration }

// add adds what passed since w and returns how long that was.
func (s *spent) add(w stopwatch) time.Duration {
	took := time.Since(w.wall)
	s.wall, s.cpu = s.wall+took, s.cpu+cpuTime()-w.cpu
	return took
}

func (s *spent) rate(n int) benchRate {
	return benchRate{float64(n) / s.wall.Seconds(), float64(n) / max(s.cpu.Seconds(), 1e-9)}
}

// A stopwatch measures a stretch of work.
type stopwatch struct {
	wall time.Time
	cpu  time.Duration
}

func startWatch() stopwatch { return stopwatch{time.Now(), cpuTime()} }

func (w stopwatch) rate(n int) benchRate {
	var s spent
	s.add(w)
	return s.rate(n)
}

func newBench(p *Program, opt *options) *cobra.Command {
	var flags benchFlags
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine: readings a second, memory a meter, disk a day",
		Long: `Bench scores made-up readings of a fleet and measures each stage by itself (decoding,
scoring with the close of each day, checkpoints, the embedded database) and then all of
them together, from JetStream on disk to the database. Run it with the number of meters
that one process shall hold, on the disk that it shall use (--dir).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.bench(cmd.Context(), opt, flags) },
	}
	cmd.Flags().IntVar(&flags.meters, "meters", 10_000, "meters of 15 minutes")
	cmd.Flags().IntVar(&flags.days, "days", 5, "days of readings")
	cmd.Flags().Uint64Var(&flags.seed, "seed", 1, "of the readings")
	cmd.Flags().StringSliceVar(&flags.forms, "forms", []string{"batch"}, "forms of message for the whole way: batch, lineprotocol, json, single")
	cmd.Flags().BoolVar(&flags.scoreOnly, "score-only", false, "measure decoding, scoring and checkpoints only, without stream and database")
	cmd.Flags().IntVar(&flags.buckets, "buckets", 1, "score so many parts of the fleet by themselves, as partitions.buckets does")
	cmd.Flags().StringVar(&flags.dir, "dir", "", "empty `directory` for stream and database; the default is a temporary one")
	p.addModelFlag(cmd, &flags.model)
	return cmd
}

func (p *Program) bench(ctx context.Context, opt *options, flags benchFlags) error {
	if flags.meters < perTransf || flags.meters > maxBenchMeters || flags.days < 1 || flags.days > maxBenchDays {
		return usagef("--meters %d --days %d: want %d to %d meters and 1 to %d days", flags.meters, flags.days, perTransf, maxBenchMeters, maxBenchDays)
	}
	if flags.buckets < 1 || flags.buckets > jetstream.MaxBuckets {
		return usagef("--buckets %d: want 1 to %d", flags.buckets, jetstream.MaxBuckets)
	}
	forms, err := flags.wanted()
	if err != nil {
		return err
	}
	model, err := loadModel(flags.model)
	if err != nil {
		return err
	}
	dir, err := p.workDir(flags.dir)
	if err != nil {
		return err
	}
	r := benchReport{Meters: flags.meters, Days: flags.days, CPUs: runtime.GOMAXPROCS(0), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	g := newBenchFleet(flags)
	p.say("decoding …")
	if err := r.decode(g); err != nil {
		return err
	}
	p.say("scoring …")
	scores, err := r.score(g, model, flags.buckets)
	if err != nil {
		return err
	}
	if !flags.scoreOnly {
		p.say("writing to the database …")
		if err := p.benchDatabase(ctx, &r, g, scores, filepath.Join(dir, "database")); err != nil {
			return err
		}
		for _, f := range forms {
			p.say("end to end, %s …", f.name)
			if err := p.benchEnd(ctx, &r, g, model, f, filepath.Join(dir, f.name)); err != nil {
				return err
			}
		}
	}
	return p.printBench(opt, &r)
}

// decode measures the batch form, a core, on a day's messages of a part of the fleet.
func (r *benchReport) decode(g *benchFleet) error {
	part := *g
	part.meters = g.meters[:min(len(g.meters), 5000)]
	var bodies [][]byte
	if err := part.each(1, func(_ int, rs []flatwatt.Reading) error {
		body, err := wire.AppendBody(nil, wire.Batch, rs)
		bodies = append(bodies, body)
		return err
	}); err != nil {
		return err
	}
	d := wire.Decoder{Known: wire.Registered(part.meters)}
	var b flatwatt.Batch
	n, watch := 0, startWatch()
	for time.Since(watch.wall) < time.Second {
		for _, body := range bodies {
			b.Readings, b.Rejected = b.Readings[:0], b.Rejected[:0]
			d.Append(&b, wire.Message{Format: wire.Batch, Body: body})
			n += len(b.Readings)
		}
	}
	r.Decode = watch.rate(n)
	return nil
}

// score measures the scorers alone, on readings that are there already, and returns the
// scores of the last day, of the last bucket.
func (r *benchReport) score(g *benchFleet, model *detectors.Params, buckets int) (last []flatwatt.Score, err error) {
	before := heap()
	began := time.Now()
	scorers, err := g.scorers(model, buckets)
	r.BuildSeconds = time.Since(began).Seconds()
	if err != nil {
		return nil, err
	}
	var total spent
	n := 0
	var scores []flatwatt.Score
	err = g.each(g.days, func(transformer int, rs []flatwatt.Reading) error {
		s := scorers[benchBucket(transformer, buckets)]
		watch := startWatch()
		scores = s.Score(scores[:0], rs)
		n += len(rs)
		if took := total.add(watch); len(scores) > 0 {
			r.CloseSeconds = max(r.CloseSeconds, took.Seconds())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := r.checkpoints(scorers, len(g.meters)); err != nil {
		return nil, err
	}
	for _, s := range scorers {
		watch := startWatch()
		last = s.Close(last[:0])
		r.CloseSeconds = max(r.CloseSeconds, total.add(watch).Seconds())
	}
	r.Score = total.rate(n)
	r.PeakMemory = peakMemory()
	r.MemoryPerMeter = float64(heap()-before) / float64(len(g.meters))
	runtime.KeepAlive(scorers)
	return last, nil
}

// checkpoints encodes and restores the state of each bucket.
func (r *benchReport) checkpoints(scorers []flatwatt.Scorer, meters int) (err error) {
	var state []byte
	size := 0
	for _, s := range scorers {
		began := time.Now()
		if state, err = s.AppendBinary(state[:0]); err != nil {
			return err
		}
		r.StateSeconds += time.Since(began).Seconds()
		size += len(state)
		began = time.Now()
		if err := s.UnmarshalBinary(state); err != nil {
			return err
		}
		r.RestoreSeconds += time.Since(began).Seconds()
	}
	r.StatePerMeter = float64(size) / float64(meters)
	return nil
}

// heap is what lives on the heap now.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// diskBytes is what the files under dir take.
func diskBytes(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

func (p *Program) printBench(opt *options, r *benchReport) error {
	if opt.output == "json" {
		e := json.NewEncoder(p.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	for _, row := range r.rows() {
		if _, err := fmt.Fprintf(p.Stdout, "%-12s %s\n", row.what, row.value); err != nil {
			return err
		}
	}
	return nil
}

// rows are the report for people.
func (r *benchReport) rows() []struct{ what, value string } {
	type row = struct{ what, value string }
	n := func(v float64) string { return grouped(int64(v)) }
	both := func(b benchRate) string { return n(b.PerSecond) + "/s, " + n(b.PerCPUSecond) + " a CPU second" }
	rows := []row{
		{"fleet", fmt.Sprintf("%d meters of 15 minutes, %d days, %d CPUs, %s", r.Meters, r.Days, r.CPUs, r.Platform)},
		{"decode", "readings " + both(r.Decode)},
		{"score", fmt.Sprintf("readings %s, day close included; the longest close took %.2f s", both(r.Score), r.CloseSeconds)},
		{"memory", fmt.Sprintf("%.0f bytes a meter; at most %s MB of the process", r.MemoryPerMeter, n(r.PeakMemory/1e6))},
		{"start", fmt.Sprintf("detectors built from the register in %.3f s", r.BuildSeconds)},
		{"checkpoint", fmt.Sprintf("%.0f bytes a meter, encoded in %.3f s, restored in %.3f s", r.StatePerMeter, r.StateSeconds, r.RestoreSeconds)},
	}
	if r.Database != nil {
		rows = append(rows, row{"database", fmt.Sprintf("scores %s, %.0f bytes a score before compaction", both(*r.Database), r.DiskPerScore)})
	}
	for _, e := range r.EndToEnd {
		rows = append(rows, row{e.Form, fmt.Sprintf("readings from stream to database %s; decoded only %s; %.0f bytes a reading in the stream", both(e.Scored), both(e.Decoded), e.StreamPerReading)})
	}
	return rows
}
