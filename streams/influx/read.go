package influx

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Latest is the last score of a meter by each detector, ordered by detector. None is
// no error.
func (c *Client) Latest(ctx context.Context, meter flatwatt.MeterID) ([]flatwatt.Score, error) {
	return c.scores(ctx, "SELECT * FROM "+ScoreMeasurement+" WHERE "+MeterTag+" = "+literal(string(meter))+
		" GROUP BY "+DetectorTag+", "+MeterTag+" ORDER BY time DESC LIMIT 1")
}

// Scores is what was said of a meter whose Score.Start lies in [from, to), ordered by
// time, then detector.
func (c *Client) Scores(ctx context.Context, meter flatwatt.MeterID, from, to time.Time) ([]flatwatt.Score, error) {
	return c.scores(ctx, fmt.Sprintf("SELECT * FROM %s WHERE %s = %s AND time >= %s AND time < %s GROUP BY %s, %s",
		ScoreMeasurement, MeterTag, literal(string(meter)), instant(from), instant(to), DetectorTag, MeterTag))
}

func (c *Client) scores(ctx context.Context, q string) ([]flatwatt.Score, error) {
	var scores []flatwatt.Score
	err := c.query(ctx, q, func(r row) error {
		s, err := scoreFrom(r)
		scores = append(scores, s)
		return err
	})
	slices.SortFunc(scores, func(a, b flatwatt.Score) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Detector, b.Detector))
	})
	return scores, err
}

// scoreFrom is the inverse of appendScore, up to its limits: Missing is NaN again.
func scoreFrom(r row) (s flatwatt.Score, err error) {
	s.Meter, s.Detector, s.Start = flatwatt.MeterID(r.text(MeterTag)), r.text(DetectorTag), r.time()
	s.Day = flatwatt.Day(r.int(dayField))
	for _, f := range scoreTexts {
		*f.of(&s) = r.text(f.name)
	}
	if rest := r.textIfAny(restField); rest != "" {
		err = readRest(rest, &s)
	} else {
		for _, f := range scoreTimes {
			*f.of(&s) = fromUnix(r.int(f.name))
		}
		for _, f := range scoreFloats {
			*f.of(&s) = r.float(f.name)
		}
	}
	if err == nil {
		s.Evidence, err = evidenceFrom(r.text(evidenceField))
	}
	err = cmp.Or(err, r.err)
	if err != nil {
		return s, fmt.Errorf("score of meter %q at %s: %w", s.Meter, s.Start, err)
	}
	return s, nil
}

// A Ranked is a place in the top of a day.
type Ranked struct {
	Rank        int // from 1
	Meter       flatwatt.MeterID
	Probability float64
	BlockKW     float64 // NaN where it is not known
}

// Top is the likeliest suspects of a day by one detector, likeliest first, at most n
// and at most TopN, over all parts of the fleet.
func (c *Client) Top(ctx context.Context, day flatwatt.Day, detector string, n int) ([]Ranked, error) {
	q := fmt.Sprintf("SELECT %s, %s, %s FROM %s WHERE time = %s AND %s = %s AND %s != ''",
		topMeterField, topProbField, topBlockField, TopMeasurement, instant(rollTime(day)), DetectorTag, literal(detector), topMeterField)
	var top []Ranked
	err := c.query(ctx, q, func(r row) error {
		top = append(top, Ranked{
			Meter: flatwatt.MeterID(r.text(topMeterField)), Probability: r.float(topProbField), BlockKW: r.float(topBlockField),
		})
		return r.err
	})
	slices.SortFunc(top, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(b.BlockKW, a.BlockKW), cmp.Compare(a.Meter, b.Meter))
	})
	top = top[:max(0, min(n, len(top), TopN))]
	for i := range top {
		top[i].Rank = i + 1
	}
	return top, err
}

// A Rollup is how the scores of one day by one detector fall out, for a transformer, a
// feeder or the fleet.
type Rollup struct {
	Scored, Normal, Suspects, Ended, MeterFaults, NotEnoughData int64

	New, NewHigh int64 // suspects whose first alarm is of this day; those of HighProbability

	SuspectedKW float64        // sum of the suspects' blocks
	HashrateTHs flatwatt.Range // sum over the suspects
}

