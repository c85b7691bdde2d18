package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/schedule"
	"github.com/flatwatt/flatwatt/streams/natsd"
)

// A ledger keeps every line.
type ledger struct {
	mu    sync.Mutex
	lines []schedule.Run
}

func (l *ledger) Put(_ context.Context, r schedule.Run) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r)
	return nil
}

func (l *ledger) with(o schedule.Outcome) (list []schedule.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.lines {
		if r.Outcome == o {
			list = append(list, r)
		}
	}
	return list
}

func server(t *testing.T, dir string) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Dir: dir, Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// connect is a connection of its own, and what cuts it, as a kill of its process would.
func connect(t *testing.T, s *natsd.Server) (js.JetStream, func()) {
	t.Helper()
	conn, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	j, err := js.New(conn, js.WithDefaultTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return j, conn.Close
}

func job(t *testing.T, name, when string) schedule.Job {
	t.Helper()
	w, err := schedule.ParseWhen(when, nil)
	if err != nil {
		t.Fatal(err)
	}
	return schedule.Job{Name: name, When: w, Overlap: schedule.Skip, Missed: schedule.Once, Command: []string{name}}
}

func worker(t *testing.T, s *natsd.Server, name string, l *ledger, knock bool, jobs ...schedule.Job) (*schedule.Worker, func()) {
	t.Helper()
	j, cut := connect(t, s)
	records, err := schedule.OpenRecords(t.Context(), j, 1)
	if err != nil {
		t.Fatal(err)
	}
	w := &schedule.Worker{Name: name, Jobs: jobs, Records: records, Ledger: l, TTL: 900 * time.Millisecond, Tick: 50 * time.Millisecond,
		Do: func(context.Context, schedule.Job) (schedule.Result, error) { return schedule.Result{}, nil }}
	if knock {
		server, err := schedule.OpenServer(t.Context(), j, jobs, 1)
		if err != nil {
			t.Fatal(err)
		}
		w.Knock = server.Knock
	}
	return w, cut
}

// Five workers, two jobs each second: every time is run once.
func TestManyWorkersRunAJobOnce(t *testing.T) {
	for _, knock := range []bool{true, false} {
		t.Run(fmt.Sprintf("schedules of the server %v", knock), func(t *testing.T) {
			t.Parallel()
			s := server(t, t.TempDir())
			l := &ledger{}
			jobs := []schedule.Job{job(t, "a", "* * * * * *"), job(t, "b", "@every 1s")}
			ctx, stop := context.WithTimeout(t.Context(), 4500*time.Millisecond)
			defer stop()
			var all sync.WaitGroup
			for i := range 5 {
				w, _ := worker(t, s, fmt.Sprint("w", i), l, knock, jobs...)
				w.Warn = func(err error) { t.Error(err) }
				all.Go(func() { _ = w.Run(ctx) })
			}
			all.Wait()
			for _, name := range []string{"a", "b"} {
				seen := map[time.Time]int{}
				for _, r := range l.with(schedule.Done) {
					if r.Job == name {
						seen[r.Due]++
					}
				}
				if len(seen) < 3 {
					t.Errorf("job %s ran %d times in four seconds: %v", name, len(seen), l.lines)
				}
				for due, n := range seen {
					if n != 1 {
						t.Errorf("job %s due at %v ran %d times", name, due, n)
					}
				}
			}
		})
	}
}

func TestARunOfALostWorkerIsTakenOver(t *testing.T) {
	t.Parallel()
	s := server(t, t.TempDir())
	l := &ledger{}
	first, cut := worker(t, s, "first", l, false, job(t, "long", "@every 1s"))
	began := make(chan struct{})
	first.Do = func(ctx context.Context, _ schedule.Job) (schedule.Result, error) {
		close(began)
		<-ctx.Done() // until it knows that it was lost
		return schedule.Result{}, context.Cause(ctx)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	all.Go(func() { _ = first.Run(ctx) })
	<-began
	cut()
	second, _ := worker(t, s, "second", l, false, job(t, "long", "@every 1h"))
	done := make(chan struct{})
	second.Do = func(context.Context, schedule.Job) (schedule.Result, error) {
		close(done)
		return schedule.Result{Readings: 7}, nil
	}
	all.Go(func() { _ = second.Run(ctx) })
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody takes the run over")
	}
	for len(l.with(schedule.Done)) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	all.Wait()
	if got := l.with(schedule.Done)[0]; got.Worker != "second" || got.Attempt != 2 || got.Readings != 7 {
		t.Errorf("%+v; want it done by the second worker, at the second attempt", got)
	}
	if got := slices.Concat(l.with(schedule.Stopped), l.with(schedule.Failed)); len(got) > 0 {
		t.Errorf("the lost worker wrote %+v over the other's line", got)
	}
}

// A time that passed while server and workers were down is made up for once.
func TestWhatWasMissedRunsOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := server(t, dir)
	l := &ledger{}
	jobs := []schedule.Job{job(t, "a", "* * * * * *")}
	w, _ := worker(t, s, "w1", l, true, jobs...)
	ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	_ = w.Run(ctx)
	stop()
	before := len(l.with(schedule.Done))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	down := time.Now()
	time.Sleep(3 * time.Second)
	s = server(t, dir)
	w, _ = worker(t, s, "w2", l, true, jobs...)
	ctx, stop = context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	_ = w.Run(ctx)
	times := 0
	for _, r := range l.with(schedule.Done)[before:] {
		if r.Due.Sub(down) < 4*time.Second {
			times++
		}
	}
	// One for all that was missed, and one or two for the seconds since.
	if times < 1 || times > 3 || !slices.ContainsFunc(l.lines, func(r schedule.Run) bool { return r.Times >= 2 }) {
		t.Errorf("%d runs for the times missed: %+v", times, l.lines)
	}
}

