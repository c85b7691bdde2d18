package file

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/durable"
)

var nan64 = math.NaN()

// A featureColumn names a published feature in scores.csv.
type featureColumn struct {
	name string
	of   func(*flatwatt.Features) *float64
}

var featureColumns = []featureColumn{
	{"mean_kw", func(f *flatwatt.Features) *float64 { return &f.MeanKW }},
	{"floor_kw", func(f *flatwatt.Features) *float64 { return &f.FloorKW }},
	{"load_factor", func(f *flatwatt.Features) *float64 { return &f.LoadFactor }},
	{"cv", func(f *flatwatt.Features) *float64 { return &f.CV }},
	{"robust_cv", func(f *flatwatt.Features) *float64 { return &f.RobustCV }},
	{"baseload_share", func(f *flatwatt.Features) *float64 { return &f.BaseloadShare }},
	{"night_day", func(f *flatwatt.Features) *float64 { return &f.NightDay }},
	{"weekday_end", func(f *flatwatt.Features) *float64 { return &f.WeekdayEnd }},
	{"acf_24", func(f *flatwatt.Features) *float64 { return &f.ACF24 }},
	{"power_factor", func(f *flatwatt.Features) *float64 { return &f.PowerFactor }},
	{"thermal_pct", func(f *flatwatt.Features) *float64 { return &f.ThermalPct }},
	{"valid_share", func(f *flatwatt.Features) *float64 { return &f.ValidShare }},
}

const outsideColumn = "outside_log_odds"

// outside writes the part of the log odds that outside evidence added; empty where there is none.
func (c *cells) outside(logOdds float64) {
	if logOdds != 0 {
		c.number(logOdds)
	} else {
		c.text("")
	}
}

// A ScoresWriter writes scores.csv: one line a score with its published features. It is
// a flatwatt.Sink except that scores are durable, and the file is there, only once Close
// has returned; that is what a batch run wants. A repeated score is a further line, of
// which the last one counts.
type ScoresWriter struct {
	file *durable.File
	zip  *gzip.Writer
	out  io.Writer
	line cells
	err  error
}

var _ flatwatt.Sink = (*ScoresWriter)(nil)

// NewScoresWriter begins the file path; with the ending .gz it is compressed.
func NewScoresWriter(path string) (*ScoresWriter, error) {
	f, err := durable.Create(path, fileMode)
	if err != nil {
		return nil, fmt.Errorf("write scores: %w", err)
	}
	w := &ScoresWriter{file: f, out: f}
	if strings.HasSuffix(path, ".gz") {
		w.zip = gzip.NewWriter(f)
		w.out = w.zip
	}
	for _, name := range []string{"meter_id", "day", "detector", "state", "probability", "log_odds", "block_kw"} {
		w.line.text(name)
	}
	for _, f := range featureColumns {
		w.line.text(f.name)
	}
	w.line.text(outsideColumn)
	w.line.end()
	return w, nil
}

// Write adds scores in their order. The first error sticks.
func (w *ScoresWriter) Write(ctx context.Context, scores []flatwatt.Score) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range scores {
		w.add(&scores[i])
		if w.err != nil {
			return fmt.Errorf("write scores: %w", w.err)
		}
	}
	return nil
}

func (w *ScoresWriter) add(s *flatwatt.Score) {
	c := &w.line
	c.text(string(s.Meter))
	c.text(s.Day.String())
	c.text(s.Detector)
	c.text(string(s.State))
	c.number(s.Probability)
	c.number(s.LogOdds)
	c.number(s.Block.Value)
	for _, f := range featureColumns {
		c.number(*f.of(&s.Features))
	}
	c.outside(s.Outside)
	c.end()
	if len(c.buf) >= 64<<10 && w.err == nil {
		_, w.err = w.out.Write(c.take())
	}
}

// Close completes the file and puts it in its place, or removes it after an error.
func (w *ScoresWriter) Close() error {
	if w.err == nil {
		_, w.err = w.out.Write(w.line.take())
	}
	if w.err == nil && w.zip != nil {
		w.err = w.zip.Close()
	}
	if w.err != nil {
		w.file.Abort()
		return fmt.Errorf("write scores: %w", w.err)
	}
	if err := w.file.Commit(); err != nil {
		return fmt.Errorf("write scores: %w", err)
	}
	return nil
}

// Abort removes what was written.
func (w *ScoresWriter) Abort() { w.file.Abort() }

// ReadScores reads scores.csv from path, or path.gz, line by line. What the file does not
// hold is NaN or zero. It ends with an error at the first bad row.
func ReadScores(path string) iter.Seq2[flatwatt.Score, error] {
	return func(yield func(flatwatt.Score, error) bool) {
		t, rej, err := openResults(path, "meter_id", "day", "probability")
		if err != nil {
			yield(flatwatt.Score{}, fmt.Errorf("read scores: %w", err))
			return
		}
		defer t.close()
		for t.next() && len(rej.kept) == 0 {
			s := t.score()
			if len(rej.kept) > 0 {
				break
			}
			if !yield(s, nil) {
				return
			}
		}
		if err := rej.asError(); err != nil {
			yield(flatwatt.Score{}, fmt.Errorf("read scores %s: %w", path, err))
		}
	}
}

func (t *table) score() flatwatt.Score {
	s := flatwatt.Score{
		Meter: flatwatt.MeterID(t.get("meter_id")), Detector: t.get("detector"), State: flatwatt.State(t.get("state")),
		LogEValue: nan64, Block: flatwatt.Estimate{Value: nan64, Low: nan64, High: nan64},
	}
	day, err := time.Parse(time.DateOnly, t.get("day"))
	if err != nil {
		t.reject("bad time", "day", fmt.Sprintf("%q is not a date like 2026-01-31", t.get("day")))
	}
	s.Day = flatwatt.Day(day.Unix() / 86400)
	s.Probability, s.LogOdds, s.Block.Value = t.float("probability", nan64), t.float("log_odds", nan64), t.float("block_kw", nan64)
	for _, f := range featureColumns {
		*f.of(&s.Features) = t.float(f.name, nan64)
	}
	s.Outside = t.float(outsideColumn, 0)
	return s
}