// Fleet is the roll-up of the whole fleet, over all its parts.
func (c *Client) Fleet(ctx context.Context, day flatwatt.Day, detector string) (Rollup, error) {
	return c.rollup(ctx, FleetMeasurement, "", "", day, detector)
}

// Feeder is the roll-up of all meters under a feeder.
func (c *Client) Feeder(ctx context.Context, day flatwatt.Day, detector string, feeder flatwatt.MeterID) (Rollup, error) {
	return c.rollup(ctx, FeederMeasurement, FeederTag, feeder, day, detector)
}

// Transformer is the roll-up of all meters under a transformer.
func (c *Client) Transformer(ctx context.Context, day flatwatt.Day, detector string, transformer flatwatt.MeterID) (Rollup, error) {
	return c.rollup(ctx, TransformerMeasurement, TransformerTag, transformer, day, detector)
}

func (c *Client) rollup(ctx context.Context, from, tag string, name flatwatt.MeterID, day flatwatt.Day, detector string) (sum Rollup, err error) {
	q := fmt.Sprintf("SELECT * FROM %s WHERE time = %s AND %s = %s", from, instant(rollTime(day)), DetectorTag, literal(detector))
	if tag != "" {
		q += " AND " + tag + " = " + literal(string(name))
	}
	err = c.query(ctx, q, func(r row) error {
		sum.Scored += r.int(scoredField)
		sum.Normal += r.int(normalField)
		sum.Suspects += r.int(suspectsField)
		sum.Ended += r.int(endedField)
		sum.MeterFaults += r.int(faultsField)
		sum.NotEnoughData += r.int(notEnoughField)
		sum.New += r.int(newField)
		sum.NewHigh += r.int(newHighField)
		sum.SuspectedKW += r.float(suspectedField)
		sum.HashrateTHs.Low += r.float(hashLowField)
		sum.HashrateTHs.High += r.float(hashHighField)
		return r.err
	})
	return sum, err
}

// isMarked says whether scores of day may have been written by the sink of part.
func (c *Client) isMarked(ctx context.Context, day flatwatt.Day, part string) (marked bool, err error) {
	q := fmt.Sprintf("SELECT %s FROM %s WHERE time = %s AND %s = %s",
		scoredField, FleetMeasurement, instant(rollTime(day)), PartTag, literal(part))
	done, err := c.days.ask(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	err = c.query(ctx, q, func(row) error { marked = true; return nil })
	return marked, err
}

// scoresOf yields every score of a day, with no more than what roll-ups need, and whether
// its point has all fields.
func (c *Client) scoresOf(ctx context.Context, day flatwatt.Day, yield func(s *flatwatt.Score, whole bool)) error {
	// A day begins 14 hours before to 12 hours after it does in UTC.
	from, to := rollTime(day).Add(-14*time.Hour), rollTime(day).Add(12*time.Hour)
	q := fmt.Sprintf("SELECT %s::tag, %s::tag, %s, state, model, first_alarm_s, probability, block_kw, hashrate_low_ths, hashrate_high_ths, "+wholeField+" "+
		"FROM %s WHERE time >= %s AND time <= %s AND %s = %d",
		MeterTag, DetectorTag, dayField, ScoreMeasurement, instant(from), instant(to), dayField, day)
	return c.queryBy(ctx, c.slow, q, func(r row) error {
		s := flatwatt.Score{
			Meter: flatwatt.MeterID(r.text(MeterTag)), Detector: r.text(DetectorTag), Day: day, Start: r.time(),
			Model: r.text("model"), FirstAlarm: fromUnix(r.int("first_alarm_s")),
			State: flatwatt.State(r.text("state")), Probability: r.float("probability"),
			Block:       flatwatt.Estimate{Value: r.float("block_kw")},
			HashrateTHs: flatwatt.Range{Low: r.floatIfAny("hashrate_low_ths"), High: r.floatIfAny("hashrate_high_ths")},
		}
		yield(&s, r.get(wholeField) != nil)
		return r.err
	})
}

// literal quotes a text for InfluxQL.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(s) + "'"
}

func instant(t time.Time) string { return "'" + t.UTC().Format(time.RFC3339) + "'" }
