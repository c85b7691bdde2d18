package schedule

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	js "github.com/nats-io/nats.go/jetstream"
)

const (
	// KnocksStream holds the schedules and what they send.
	KnocksStream = "FLATWATT_JOBS"

	whenPrefix = "flatwatt.jobs.when."
	duePrefix  = "flatwatt.jobs.due."

	// dueTTL is how long a knock waits for a worker.
	dueTTL = 24 * time.Hour

	knockWait = 5 * time.Second
)

// ErrNoSchedules says that the server has no message schedules: it is older than 2.14.
var ErrNoSchedules = errors.New("the server has no message schedules")

// A Server is the schedules of a NATS server. Each job has one, which sends a message when
// the job is due; all workers share a consumer of those.
type Server struct {
	stream js.Stream
	jets   js.JetStream
	jobs   []Job
}

// OpenServer makes the schedules of jobs those of the server. ErrNoSchedules where it has
// none.
func OpenServer(ctx context.Context, j js.JetStream, jobs []Job, replicas int) (*Server, error) {
	if version := j.Conn().ConnectedServerVersion(); !atLeast(version, 2, 14) {
		return nil, fmt.Errorf("%w: %s is older than 2.14", ErrNoSchedules, version)
	}
	stream, err := j.Stream(ctx, KnocksStream)
	if errors.Is(err, js.ErrStreamNotFound) {
		stream, err = j.CreateStream(ctx, js.StreamConfig{
			Name: KnocksStream, Description: "Schedules of jobs, and what is due", Subjects: []string{whenPrefix + "*", duePrefix + "*"}, Storage: js.FileStorage,
			MaxMsgsPerSubject: 1, AllowMsgSchedules: true, AllowMsgTTL: true, AllowDirect: true, Replicas: max(1, replicas),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", KnocksStream, err)
	}
	if !stream.CachedInfo().Config.AllowMsgSchedules {
		return nil, fmt.Errorf("%w: stream %s was made without them", ErrNoSchedules, KnocksStream)
	}
	s := &Server{stream: stream, jets: j, jobs: jobs}
	return s, s.publish(ctx)
}

// atLeast compares a version such as 2.14.0-beta.
func atLeast(version string, major, minor int) bool {
	part := strings.SplitN(version, ".", 3)
	if len(part) < 2 {
		return false
	}
	a, errA := strconv.Atoi(part[0])
	b, errB := strconv.Atoi(part[1])
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}

// publish brings the server's schedules in line with the jobs. One that is right is left
// alone: publishing it again would begin @every anew.
func (s *Server) publish(ctx context.Context) error {
	wanted := map[string]bool{}
	for _, j := range s.jobs {
		subject := whenPrefix + j.Name
		wanted[subject] = true
		text := j.When.String()
		have, err := s.stream.GetLastMsgForSubject(ctx, subject)
		if err != nil && !errors.Is(err, js.ErrMsgNotFound) {
			return fmt.Errorf("schedule of %s: %w", j.Name, err)
		}
		if err == nil && string(have.Data) == text {
			continue
		}
		if _, err := s.jets.Publish(ctx, subject, []byte(text), s.options(&j)...); err != nil {
			return fmt.Errorf("schedule of %s: %w", j.Name, err)
		}
	}
	info, err := s.stream.Info(ctx, js.WithSubjectFilter(whenPrefix+"*"))
	if err != nil {
		return fmt.Errorf("stream %s: %w", KnocksStream, err)
	}
	for subject := range info.State.Subjects {
		if !wanted[subject] { // of a job that is no more
			if err := s.stream.Purge(ctx, js.WithPurgeSubject(subject)); err != nil {
				return fmt.Errorf("remove the schedule %s: %w", subject, err)
			}
		}
	}
	return nil
}

func (s *Server) options(j *Job) []js.PublishOpt {
	opts := []js.PublishOpt{js.WithScheduleTarget(duePrefix + j.Name), js.WithScheduleTTL(dueTTL)}
	if j.When.every > 0 {
		return append(opts, js.WithScheduleEvery(j.When.every))
	}
	opts = append(opts, js.WithScheduleCron(j.When.text))
	if j.When.zone != time.UTC {
		opts = append(opts, js.WithScheduleTimeZone(j.When.zone.String()))
	}
	return opts
}

// Knock calls due with each message of the schedules until ctx ends or something fails: it
// is a Worker's Knock. A message that due could not settle comes again.
func (s *Server) Knock(ctx context.Context, due func(ctx context.Context, name string, at time.Time) error) error {
	c, err := s.stream.CreateOrUpdateConsumer(ctx, js.ConsumerConfig{
		Durable: "workers", FilterSubject: duePrefix + "*", AckPolicy: js.AckExplicitPolicy, DeliverPolicy: js.DeliverAllPolicy, AckWait: 30 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("consumer of what is due: %w", err)
	}
	for ctx.Err() == nil {
		if err := knocks(ctx, c, due); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// knocks waits a while for a message.
func knocks(ctx context.Context, c js.Consumer, due func(ctx context.Context, name string, at time.Time) error) error {
	ask, cancel := context.WithTimeout(ctx, knockWait)
	defer cancel()
	batch, err := c.Fetch(1, js.FetchContext(ask))
	if err != nil && over(ask) {
		return nil // the caller sees whether it was its own time that ended
	}
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	for m := range batch.Messages() {
		if err := knock(ctx, m, due); err != nil {
			return err
		}
	}
	if err := batch.Error(); err != nil && ask.Err() == nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// over tells whether ctx has ended or its deadline has passed: its timer may not have fired yet.
func over(ctx context.Context) bool {
	deadline, has := ctx.Deadline()
	return ctx.Err() != nil || has && !time.Now().Before(deadline)
}

func knock(ctx context.Context, m js.Msg, due func(ctx context.Context, name string, at time.Time) error) error {
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("message of a schedule: %w", err)
	}
	if err := due(ctx, strings.TrimPrefix(m.Subject(), duePrefix), meta.Timestamp); err != nil {
		_ = m.Nak() // it comes again in any case
		return err
	}
	return m.Ack()
}
