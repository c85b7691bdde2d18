package schedule

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// MaxJobs bounds the jobs of a program.
const MaxJobs = 100

// Overlap says what happens to a job that is due while it still runs.
type Overlap string

const (
	Skip  Overlap = "skip"  // that time is left out
	Queue Overlap = "queue" // it runs once more when it is done, however often it was due
)

// Missed says what happens to times at which no worker was there.
type Missed string

const (
	Once  Missed = "once" // it runs once for all of them, as soon as somebody is there
	Leave Missed = "skip" // they are left out
)

// A Job is work that is due again and again.
type Job struct {
	Name    string // letters, digits and -
	When    When
	Overlap Overlap
	Missed  Missed
	Command []string // for the ledger; Worker.Do knows what it means
}

var jobName = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)

// Validate checks the names and policies of jobs.
func Validate(jobs []Job) error {
	var errs []error
	seen := map[string]bool{}
	if len(jobs) > MaxJobs {
		errs = append(errs, fmt.Errorf("%d jobs: at most %d", len(jobs), MaxJobs))
	}
	for _, j := range jobs {
		switch {
		case !jobName.MatchString(j.Name):
			errs = append(errs, fmt.Errorf("name %q: want letters, digits and -, at most 40", j.Name))
		case seen[j.Name]:
			errs = append(errs, fmt.Errorf("name %q: is used twice", j.Name))
		case j.Overlap != Skip && j.Overlap != Queue:
			errs = append(errs, fmt.Errorf("%s: overlap %q: want skip or queue", j.Name, j.Overlap))
		case j.Missed != Once && j.Missed != Leave:
			errs = append(errs, fmt.Errorf("%s: missed %q: want once or skip", j.Name, j.Missed))
		}
		seen[j.Name] = true
	}
	return errors.Join(errs...)
}

// An Outcome is how a run ended, or why there was none.
type Outcome string

const (
	Running Outcome = "running" // or its worker is gone and nobody has taken it over yet
	Done    Outcome = "done"
	Failed  Outcome = "failed"
	Stopped Outcome = "stopped" // with its worker; another one, or the next start, goes on
	Skipped Outcome = "skipped" // the one before still ran
	Lost    Outcome = "missed"  // nobody was there
)

// A Result is what a run says of itself; all of it may be zero.
type Result struct {
	Range    string `json:"range,omitempty"`    // days that it worked on
	Model    string `json:"model,omitempty"`    // version
	Readings int64  `json:"readings,omitempty"` // rows read
	Scores   int64  `json:"scores,omitempty"`   // rows written
	Ref      string `json:"ref,omitempty"`      // what it made, e.g. a re-scoring run
	Text     string `json:"text,omitempty"`     // for people
}

// A Run is a line of the ledger.
type Run struct {
	Job     string    `json:"job"`
	Due     time.Time `json:"due"`
	Command []string  `json:"command"`
	Worker  string    `json:"worker"`
	Attempt int       `json:"attempt"`         // from 1; more where a worker was lost
	Times   int       `json:"times,omitempty"` // how many times it stands for, if more than one
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Outcome Outcome   `json:"outcome"`
	Error   string    `json:"error,omitempty"`
	Result
}

// A Ledger keeps runs. Putting a run with the same job and due time replaces it.
type Ledger interface {
	Put(ctx context.Context, r Run) error
}
