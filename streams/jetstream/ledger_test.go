package jetstream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
)

// A ledger is a small Scorer: it scores a meter's day by its energy and by what it
// remembers of the days before.
type ledger struct{ Meters map[flatwatt.MeterID]*page }

type page struct {
	Day        flatwatt.Day
	KWh, Total float64
	Readings   int
}

func newLedger() *ledger { return &ledger{Meters: map[flatwatt.MeterID]*page{}} }

func (l *ledger) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	for _, r := range readings {
		day := flatwatt.Day(r.Start.Unix() / 86400)
		p := l.Meters[r.Meter]
		if p == nil {
			p = &page{Day: day}
			l.Meters[r.Meter] = p
		}
		if day > p.Day {
			dst = append(dst, p.score(r.Meter))
			p.Day, p.KWh = day, 0
		}
		p.KWh += float64(r.Energy)
		p.Total += float64(r.Energy)
		p.Readings++
	}
	return dst
}

func (p *page) score(id flatwatt.MeterID) flatwatt.Score {
	return flatwatt.Score{Meter: id, Day: p.Day, Detector: "ledger", LogOdds: p.KWh, LogEValue: p.Total, Probability: float64(p.Readings)}
}

func (l *ledger) Close(dst []flatwatt.Score) []flatwatt.Score {
	for _, id := range slices.Sorted(maps.Keys(l.Meters)) {
		dst = append(dst, l.Meters[id].score(id))
	}
	return dst
}

func (l *ledger) AppendBinary(b []byte) ([]byte, error) {
	j, err := json.Marshal(l)
	return append(b, j...), err
}

func (l *ledger) UnmarshalBinary(b []byte) error {
	*l = *newLedger()
	return json.Unmarshal(b, l)
}

// A logSink appends scores to a file, a line each; the last line of a score counts.
type logSink struct{ file *os.File }

func openLog(dir string) (*logSink, error) {
	f, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString("\n") // ends a line that a kill cut short
	return &logSink{f}, err
}

func (s *logSink) Write(_ context.Context, scores []flatwatt.Score) error {
	var b strings.Builder
	for _, c := range scores {
		fmt.Fprintf(&b, "%s %v %s|%v %v %v.\n", c.Meter, c.Day, c.Detector, c.LogOdds, c.LogEValue, c.Probability)
	}
	_, err := s.file.WriteString(b.String())
	return err
}

// settle writes the last line of every score, sorted, to dir/out.
func settle(dir string) error {
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	last := map[string]string{}
	for line := range strings.Lines(string(log)) {
		key, _, ok := strings.Cut(line, "|")
		if ok && strings.HasSuffix(line, ".\n") {
			last[key] = line
		}
	}
	var out strings.Builder
	for _, key := range slices.Sorted(maps.Keys(last)) {
		out.WriteString(last[key])
	}
	return os.WriteFile(filepath.Join(dir, "out"), []byte(out.String()), 0o600)
}
