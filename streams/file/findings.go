package file

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/durable"
)

var findingColumns = []string{
	"meter_id", "probability", "rank", "block_kw", "block_kw_low", "block_kw_high",
	"onset", "onset_low", "onset_high", "units_low", "units_high",
	"hashrate_ths_low", "hashrate_ths_high", "first_alarm", "state", "reasons",
	"farm_probability", "hall_state", "outside_log_odds",
}

// A Finding is one line of findings.csv: the latest judgement of one meter.
type Finding struct {
	flatwatt.Score        // what the file does not hold is NaN or zero
	Rank           int    // 1 is looked at first
	Reasons        string // for people
	Hall           Hall
}

// A Hall is what findings.csv tells of a large flat load beside its miner score.
type Hall struct {
	FarmProbability float64        // mining farm against data centre; NaN where it is no such load
	State           flatwatt.State // suspect: a farm; normal: a data centre; "": no such load
}

// WriteFindings writes findings.csv to path, one line a meter in the given order, which
// is the rank; it replaces the file whole. reasons, if not nil, gives the text that
// explains a score to people, and halls, if not nil, the posterior of large flat loads. NaN, zero times and ranges without a value are left empty.
func WriteFindings(path string, ranked []flatwatt.Score, reasons func(*flatwatt.Score) string, halls func(*flatwatt.Score) Hall) error {
	err := durable.Write(path, fileMode, func(w *bufio.Writer) error {
		var c cells
		c.buf = append(c.buf, strings.Join(findingColumns, ",")+"\n"...)
		for i := range ranked {
			why := ""
			if reasons != nil {
				why = reasons(&ranked[i])
			}
			hall := Hall{FarmProbability: nan64}
			if halls != nil {
				hall = halls(&ranked[i])
			}
			c.finding(&ranked[i], i+1, why, hall)
			if _, err := w.Write(c.take()); err != nil {
				return err
			}
		}
		_, err := w.Write(c.take())
		return err
	})
	if err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

func (c *cells) finding(s *flatwatt.Score, rank int, why string, hall Hall) {
	c.text(string(s.Meter))
	c.number(s.Probability)
	c.integer(int64(rank))
	for _, v := range []float64{s.Block.Value, s.Block.Low, s.Block.High} {
		c.number(v)
	}
	for _, t := range []time.Time{s.Onset.At, s.Onset.Low, s.Onset.High} {
		c.time(t)
	}
	c.bounds(s.Units)
	c.bounds(s.HashrateTHs)
	c.time(s.FirstAlarm)
	c.text(string(s.State))
	c.text(why)
	c.number(hall.FarmProbability)
	c.text(string(hall.State))
	c.outside(s.Outside)
	c.end()
}

// bounds writes both ends of r; nothing where there is no range, which both being zero says.
func (c *cells) bounds(r flatwatt.Range) {
	if r == (flatwatt.Range{}) {
		c.text("")
		c.text("")
		return
	}
	c.number(r.Low)
	c.number(r.High)
}

// ReadFindings reads findings.csv from path, or path.gz, as WriteFindings wrote it, also
// with columns missing but meter_id. Here a bad row is an error: a list of findings that
// was read in part would be evaluated as if it were all.
func ReadFindings(path string) (found []Finding, err error) {
	t, rej, err := openResults(path, "meter_id")
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	defer t.close()
	for t.next() {
		found = append(found, t.finding())
	}
	if err := rej.asError(); err != nil {
		return nil, fmt.Errorf("read findings %s: %w", path, err)
	}
	return found, nil
}

// openResults opens a file that flatwatt wrote itself.
func openResults(path string, want ...string) (*table, *rejects, error) {
	rej := newRejects(1)
	t, err := openTable(path, &rej)
	if err != nil {
		return nil, nil, err
	}
	if err := t.readHeader(want...); err != nil {
		t.close()
		return nil, nil, err
	}
	return t, &rej, nil
}

func (t *table) finding() Finding {
	f := Finding{Rank: int(t.float("rank", 0)), Reasons: t.get("reasons")}
	f.Meter, f.State = flatwatt.MeterID(t.get("meter_id")), flatwatt.State(t.get("state"))
	f.Probability, f.LogOdds, f.LogEValue = t.float("probability", nan64), nan64, nan64
	f.Block = flatwatt.Estimate{Value: t.float("block_kw", nan64), Low: t.float("block_kw_low", nan64), High: t.float("block_kw_high", nan64)}
	f.Onset = flatwatt.Instants{At: t.instant("onset"), Low: t.instant("onset_low"), High: t.instant("onset_high")}
	f.Units = flatwatt.Range{Low: t.float("units_low", 0), High: t.float("units_high", 0)}
	f.HashrateTHs = flatwatt.Range{Low: t.float("hashrate_ths_low", 0), High: t.float("hashrate_ths_high", 0)}
	f.FirstAlarm = t.instant("first_alarm")
	f.Hall = Hall{t.float("farm_probability", nan64), flatwatt.State(t.get("hall_state"))}
	f.Outside = t.float("outside_log_odds", 0)
	return f
}

// float is number for callers that ask rejects afterwards.
func (t *table) float(name string, def float64) float64 {
	v, _ := t.number(name, def)
	return v
}

// instant is time for callers that ask rejects afterwards.
func (t *table) instant(name string) time.Time {
	v, _ := t.time(name)
	return v
}

// asError is the first rejected piece as an error; nil if nothing was rejected.
func (r *rejects) asError() error {
	if len(r.kept) == 0 {
		return nil
	}
	j := r.kept[0]
	return fmt.Errorf("%s: %s: %s", j.Where, j.Field, j.Reason)
}

// WriteRejects writes rejected.csv to path: where, field, reason and the first 200 bytes
// of each rejected piece. Without any it removes the file.
func WriteRejects(path string, rejected []flatwatt.Rejected) error {
	if len(rejected) == 0 {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("write rejects: %w", err)
		}
		return nil
	}
	err := durable.Write(path, fileMode, func(w *bufio.Writer) error {
		var c cells
		c.buf = append(c.buf, "where,field,reason,raw\n"...)
		for _, r := range rejected {
			c.text(r.Where)
			c.text(r.Field)
			c.text(r.Reason)
			c.text(strings.ToValidUTF8(string(r.Raw[:min(len(r.Raw), 200)]), "\ufffd"))
			c.end()
			if _, err := w.Write(c.take()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write rejects: %w", err)
	}
	return nil
}
