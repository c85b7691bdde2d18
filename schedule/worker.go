package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// DefaultTTL is Worker.TTL where that is zero.
const DefaultTTL = 30 * time.Second

// ErrLost is why a run's context ended: the worker was not heard of, and another has it.
var ErrLost = errors.New("the run now belongs to another worker")

// A Worker runs jobs. All fields but TTL, Tick and Warn are required.
type Worker struct {
	Name    string // of this process and no other, ever
	Jobs    []Job  // valid
	Records *Records
	Ledger  Ledger

	// Do carries a job out. It must end soon after ctx, and it must bear to be called
	// again for the same job after it was cut off anywhere.
	Do func(ctx context.Context, j Job) (Result, error)

	// Knock, if not nil, tells what is due by the server's schedules until ctx ends; the
	// worker's own clock then only fills in for it. See Server.
	Knock func(ctx context.Context, due func(ctx context.Context, name string, at time.Time) error) error

	TTL  time.Duration // of silence, after which others take a run over; 0: DefaultTTL
	Tick time.Duration // between two looks at the clock; 0: a second
	Warn func(error)   // may be nil

	hands hands
}

// knockPatience is how long the own clock waits for the server's schedule to knock.
const knockPatience = 30 * time.Second

// a sighting is the last sign of life of a run, and when it was seen by our own clock: the
// clocks of two machines are never compared.
type sighting struct {
	claim claim
	at    time.Time
}

