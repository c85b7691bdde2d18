package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
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

// A Place is how far one hook has been told.
type Place struct {
	Seq    int       `json:"seq"`
	Failed []Failure `json:"failed,omitempty"` // given up, the oldest first
}

// A Failure is a delivery that was given up.
type Failure struct {
	Seq    int       `json:"seq"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// A Sender delivers to the hooks of one casework file. Places are kept beside it in
// PlaceFile, not in it: a delivery is no act of a person.
type Sender struct {
	Store     casework.Store
	Hooks     []Hook
	PlaceFile string
	Now       func() time.Time
	Wait      func(context.Context, time.Duration) error // between attempts
	GaveUp    func(hook string, f Failure)
	Client    *http.Client // nil: one that follows no redirect
}

// Deliver tells every hook what is new, and returns how many deliveries were taken. A
// hook that is new is told from now on. A hook that fails holds up no other.
func (s *Sender) Deliver(ctx context.Context) (sent int, err error) {
	places, err := s.places()
	if err != nil {
		return 0, err
	}
	for i := range s.Hooks {
		h := &s.Hooks[i]
		place, known := places[h.Name]
		if !known {
			head, err := s.Store.Head(ctx)
			if err != nil {
				return sent, err
			}
			place.Seq = head.Seq
		}
		n, err := s.follow(ctx, h, &place, func() error {
			places[h.Name] = place
			return s.keep(places)
		})
		sent += n
		if err != nil {
			return sent, fmt.Errorf("webhook %s: %w", h.Name, err)
		}
	}
	return sent, nil
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
			taken, err := s.tell(ctx, h, e, place)
			if err != nil {
				return sent, errors.Join(err, keep())
			}
			place.Seq = e.Seq
			if taken {
				sent++
				if err := keep(); err != nil {
					return sent, err
				}
			}
		}
		if len(entries) < batch {
			return sent, keep()
		}
	}
}

// tell delivers one entry, if the hook wants it. Only a context that ends, or a record
// that cannot be read, is an error; a receiver that does not answer is given up on.
func (s *Sender) tell(ctx context.Context, h *Hook, e casework.Entry, place *Place) (taken bool, err error) {
	if e.Version == 0 {
		return false, nil
	}
	r, err := s.Store.Get(ctx, e.Kind, e.ID, e.Version)
	if err != nil {
		return false, err
	}
	body, ok, err := h.event(e, r)
	if err != nil || !ok {
		return false, err
	}
	wait := firstWait
	for n := 1; ; n++ {
		err = s.post(ctx, h, e.Seq, body)
		if err == nil {
			return true, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if permanent := (refused{}); n == Attempts || errors.As(err, &permanent) {
			break
		}
		if err := s.Wait(ctx, wait); err != nil {
			return false, err
		}
		wait *= 2
	}
	f := Failure{e.Seq, s.Now(), err.Error()}
	place.Failed = append(place.Failed, f)
	place.Failed = place.Failed[max(0, len(place.Failed)-maxFailed):]
	s.GaveUp(h.Name, f)
	return false, nil
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

func (s *Sender) places() (map[string]Place, error) {
	places := map[string]Place{}
	text, err := os.ReadFile(s.PlaceFile)
	if errors.Is(err, fs.ErrNotExist) {
		return places, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &places)
	}
	if err != nil {
		return nil, fmt.Errorf("webhook places %s: %w", s.PlaceFile, err)
	}
	return places, nil
}

// keep replaces the file of places whole.
func (s *Sender) keep(places map[string]Place) error {
	text, err := json.MarshalIndent(places, "", "  ")
	if err != nil {
		return err
	}
	tmp := s.PlaceFile + ".part"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, s.PlaceFile)
}
