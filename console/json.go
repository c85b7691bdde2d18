package console

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// SuspectJSON is one finding in /api/suspects and in `--output json`. What is not known
// is null or left out: JSON has no NaN, and 0 would be a lie.
type SuspectJSON struct {
	Meter       string         `json:"meter_id"`
	Rank        int            `json:"rank,omitempty"`
	State       string         `json:"state"`
	Day         string         `json:"day"`
	Probability *float64       `json:"probability"`
	LogOdds     *float64       `json:"log_odds"`
	BlockKW     *estimateJSON  `json:"block_kw"`
	Onset       *onsetJSON     `json:"onset"`
	Ended       *time.Time     `json:"ended,omitempty"`
	FirstAlarm  *time.Time     `json:"first_alarm,omitempty"`
	Units       *rangeJSON     `json:"units"`
	Hashrate    *rangeJSON     `json:"hashrate_ths"`
	Schedule    string         `json:"schedule,omitempty"`
	Reason      string         `json:"reason"`
	Outside     float64        `json:"outside_log_odds,omitempty"`
	Evidence    []evidenceJSON `json:"evidence"`
	Hall        *hallJSON      `json:"hall,omitempty"`
	Truth       *truthJSON     `json:"truth,omitempty"`
}

// hallJSON is farm against data centre: see Hall.
type hallJSON struct {
	State       string         `json:"state"`
	Probability *float64       `json:"farm_probability"`
	LogOdds     *float64       `json:"log_odds"`
	MeanKW      *float64       `json:"mean_kw"`
	Day         string         `json:"day"`
	Reason      string         `json:"reason"`
	Evidence    []evidenceJSON `json:"evidence"`
}

type estimateJSON struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

type onsetJSON struct {
	At   time.Time `json:"at"`
	Low  time.Time `json:"low"`
	High time.Time `json:"high"`
}

type rangeJSON struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

type evidenceJSON struct {
	Term    string   `json:"term"`
	LogOdds float64  `json:"log_odds"`
	Value   *float64 `json:"value"`
	Text    string   `json:"text,omitempty"`
}

type truthJSON struct {
	Label   string     `json:"label"`
	Onset   *time.Time `json:"onset,omitempty"`
	BlockKW float64    `json:"block_kw"`
	Units   int        `json:"units"`
	Note    string     `json:"note,omitempty"`
}

type statusJSON struct {
	Title    string     `json:"title"`
	Meters   int        `json:"meters"`
	Readings int64      `json:"readings"`
	Days     int        `json:"days"`
	AsOf     *time.Time `json:"as_of"`
	Done     bool       `json:"done"`
	Error    string     `json:"error,omitempty"`
}

// JSON is f as it is published.
func JSON(f Finding) SuspectJSON {
	s := f.Score
	j := SuspectJSON{
		Meter: string(s.Meter), Rank: f.Rank, State: string(s.State), Day: s.Day.String(),
		Probability: number(s.Probability), LogOdds: number(s.LogOdds),
		Ended: instant(s.Ended), FirstAlarm: instant(s.FirstAlarm),
		Units: span(s.Units), Hashrate: span(s.HashrateTHs),
		Schedule: string(s.Schedule), Reason: f.Reason,
	}
	if number(s.Block.Value) != nil && number(s.Block.Low) != nil && number(s.Block.High) != nil {
		j.BlockKW = &estimateJSON{s.Block.Value, s.Block.Low, s.Block.High}
	}
	if !s.Onset.At.IsZero() {
		j.Onset = &onsetJSON{s.Onset.At.UTC(), s.Onset.Low.UTC(), s.Onset.High.UTC()}
	}
	j.Outside = s.Outside
	j.Evidence = evidenceOf(s.Evidence, f.Reasons)
	if h := f.Hall; h != nil {
		j.Hall = &hallJSON{string(h.Score.State), number(h.Score.Probability), number(h.Score.LogOdds), number(h.Score.Block.Value),
			h.Score.Day.String(), h.Reason, evidenceOf(h.Score.Evidence, h.Reasons)}
	}
	if t := f.Truth; t != nil {
		j.Truth = &truthJSON{string(t.Label), instant(t.Onset), float64(t.Block), t.Units, t.Note}
	}
	return j
}

func evidenceOf(evidence []flatwatt.Evidence, reasons []string) []evidenceJSON {
	list := []evidenceJSON{}
	for i, e := range evidence {
		if number(e.LogOdds) == nil {
			continue
		}
		ev := evidenceJSON{Term: e.Term, LogOdds: e.LogOdds, Value: number(e.Value)}
		if i < len(reasons) {
			ev.Text = reasons[i]
		}
		list = append(list, ev)
	}
	return list
}

func statusOf(s Status) statusJSON {
	return statusJSON{s.Title, s.Meters, s.Readings, s.Days, instant(s.AsOf), s.Done, s.Err}
}

// number is nil for what JSON cannot say.
func number(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func span(r flatwatt.Range) *rangeJSON {
	if r == (flatwatt.Range{}) || number(r.Low) == nil || number(r.High) == nil {
		return nil
	}
	return &rangeJSON{r.Low, r.High}
}