func TestOneLeadsAtATime(t *testing.T) {
	t.Parallel()
	s := server(t, t.TempDir())
	var mu sync.Mutex
	leading, most, led := 0, 0, []string{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for i := range 3 {
		j, cut := connect(t, s)
		records, err := schedule.OpenRecords(t.Context(), j, 1)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint("w", i)
		all.Go(func() {
			err := schedule.Lead(ctx, records, "archive", name, 600*time.Millisecond, func(ctx context.Context) error {
				mu.Lock()
				leading++
				most, led = max(most, leading), append(led, name)
				first := len(led) == 1
				mu.Unlock()
				if first {
					cut() // its process is as good as dead
				} else {
					time.AfterFunc(100*time.Millisecond, stop)
				}
				<-ctx.Done()
				mu.Lock()
				leading--
				mu.Unlock()
				return ctx.Err()
			})
			if err == nil {
				t.Errorf("%s: nil, want a reason", name)
			}
		})
	}
	all.Wait()
	if most != 1 || len(led) < 2 {
		t.Errorf("%d led at a time, one after another %v; want one, and another after it was lost", most, led)
	}
}

func TestSchedulesFollowTheJobs(t *testing.T) {
	t.Parallel()
	s := server(t, t.TempDir())
	j, _ := connect(t, s)
	open := func(jobs ...schedule.Job) []string {
		t.Helper()
		if _, err := schedule.OpenServer(t.Context(), j, jobs, 1); err != nil {
			t.Fatal(err)
		}
		stream, err := j.Stream(t.Context(), schedule.KnocksStream)
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(t.Context(), js.WithSubjectFilter("flatwatt.jobs.when.*"))
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for subject := range info.State.Subjects {
			m, err := stream.GetLastMsgForSubject(t.Context(), subject)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, fmt.Sprintf("%s %d %s", strings.TrimPrefix(subject, "flatwatt.jobs.when."), m.Sequence, m.Data))
		}
		slices.Sort(list)
		return list
	}
	before := open(job(t, "a", "30 2 * * *"), job(t, "b", "@every 1h"))
	if len(before) != 2 || !strings.HasSuffix(before[0], "0 30 2 * * * UTC") {
		t.Fatalf("schedules %v", before)
	}
	if again := open(job(t, "a", "30 2 * * *"), job(t, "b", "@every 1h")); !slices.Equal(again, before) {
		t.Errorf("the same jobs change the schedules: %v, before %v", again, before)
	}
	if after := open(job(t, "a", "30 3 * * *")); len(after) != 1 || after[0] == before[0] {
		t.Errorf("schedules %v; want that of a alone, at its new time", after)
	}
}

func TestAnErrorIsInTheLedger(t *testing.T) {
	t.Parallel()
	s := server(t, t.TempDir())
	l := &ledger{}
	w, _ := worker(t, s, "w", l, false, job(t, "a", "@every 1s"))
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	w.Do = func(context.Context, schedule.Job) (schedule.Result, error) {
		return schedule.Result{Range: "r"}, errors.New("no disk")
	}
	go func() {
		for len(l.with(schedule.Failed)) == 0 && ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
		}
		stop()
	}()
	_ = w.Run(ctx)
	if got := l.with(schedule.Failed); len(got) == 0 || got[0].Error != "no disk" || got[0].Range != "r" || got[0].Ended.IsZero() {
		t.Errorf("%+v; want the error, and what was done until then", got)
	}
}
