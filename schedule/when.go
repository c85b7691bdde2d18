// Package schedule runs jobs at their times, each once however many workers there are.
//
// What is due is told by message schedules of the NATS server where it has them (2.14 and
// newer), else by the workers' own clocks. Both only knock: what decides is one record a
// job in a key-value bucket, changed by compare-and-swap (see record). It says up to when
// the job's times are settled and who runs it now; a worker that falls silent loses the
// run to another, which starts it anew, so a job must bear to be run again.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// leastEvery bounds how often a job may run.
const leastEvery = time.Second

// A When says at which times a job is due. The zero value is never.
type When struct {
	text  string // six fields, or @every
	zone  *time.Location
	every time.Duration // 0: cron
	cron  cron.Schedule
}

var cronFields = cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// ParseWhen reads a cron expression of five fields (minute hour day month weekday) or six
// (with seconds before), @hourly, @daily, @weekly, @monthly or @every 90m. Times of day are
// those of zone; nil is UTC. One that a clock jumps over in spring is left out that day.
func ParseWhen(text string, zone *time.Location) (When, error) {
	if zone == nil {
		zone = time.UTC
	}
	text = strings.Join(strings.Fields(text), " ")
	if span, ok := strings.CutPrefix(text, "@every "); ok {
		d, err := time.ParseDuration(span)
		if err != nil || d < leastEvery || d%time.Second != 0 {
			return When{}, fmt.Errorf("%q: want @every with whole seconds, minutes or hours, e.g. @every 90m", text)
		}
		return When{text: text, zone: zone, every: d}, nil
	}
	switch text {
	case "@hourly":
		text = "0 0 * * * *"
	case "@daily":
		text = "0 0 0 * * *"
	case "@weekly":
		text = "0 0 0 * * 0"
	case "@monthly":
		text = "0 0 0 1 * *"
	}
	if strings.Count(text, " ") == 4 {
		text = "0 " + text
	}
	if strings.Contains(text, "=") { // the parser would take a zone from there
		return When{}, errors.New("name the time zone in zone, not in the expression")
	}
	s, err := cronFields.Parse("CRON_TZ=" + zone.String() + " " + text)
	if err != nil {
		return When{}, fmt.Errorf("%q: %w; want five or six fields, e.g. 30 2 * * * for half past two each night", text, err)
	}
	return When{text: text, zone: zone, cron: s}, nil
}

// Next is the first time after t; zero if there is none. For @every it is counted from t.
func (w When) Next(t time.Time) time.Time {
	switch {
	case w.every > 0:
		return t.Add(w.every)
	case w.cron == nil:
		return time.Time{}
	}
	next := w.cron.Next(t.In(w.zone))
	if next.IsZero() {
		return time.Time{}
	}
	return next.UTC()
}

// String is the expression with six fields, or @every, and the zone.
func (w When) String() string {
	if w.every > 0 {
		return w.text
	}
	return w.text + " " + w.zone.String()
}

// maxCatchUp bounds how many times that have passed are counted.
const maxCatchUp = 10_000

// last is the latest time after settled and not after t, and how many there are; at most
// maxCatchUp are counted, of which the last is then the latest of those.
func (w When) last(settled, t time.Time) (due time.Time, n int) {
	if w.every > 0 {
		if n = int(t.Sub(settled) / w.every); n <= 0 {
			return due, 0
		}
		return settled.Add(time.Duration(n) * w.every), n
	}
	for next := w.Next(settled); !next.IsZero() && !next.After(t); next = w.Next(next) {
		due = next
		if n++; n >= maxCatchUp {
			break
		}
	}
	return due, n
}
