package console

import "time"

// A Run is a line of the ledger of jobs and re-scoring runs.
type Run struct {
	What     string    // the job's name, or rescore
	Who      string    // a worker, or a person
	Due      time.Time // by its schedule; zero for what a person asked for
	Started  time.Time
	Ended    time.Time     // zero while it runs
	Busy     time.Duration // work, where that is not the time between the two
	Outcome  string        // running, done, failed, stopped, skipped, missed
	Range    string        // days worked on
	Model    string        // version
	Readings int64         // read
	Scores   int64         // written
	Ref      string        // id of the re-scoring run
	Command  string
	Note     string // what went wrong, in words
}

// Took is how long the run has worked; zero where that is not known.
func (r Run) Took() time.Duration {
	switch {
	case r.Busy > 0:
		return r.Busy
	case r.Ended.IsZero() || r.Started.IsZero():
		return 0
	}
	return r.Ended.Sub(r.Started)
}

// A RunJSON is a run in /api/runs and in `flatwatt runs -o json`.
type RunJSON struct {
	What     string     `json:"what"`
	Who      string     `json:"who"`
	Due      *time.Time `json:"due"`
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended"`
	Seconds  *float64   `json:"seconds"`
	Outcome  string     `json:"outcome"`
	Range    string     `json:"days,omitempty"`
	Model    string     `json:"model,omitempty"`
	Readings int64      `json:"readings"`
	Scores   int64      `json:"scores"`
	Ref      string     `json:"run,omitempty"`
	Command  string     `json:"command,omitempty"`
	Note     string     `json:"note,omitempty"`
}

// RunsJSON is list as programs read it; what is not known is null.
func RunsJSON(list []Run) []RunJSON {
	out := make([]RunJSON, len(list))
	when := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	for i, r := range list {
		out[i] = RunJSON{What: r.What, Who: r.Who, Due: when(r.Due), Started: r.Started, Ended: when(r.Ended), Outcome: r.Outcome, Range: r.Range,
			Model: r.Model, Readings: r.Readings, Scores: r.Scores, Ref: r.Ref, Command: r.Command, Note: r.Note}
		if took := r.Took(); took > 0 {
			s := took.Seconds()
			out[i].Seconds = &s
		}
	}
	return out
}

// runsPage is the ledger of jobs and re-scoring runs, latest first.
type runsPage struct {
	Connected bool      `json:"connected"` // false: no archive is configured
	Rows      []RunJSON `json:"runs"`
}

func runsView(c *call) (any, error) {
	p := runsPage{Rows: []RunJSON{}, Connected: c.Runs != nil}
	if c.Runs == nil {
		return p, nil
	}
	list, err := c.Runs(c.ctx)
	p.Rows = RunsJSON(list)
	return p, err
}
