package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt/casework"
)

// Bounds of deliveries.
const (
	Attempts   = 6                // of one delivery
	firstWait  = 2 * time.Second  // after the first attempt; doubles
	longestTry = 10 * time.Second // of one attempt
	batch      = 500              // entries read at a time
	maxFailed  = 1000             // failures kept a hook
)

// A Sender delivers to the hooks of one casework file. Places are kept beside it in
// PlaceFile, not in it: a delivery is no act of a person.
type Sender struct {
	Store     casework.Store
	Hooks     []Hook
	PlaceFile string
	Now       func() time.Time
	Wait      func(context.Context, time.Duration) error // between attempts; an error of it is that ctx ended
	GaveUp    func(hook string, f Failure)               // like Wait, by many goroutines
	Client    *http.Client                               // nil: one that follows no redirect

	keeper keeper
}

// Deliver tells every hook what is new, and returns how many deliveries were taken. A
// hook that is new is told from now on. A hook that fails holds up no other.
func (s *Sender) Deliver(ctx context.Context) (sent int, err error) {
	if _, err := s.keeper.read(s.PlaceFile); err != nil { // told once, not once a hook
		return 0, err
	}
	taken, errs := make([]int, len(s.Hooks)), make([]error, len(s.Hooks))
	var all sync.WaitGroup
	for i := range s.Hooks {
		all.Go(func() { taken[i], errs[i] = s.serve(ctx, &s.Hooks[i]) })
	}
	all.Wait()
	for _, n := range taken {
		sent += n
	}
	return sent, errors.Join(errs...)
}

// Follow delivers until ctx ends, looking for what is new that often. Each hook goes its
// own pace: one that is away has minutes of tries for each entry, and the others go on.
// Trouble is told when it begins or changes, by many goroutines, and tried again.
func (s *Sender) Follow(ctx context.Context, every time.Duration, trouble func(error)) {
	var all sync.WaitGroup
	for i := range s.Hooks {
		all.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			said := ""
			for {
				_, err := s.serve(ctx, &s.Hooks[i])
				if ctx.Err() != nil {
					return
				}
				if err == nil {
					said = ""
				} else if err.Error() != said {
					said = err.Error()
					trouble(err)
				}
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	all.Wait()
}

// serve tells one hook what is new.
func (s *Sender) serve(ctx context.Context, h *Hook) (sent int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("webhook %s: %w", h.Name, err)
		}
	}()
	places, err := s.keeper.read(s.PlaceFile)
	if err != nil {
		return 0, err
	}
	place, known := places[h.Name]
	if !known {
		head, err := s.Store.Head(ctx)
		if err != nil {
			return 0, err
		}
		place.Seq = head.Seq
		if err := s.keeper.keep(s.PlaceFile, h.Name, place); err != nil {
			return 0, err
		}
	}
	kept := place.Seq
	return s.follow(ctx, h, &place, func() error {
		if place.Seq == kept { // nothing new; a look costs no write
			return nil
		}
		kept = place.Seq
		return s.keeper.keep(s.PlaceFile, h.Name, place)
	})
}

// follow tells one hook everything after its place, keeping the place after each delivery.
// A crash before it is kept repeats one delivery.
func (s *Sender) follow(ctx context.Context, h *Hook, place *Place, keep func() error) (sent int, err error) {
	for {
		entries, err := s.Store.Since(ctx, place.Seq, batch)
		if err != nil {
			return sent, err
		}
		for _, e := range entries {
			became, err := s.tell(ctx, h, e, place)
			if err != nil {
				return sent, errors.Join(err, keep())
			}
			place.Seq = e.Seq
			if became == unwanted {
				continue
			}
			if became == taken {
				sent++
			}
			if err := keep(); err != nil {
				return sent, err
			}
		}
		if len(entries) < batch {
			return sent, keep()
		}
	}
}

// An end is what became of a delivery.
type end int

const (
	unwanted end = iota
	taken
	givenUp
)

// tell delivers one entry, if the hook wants it. Only a context that ends, or a record
// that cannot be read, is an error; a receiver that does not answer is given up on.
func (s *Sender) tell(ctx context.Context, h *Hook, e casework.Entry, place *Place) (end, error) {
	if e.Version == 0 {
		return unwanted, nil
	}
	r, err := s.Store.Get(ctx, e.Kind, e.ID, e.Version)
	if err != nil {
		return unwanted, err
	}
	body, ok, err := h.event(e, r)
	if err != nil || !ok {
		return unwanted, err
	}
	if err := s.try(ctx, h, e.Seq, body); ctx.Err() != nil && err != nil {
		return unwanted, ctx.Err()
	} else if err != nil {
		f := Failure{e.Seq, s.Now(), err.Error()}
		place.Failed = append(place.Failed, f)
		place.Failed = place.Failed[max(0, len(place.Failed)-maxFailed):]
		s.GaveUp(h.Name, f)
		return givenUp, nil
	}
	return taken, nil
}

// try posts until it is taken, refused for good, or was tried often enough.
func (s *Sender) try(ctx context.Context, h *Hook, seq int, body []byte) error {
	wait := firstWait
	for n := 1; ; n++ {
		err := s.post(ctx, h, seq, body)
		var permanent refused
		if err == nil || ctx.Err() != nil || n == Attempts || errors.As(err, &permanent) {
			return err
		}
		if err := s.Wait(ctx, wait); err != nil {
			return err
		}
		wait *= 2
	}
}

// refused is an answer that no repetition changes.
type refused struct{ status string }

func (r refused) Error() string { return "the receiver answered " + r.status }

func (s *Sender) post(ctx context.Context, h *Hook, seq int, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, longestTry)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "flatwatt")
	req.Header.Set(SignatureHeader, Sign(h.Secret, s.Now(), body))
	req.Header.Set(DeliveryHeader, fmt.Sprintf("%s-%d", h.Name, seq))
	client := s.Client
	if client == nil {
		client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	switch c := res.StatusCode; {
	case c >= 200 && c < 300:
		return nil
	case c >= 300 && c < 500 && c != http.StatusRequestTimeout && c != http.StatusTooManyRequests:
		return refused{res.Status}
	}
	return fmt.Errorf("the receiver answered %s", res.Status)
}
