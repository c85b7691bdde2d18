package main

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

// longestStep is how long a part may be busy with one batch, without an attempt that failed
// and is repeated, before it counts as stuck. Warming up and the close of a day of millions
// of meters take minutes at most.
const longestStep = 15 * time.Minute

// A notifier tells the service manager how the service is: sd_notify(3), the protocol of
// systemd and of other managers that set NOTIFY_SOCKET. Without that it does nothing.
type notifier struct {
	socket   string
	watchdog time.Duration // how often the manager wants to hear; 0: never
}

func (p *Program) notifier() notifier {
	n := notifier{socket: p.Getenv("NOTIFY_SOCKET")}
	if us, err := strconv.ParseInt(p.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	return n
}

// tell sends a state such as READY=1. A manager that does not listen is no trouble of ours.
func (n notifier) tell(state string) error {
	if n.socket == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte(state))
	return err
}

// A pulse knows of every part whether it waits for readings or is busy, and since when.
type pulse struct {
	now func() time.Time

	mu   sync.Mutex           // guards what follows
	busy map[string]time.Time // since when a part has been at one step
}

func newPulse(now func() time.Time) *pulse { return &pulse{now: now, busy: map[string]time.Time{}} }

func (u *pulse) set(part string, busy bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if busy {
		u.busy[part] = u.now()
	} else {
		delete(u.busy, part)
	}
}

// stuck names a part that has been at one step for longer than limit; "" for none.
func (u *pulse) stuck(limit time.Duration) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	for part, since := range u.busy {
		if u.now().Sub(since) > limit {
			return part
		}
	}
	return ""
}

// watch returns line with its steps noted: waiting for readings is no work, an attempt
// that failed is a sign of life.
func (u *pulse) watch(part string, line streams.Pipeline) streams.Pipeline {
	open, retried := line.Open, line.Hooks.Retried
	line.Open = func(ctx context.Context, from flatwatt.Position) (flatwatt.Source, error) {
		source, err := open(ctx, from)
		if err != nil {
			return nil, err
		}
		return &pulseSource{source, u, part}, nil
	}
	line.Hooks.Retried = func(doing string, attempt int, err error) {
		u.set(part, true)
		if retried != nil {
			retried(doing, attempt, err)
		}
	}
	return line
}

type pulseSource struct {
	flatwatt.Source
	pulse *pulse
	part  string
}

func (s *pulseSource) Read(ctx context.Context) (flatwatt.Batch, error) {
	s.pulse.set(s.part, false)
	b, err := s.Source.Read(ctx)
	if err == nil {
		s.pulse.set(s.part, true)
	}
	return b, err
}

// Close closes the source below, where it can be closed, and forgets the part.
func (s *pulseSource) Close() error {
	s.pulse.set(s.part, false)
	if c, ok := s.Source.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// keepTelling says READY, and from then on that we live, as long as no part is stuck: the
// manager restarts what is silent. It returns a function that says STOPPING and waits.
func (p *Program) keepTelling(n notifier, u *pulse) (stop func()) {
	if err := n.tell("READY=1\nSTATUS=scoring"); err != nil {
		p.warn("service manager: %v", err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		if n.watchdog <= 0 {
			return
		}
		tick := time.NewTicker(n.watchdog / 3)
		defer tick.Stop()
		for {
			if part := u.stuck(longestStep); part != "" {
				_ = n.tell("STATUS=part " + part + " is stuck")
			} else {
				_ = n.tell("WATCHDOG=1")
			}
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(quit)
		<-done
		_ = n.tell("STOPPING=1")
	})
}
