package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// withDead is a sender to a hook that is away, and after it to one that takes all, which
// says so. Between its tries the first waits, and says so, until goOn is called.
func withDead(t *testing.T) (s *Sender, took <-chan string, waiting <-chan struct{}, goOn func()) {
	t.Helper()
	s, _, _ = start(t, Hook{})
	deliveries, waits, on := make(chan string, 100), make(chan struct{}, 100), make(chan struct{})
	dead := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	live := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { deliveries <- r.Header.Get(DeliveryHeader) }))
	t.Cleanup(func() { dead.Close(); live.Close() })
	s.Hooks = []Hook{{Name: "dead", URL: dead.URL, Secret: secret}, {Name: "live", URL: live.URL, Secret: secret}}
	s.Wait = func(ctx context.Context, _ time.Duration) error {
		waits <- struct{}{}
		select {
		case <-on:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	deliver(t, s, 0) // they are told from now on
	return s, deliveries, waits, func() { close(on) }
}

func next(t *testing.T, ctx context.Context, took <-chan string, want string) {
	t.Helper()
	select {
	case got := <-took:
		if got != want {
			t.Errorf("%s was delivered, want %s", got, want)
		}
	case <-ctx.Done():
		t.Errorf("%s is not delivered while the other hook is away", want)
	}
}

func TestAHookThatIsAwayHoldsUpNoOther(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
	defer stop()
	t.Run("once", func(t *testing.T) {
		s, took, _, goOn := withDead(t)
		write(t, s, "case.open", "case", "c1", "")
		write(t, s, "case.open", "case", "c2", "")
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if n, err := s.Deliver(ctx); n != 2 || err != nil {
				t.Errorf("%d, %v; want 2", n, err)
			}
		}()
		next(t, ctx, took, "live-1")
		next(t, ctx, took, "live-2")
		goOn()
		<-ended
		places, err := s.keeper.read(s.PlaceFile)
		if err != nil || places["live"].Seq != 2 || places["dead"].Seq != 2 || len(places["dead"].Failed) != 2 {
			t.Errorf("%+v, %v", places, err)
		}
	})
	t.Run("on and on", func(t *testing.T) {
		s, took, waiting, _ := withDead(t)
		ctx, stop := context.WithCancel(ctx)
		var all sync.WaitGroup
		all.Go(func() { s.Follow(ctx, time.Millisecond, func(err error) { t.Error(err) }) })
		for i := range 3 {
			write(t, s, "case.open", "case", fmt.Sprint("c", i), "")
			if i == 0 {
				select {
				case <-waiting: // the first hook is in its tries; what comes from here on is later
				case <-ctx.Done():
				}
			}
			next(t, ctx, took, fmt.Sprint("live-", i+1))
		}
		stop()
		all.Wait()
	})
}

// A power cut may have left a file of places without a word in it, by versions that did not
// wait for the disk.
func TestDamagedPlacesAreToldWithARemedy(t *testing.T) {
	for _, text := range []string{"", "null", "{\"itsm\":", "\x00\x00\x00\x00"} {
		s, r, _ := start(t, Hook{})
		if err := os.WriteFile(s.PlaceFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		write(t, s, "case.open", "case", "c1", "")
		if n, err := s.Deliver(t.Context()); n != 0 || !errors.Is(err, errPlaces) || !strings.Contains(err.Error(), s.PlaceFile) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %d, %v", text, n, err)
		}
		if got, err := os.ReadFile(s.PlaceFile); err != nil || string(got) != text {
			t.Errorf("%q became %q, %v", text, got, err)
		}
		if err := os.WriteFile(s.PlaceFile, []byte(`{"itsm":{"seq":0}}`), 0o600); err != nil { // the remedy
			t.Fatal(err)
		}
		if deliver(t, s, 1); len(r.got) != 1 {
			t.Errorf("%+v", r.got)
		}
	}
}

// Trouble that stays is told once, not at each look.
func TestTroubleIsToldOnce(t *testing.T) {
	s, _, _ := start(t, Hook{})
	if err := os.WriteFile(s.PlaceFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	told := 0
	s.Follow(ctx, time.Millisecond, func(error) { told++ })
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

func TestPlacesOfManyHooksAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.json")
	var k keeper
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for seq := 1; seq <= 10; seq++ {
				if err := k.keep(path, fmt.Sprint("h", i), Place{Seq: seq}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	places, err := k.read(path)
	if err != nil || len(places) != 8 {
		t.Fatalf("%+v, %v", places, err)
	}
	for name, p := range places {
		if p.Seq != 10 {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%v, %v; want the file alone", left, err)
	}
}