// Run works until ctx ends and then waits for the jobs that it runs.
func (w *Worker) Run(ctx context.Context) error {
	if w.TTL == 0 {
		w.TTL = DefaultTTL
	}
	if w.Tick == 0 {
		w.Tick = time.Second
	}
	var work sync.WaitGroup
	defer work.Wait()
	if w.Knock != nil {
		work.Go(func() { w.listen(ctx, &work) })
	}
	seen := map[string]sighting{}
	tick := time.NewTicker(w.Tick)
	defer tick.Stop()
	for {
		for _, j := range w.Jobs {
			if err := w.look(ctx, &j, seen, &work); err != nil && ctx.Err() == nil {
				w.warn(fmt.Errorf("job %s: %w", j.Name, err))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (w *Worker) warn(err error) {
	if w.Warn != nil {
		w.Warn(err)
	}
}

// listen has the server knock, again and again if it must.
func (w *Worker) listen(ctx context.Context, work *sync.WaitGroup) {
	byName := map[string]Job{}
	for _, j := range w.Jobs {
		byName[j.Name] = j
	}
	for ctx.Err() == nil {
		err := w.Knock(ctx, func(ctx context.Context, name string, at time.Time) error {
			j, ok := byName[name]
			if !ok {
				return nil // of another configuration
			}
			return w.knocked(ctx, &j, at, work)
		})
		if err != nil && ctx.Err() == nil {
			w.warn(fmt.Errorf("schedules of the server: %w", err))
			pause(ctx, 5*time.Second)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// knocked settles what the server says is due.
func (w *Worker) knocked(ctx context.Context, j *Job, at time.Time, work *sync.WaitGroup) error {
	rec, _, err := w.Records.get(ctx, j.Name)
	if err != nil {
		return err
	}
	due, times := at.Truncate(time.Second), 1
	if j.When.every == 0 && !rec.Settled.IsZero() {
		due, times = j.When.last(rec.Settled, at)
	}
	if times == 0 {
		return nil
	}
	return w.settle(ctx, j, due, times, work)
}

// look settles what is due by our own clock, and looks after runs that have fallen silent.
func (w *Worker) look(ctx context.Context, j *Job, seen map[string]sighting, work *sync.WaitGroup) error {
	now := time.Now().UTC()
	rec, rev, err := w.Records.get(ctx, j.Name)
	if err != nil {
		return err
	}
	if rev == 0 { // a new job: nothing was missed before it was there
		_, err := w.Records.put(ctx, j.Name, record{Settled: now.Truncate(time.Second)}, 0)
		if errors.Is(err, errChanged) { // another worker was first
			return nil
		}
		return err
	}
	if err := w.takeOverSilent(ctx, j, rec, rev, seen, work); err != nil {
		return err
	}
	patient := now
	if w.Knock != nil {
		patient = now.Add(-knockPatience)
	}
	due, times := j.When.last(rec.Settled, patient)
	if times == 0 {
		return nil
	}
	return w.settle(ctx, j, due, times, work)
}

// settle decides about a due time, with all other workers, and runs the job if it falls to
// this one.
func (w *Worker) settle(ctx context.Context, j *Job, due time.Time, times int, work *sync.WaitGroup) error {
	w.hands.take(j.Name) // before others see the claim
	defer w.hands.drop(j.Name)
	for {
		rec, rev, err := w.Records.get(ctx, j.Name)
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		v := rec.decide(j, w.Name, due, now, times)
		if v == nothing {
			return nil
		}
		switch rev, err = w.Records.put(ctx, j.Name, rec, rev); {
		case errors.Is(err, errChanged):
			continue // by another worker: look again
		case err != nil:
			return err
		}
		line := Run{Job: j.Name, Due: due, Command: j.Command, Worker: w.Name, Started: now, Ended: now, Times: many(times)}
		switch v {
		case run:
			w.start(ctx, j, *rec.Running, rev, work)
		case skip:
			line.Outcome = Skipped
			return w.Ledger.Put(ctx, line)
		case miss:
			line.Outcome = Lost
			return w.Ledger.Put(ctx, line)
		}
		return nil
	}
}

// many is times where it is worth a word.
func many(times int) int {
	if times <= 1 {
		return 0
	}
	return times
}

// takeOverSilent takes over a run whose worker has shown no sign of life for TTL, and picks
// up our own that was lost on the way.
func (w *Worker) takeOverSilent(ctx context.Context, j *Job, rec record, rev uint64, seen map[string]sighting, work *sync.WaitGroup) error {
	if rec.Running == nil || rec.Running.Worker == w.Name {
		delete(seen, j.Name)
		if rec.Running == nil {
			return nil
		}
		return w.pickUp(ctx, j, rec, rev, work)
	}
	if last, ok := seen[j.Name]; !ok || last.claim != *rec.Running {
		seen[j.Name] = sighting{*rec.Running, time.Now()}
		return nil
	} else if time.Since(last.at) < w.TTL {
		return nil
	}
	return w.takeOver(ctx, j, rec, rev, work)
}

// takeOver makes a lost run ours, or gives it up if that was done too often.
func (w *Worker) takeOver(ctx context.Context, j *Job, rec record, rev uint64, work *sync.WaitGroup) error {
	lost := *rec.Running
	mine := rec.takeOver(w.Name)
	if !mine {
		mine = rec.finish(w.Name) != nil
		now := time.Now().UTC()
		err := w.Ledger.Put(ctx, Run{Job: j.Name, Due: lost.Due, Command: j.Command, Worker: lost.Worker, Attempt: lost.Attempt, Started: now, Ended: now,
			Outcome: Failed, Error: fmt.Sprintf("%d workers in a row were lost with it", lost.Attempt)})
		if err != nil {
			return err
		}
	}
	rev, err := w.Records.put(ctx, j.Name, rec, rev)
	if errors.Is(err, errChanged) {
		return nil
	}
	if err == nil && mine {
		w.start(ctx, j, *rec.Running, rev, work)
	}
	return err
}

// carryOut runs a job that is ours, and what waits behind it.
func (w *Worker) carryOut(ctx context.Context, j Job, c claim, rev uint64) {
	for {
		h := &hold{worker: w, job: j.Name, claim: c, rev: rev}
		w.hands.note(j.Name, c, false)
		outcome, err := w.once(ctx, j, h)
		if err != nil {
			w.warn(fmt.Errorf("job %s: %w", j.Name, err))
			return // the line is the other's
		}
		w.hands.note(j.Name, c, true)
		next, err := h.letGo(ctx, outcome == Stopped)
		if err != nil {
			w.warn(fmt.Errorf("job %s: %w", j.Name, err))
		}
		if next == nil || ctx.Err() != nil {
			return
		}
		c, rev = *next, h.rev
	}
}

// once runs a job once, with its line in the ledger; the error is ErrLost or nil.
func (w *Worker) once(ctx context.Context, j Job, h *hold) (Outcome, error) {
	c := h.claim
	line := Run{Job: j.Name, Due: c.Due, Command: j.Command, Worker: w.Name, Attempt: c.Attempt, Times: many(c.Times), Started: time.Now().UTC(), Outcome: Running}
	if err := w.Ledger.Put(ctx, line); err != nil {
		w.warn(fmt.Errorf("job %s: ledger: %w", j.Name, err)) // the run is worth more than its line
	}
	err := h.while(ctx, func(ctx context.Context) (err error) {
		line.Result, err = w.Do(ctx, j)
		return err
	})
	if errors.Is(err, ErrLost) {
		return "", ErrLost
	}
	line.Ended, line.Outcome = time.Now().UTC(), Done
	switch {
	case ctx.Err() != nil && err != nil:
		line.Outcome = Stopped
	case err != nil:
		line.Outcome, line.Error = Failed, err.Error()
	}
	if err := w.Ledger.Put(context.WithoutCancel(ctx), line); err != nil {
		w.warn(fmt.Errorf("job %s: ledger: %w", j.Name, err))
	}
	return line.Outcome, nil
}
