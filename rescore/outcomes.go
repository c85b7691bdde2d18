package rescore

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Finding is what an inspection came to.
type Finding string

const (
	Confirmed Finding = "confirmed" // a miner, or another hidden load of its kind
	Cleared   Finding = "cleared"   // nothing of the kind
	Unclear   Finding = "unclear"   // nobody was let in, the load was gone …
)

// An Inspection is one row of outcomes.csv.
type Inspection struct {
	Meter     flatwatt.MeterID
	At        time.Time
	Outcome   Finding
	Finding   string // in words
	Inspector string
	Random    bool // drawn at random, not for its rank: see Feedback
}

// ReadInspections reads outcomes.csv: meter_id, at, outcome, and maybe finding,
// inspector, random (yes or no), in any order. Bad rows are in the error, all of them,
// with line, field and remedy; good ones are returned with it, sorted by meter and time.
func ReadInspections(in io.Reader) (list []Inspection, err error) {
	r := csv.NewReader(in)
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: %w: the first line names the columns meter_id, at, outcome, finding, inspector, random", err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
	}
	for _, name := range []string{"meter_id", "at", "outcome"} {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("line 1: there is no column %s: name the columns meter_id, at, outcome, finding, inspector, random", name)
		}
	}
	var bad []error
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			line, _ := r.FieldPos(0)
			var one Inspection
			if one, err = parseInspection(row, column); err == nil {
				list = append(list, one)
				continue
			}
			err = fmt.Errorf("line %d: %w", line, err)
		}
		bad = append(bad, err)
		if errors.Is(err, io.ErrUnexpectedEOF) || len(bad) > 100 {
			break
		}
	}
	slices.SortStableFunc(list, func(a, b Inspection) int {
		return cmp.Or(cmp.Compare(a.Meter, b.Meter), a.At.Compare(b.At))
	})
	return list, errors.Join(bad...)
}

func parseInspection(row []string, column map[string]int) (one Inspection, err error) {
	get := func(name string) string {
		if i, ok := column[name]; ok && i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	one = Inspection{Meter: flatwatt.MeterID(get("meter_id")), Outcome: Finding(strings.ToLower(get("outcome"))), Finding: get("finding"), Inspector: get("inspector")}
	if one.Meter == "" {
		return one, errors.New("meter_id: is empty: name the meter")
	}
	if one.Outcome != Confirmed && one.Outcome != Cleared && one.Outcome != Unclear {
		return one, fmt.Errorf("outcome: is %q: write confirmed, cleared or unclear", get("outcome"))
	}
	switch strings.ToLower(get("random")) {
	case "yes", "true", "1":
		one.Random = true
	case "", "no", "false", "0":
	default:
		return one, fmt.Errorf("random: is %q: write yes or no", get("random"))
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if one.At, err = time.Parse(layout, get("at")); err == nil {
			return one, nil
		}
	}
	return one, fmt.Errorf("at: is %q: write a date like 2026-01-31 or a time like 2026-01-31T10:00:00Z", get("at"))
}

// Latest tells the last clear outcome of each meter's inspections, Unclear where there
// is no clear one, "" where there was no inspection.
func Latest(list []Inspection) func(flatwatt.MeterID) Finding {
	last := map[flatwatt.MeterID]Finding{}
	for _, one := range list { // sorted by time within a meter
		if last[one.Meter] == "" || one.Outcome != Unclear {
			last[one.Meter] = one.Outcome
		}
	}
	return func(id flatwatt.MeterID) Finding { return last[id] }
}

// A Share is a share of inspections that confirmed, with its 90 % interval (Wilson's
// score interval). Unclear ones count for neither.
type Share struct {
	Confirmed int `json:"confirmed"`
	Cleared   int `json:"cleared"`
	Unclear   int `json:"unclear"`
}

func (s *Share) add(f Finding) {
	switch f {
	case Confirmed:
		s.Confirmed++
	case Cleared:
		s.Cleared++
	case Unclear:
		s.Unclear++
	}
}

// Value is the share and its interval; all NaN where nothing is known.
func (s Share) Value() flatwatt.Estimate {
	n := float64(s.Confirmed + s.Cleared)
	if n == 0 {
		return flatwatt.Estimate{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
	}
	const z = 1.6448536269514722 // 95 % quantile of the normal distribution: 90 % between both sides
	p := float64(s.Confirmed) / n
	mid := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return flatwatt.Estimate{Value: p, Low: max(0, mid-half), High: min(1, mid+half)}
}

// A Feedback is what inspections say of the scores that sent them. Those chosen for
// their rank tell the hit rate of the list that was worked off; only those drawn at
// random among the suspects tell the precision of all suspects, as nobody chose them.
type Feedback struct {
	Group     string  `json:"group"` // model version, class or region
	Name      string  `json:"name"`
	Hits      Share   `json:"hits"`           // all inspections
	Unbiased  Share   `json:"unbiased"`       // the random ones
	Predicted float64 `json:"mean_predicted"` // mean probability of the inspections with a clear outcome
	sum       float64
}

// Join finds for each inspection the score of its meter at the time: the last one of a day
// that had ended; the zero Score where there is none.
func Join(list []Inspection, scores iter.Seq2[flatwatt.Score, error]) ([]flatwatt.Score, error) {
	at := map[flatwatt.MeterID][]int{}
	for i, one := range list {
		at[one.Meter] = append(at[one.Meter], i)
	}
	best := make([]flatwatt.Score, len(list))
	for s, err := range scores {
		if err != nil {
			return nil, err
		}
		for _, i := range at[s.Meter] {
			ended := !s.Start.AddDate(0, 0, 1).After(list[i].At)
			if ended && s.Probability == s.Probability && (best[i].Meter == "" || s.Day > best[i].Day || s.Day == best[i].Day && s.Probability > best[i].Probability) {
				best[i] = s
			}
		}
	}
	return best, nil
}

// Report counts inspections by the model version of their scores, as Join found them, by
// class and region, and in all. An inspection of a meter without a score counts under the
// name "".
func Report(list []Inspection, best []flatwatt.Score, meters []flatwatt.Meter) []Feedback {
	register := map[flatwatt.MeterID]flatwatt.Meter{}
	for _, m := range meters {
		register[m.ID] = m
	}
	groups := map[[2]string]*Feedback{}
	for i, one := range list {
		m := register[one.Meter]
		for _, key := range [][2]string{{"all", "all"}, {"model", best[i].Model}, {"class", string(m.Class)}, {"region", m.Region}} {
			f := groups[key]
			if f == nil {
				f = &Feedback{Group: key[0], Name: key[1]}
				groups[key] = f
			}
			f.Hits.add(one.Outcome)
			if one.Random {
				f.Unbiased.add(one.Outcome)
			}
			if one.Outcome != Unclear && best[i].Meter != "" {
				f.sum += best[i].Probability
				f.Predicted++
			}
		}
	}
	return sorted(groups)
}

func sorted(groups map[[2]string]*Feedback) (out []Feedback) {
	order := []string{"all", "model", "class", "region"}
	for _, f := range groups {
		f.Predicted = f.sum / f.Predicted // NaN where no score is known
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b Feedback) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Group), slices.Index(order, b.Group)), cmp.Compare(a.Name, b.Name))
	})
	return out
}
