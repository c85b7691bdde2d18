package schedule

import (
	"time"
)

const (
	// missedAfter is how late a job may be called and still be in time.
	missedAfter = 2 * time.Minute

	// maxAttempts bounds how often a run whose worker is lost is taken over: what kills
	// workers must not kill them all.
	maxAttempts = 3
)

// A record is all that workers agree upon about a job.
type record struct {
	Settled time.Time `json:"settled"`          // times up to here were run, or left out
	Running *claim    `json:"running"`          // by whom, or nil
	Waiting time.Time `json:"waiting,omitzero"` // due meanwhile; see Queue
	Times   int       `json:"times,omitempty"`  // that Waiting stands for
}

// A claim is a worker's hold on a run.
type claim struct {
	Due     time.Time `json:"due"`
	Times   int       `json:"times"`
	Worker  string    `json:"worker"`
	Attempt int       `json:"attempt"`
	Beat    uint64    `json:"beat"` // grows while the worker lives
}

// same says whether both are one attempt of one run.
func (c claim) same(o claim) bool {
	return c.Worker == o.Worker && c.Due.Equal(o.Due) && c.Attempt == o.Attempt
}

// A verdict is what is to be done about a due time.
type verdict int

const (
	nothing verdict = iota // it is settled already
	run
	skip
	miss
	wait
)

// decide says what becomes of a job that is due, and changes r accordingly. times is how
// many times due stands for.
func (r *record) decide(j *Job, worker string, due, now time.Time, times int) verdict {
	if !due.After(r.Settled) || j.When.every > 0 && due.Sub(r.Settled) < j.When.every/2 {
		return nothing // the second knock for the same time may be early or late by the servers' clocks
	}
	r.Settled = due
	switch {
	case now.Sub(due) > missedAfter && j.Missed == Leave:
		return miss
	case r.Running == nil:
		r.Running = &claim{Due: due, Times: times, Worker: worker, Attempt: 1}
		return run
	case j.Overlap == Queue:
		r.Waiting, r.Times = due, r.Times+times
		return wait
	}
	return skip
}

// finish lets go of a run and says what is to be run next at once, if anything.
func (r *record) finish(worker string) *claim {
	r.Running = nil
	if r.Waiting.IsZero() {
		return nil
	}
	r.Running = &claim{Due: r.Waiting, Times: r.Times, Worker: worker, Attempt: 1}
	r.Waiting, r.Times = time.Time{}, 0
	return r.Running
}

// takeOver gives the run of a lost worker to another; false where it was tried too often.
func (r *record) takeOver(worker string) bool {
	c := r.Running
	if c.Attempt >= maxAttempts {
		r.Running = nil
		return false
	}
	r.Running = &claim{Due: c.Due, Times: c.Times, Worker: worker, Attempt: c.Attempt + 1}
	return true
}
