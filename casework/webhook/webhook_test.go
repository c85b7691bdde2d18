package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

var now = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

const secret = "sixteen or more!"

func TestSignatures(t *testing.T) {
	body := []byte(`{"seq":1}`)
	sig := Sign(secret, now, body)
	if err := Verify(secret, sig, body, now.Add(time.Minute), 5*time.Minute); err != nil {
		t.Error(err)
	}
	// printf '1772438400.{"seq":1}' | openssl dgst -sha256 -hmac 'sixteen or more!'
	if sig != "t=1772438400,v1=664d008f158beeb851b5b4ebc989dfa76eef27072fbd4831c18627f372790a1d" {
		t.Errorf("%s", sig)
	}
	for i := range sig {
		bad := []byte(sig)
		bad[i] ^= 1
		if Verify(secret, string(bad), body, now, time.Hour) == nil {
			t.Errorf("byte %d of the signature was changed: %s", i, bad)
		}
	}
	if Verify(secret, sig, append(body, ' '), now, time.Hour) == nil || Verify(secret+"x", sig, body, now, time.Hour) == nil || Verify(secret, sig, body, now.Add(time.Hour), time.Minute) == nil {
		t.Error("another body, secret or time is taken")
	}
}

// A receiver answers as it is told, and keeps what it took.
type receiver struct {
	t       *testing.T
	answers []int // the next ones; then 200
	got     []Event
	asked   int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.asked++
	body, _ := io.ReadAll(req.Body)
	if err := Verify(secret, req.Header.Get(SignatureHeader), body, now, time.Minute); err != nil {
		r.t.Error(err)
	}
	code := 200
	if len(r.answers) > 0 {
		code, r.answers = r.answers[0], r.answers[1:]
	}
	if code == 302 {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(code)
	if code == 200 {
		var e Event
		if err := json.Unmarshal(body, &e); err != nil || !strings.HasSuffix(req.Header.Get(DeliveryHeader), fmt.Sprint("-", e.Seq)) {
			r.t.Error(err, req.Header)
		}
		r.got = append(r.got, e)
	}
}

func start(t *testing.T, hook Hook, answers ...int) (*Sender, *receiver, *[]time.Duration) {
	t.Helper()
	db, err := casework.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"))
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, answers: answers}
	server := httptest.NewServer(r)
	t.Cleanup(func() { server.Close(); _ = db.Close() })
	hook.Name, hook.URL, hook.Secret = "itsm", server.URL, secret
	var waits []time.Duration
	return &Sender{Store: db, Hooks: []Hook{hook}, PlaceFile: filepath.Join(t.TempDir(), "places.json"), Now: func() time.Time { return now },
		Wait: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }, GaveUp: func(string, Failure) {}}, r, &waits
}

func write(t *testing.T, s *Sender, action, kind, id, area string) {
	t.Helper()
	err := casework.Put(t.Context(), s.Store, casework.Change{At: now, Actor: access.Actor{Name: "wang"}, Action: action}, kind, id, 0, map[string]string{"area": area, "password": "x"})
	if err != nil {
		t.Fatal(err)
	}
}

func deliver(t *testing.T, s *Sender, want int) {
	t.Helper()
	if n, err := s.Deliver(t.Context()); err != nil || n != want {
		t.Fatalf("%d deliveries, %v; want %d", n, err, want)
	}
}

func TestEachChangeIsToldOnceInOrder(t *testing.T) {
	s, r, _ := start(t, Hook{})
	write(t, s, "case.open", "case", "old", "")
	deliver(t, s, 0) // a hook is told from now on
	for i := range 3 {
		write(t, s, "alarm.score", "alarm", fmt.Sprint("a", i), "hubei")
		write(t, s, "user.add", "user", fmt.Sprint("u", i), "")
	}
	deliver(t, s, 3)
	deliver(t, s, 0)
	if len(r.got) != 3 || r.got[0].ID != "a0" || r.got[2].ID != "a2" || r.got[0].Record != nil || r.got[0].Area != "hubei" {
		t.Errorf("%+v", r.got)
	}
}

func TestRetriesAreBounded(t *testing.T) {
	s, r, waits := start(t, Hook{}, 500, 429, 200, 503, 503, 503, 503, 503, 503, 404, 302)
	deliver(t, s, 0)
	for i := range 4 {
		write(t, s, "case.open", "case", fmt.Sprint("c", i), "")
	}
	deliver(t, s, 1) // the first at the third attempt; the others are given up after 6, 1 and 1
	if got := fmt.Sprint(*waits); got != "[2s 4s 2s 4s 8s 16s 32s]" || r.asked != 3+6+1+1 {
		t.Errorf("%d attempts, waits %s", r.asked, got)
	}
	places, err := s.keeper.read(s.PlaceFile)
	if err != nil || len(places["itsm"].Failed) != 3 || places["itsm"].Seq != 4 {
		t.Errorf("%+v, %v", places, err)
	}
	write(t, s, "case.open", "case", "c9", "")
	deliver(t, s, 1) // what was given up is not tried again by itself
}

func TestStoppingKeepsThePlace(t *testing.T) {
	s, r, _ := start(t, Hook{}, 200, 500)
	deliver(t, s, 0)
	write(t, s, "case.open", "case", "c1", "")
	write(t, s, "case.open", "case", "c2", "")
	ctx, cancel := context.WithCancel(t.Context())
	s.Wait = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	if n, err := s.Deliver(ctx); n != 1 || err == nil {
		t.Fatal(n, err)
	}
	deliver(t, s, 1)
	if len(r.got) != 2 || r.got[1].ID != "c2" {
		t.Errorf("%+v", r.got)
	}
}

func TestHooksAreToldWhatTheyWant(t *testing.T) {
	f := func(h Hook, want string) {
		t.Helper()
		s, r, _ := start(t, h)
		deliver(t, s, 0)
		write(t, s, "alarm.score", "alarm", "a", "hubei")
		write(t, s, "alarm.shelve", "alarm", "b", "sichuan/aba")
		write(t, s, "case.open", "case", "c", "")
		write(t, s, "case.attach", "file", "d", "")
		write(t, s, "user.add", "user", "e", "")
		if _, err := s.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range r.got {
			got = append(got, e.ID)
			if (e.Record != nil) != h.WithRecord {
				t.Errorf("%+v", e)
			}
		}
		if strings.Join(got, "") != want {
			t.Errorf("%+v: %v, want %s", h, got, want)
		}
	}
	f(Hook{}, "abc")
	f(Hook{Actions: []string{"alarm.*"}, WithRecord: true}, "ab")
	f(Hook{Actions: []string{"case.open", "user.add"}}, "c")
	f(Hook{Areas: []string{"sichuan"}}, "b")
}

func TestSettingsAreChecked(t *testing.T) {
	read := func(path string) (string, error) { return path, nil }
	f := func(text, want string) {
		t.Helper()
		if _, err := Parse([]byte(text), read); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	f("hooks: [{name: A, url: 'https://x', secret_file: 'sixteen or more!'}]", "a name")
	f("hooks: [{name: a, url: 'http://example.org', secret_file: 'sixteen or more!'}]", "want https")
	f("hooks: [{name: a, url: 'https://u:p@example.org', secret_file: 'sixteen or more!'}]", "without a password")
	f("hooks: [{name: a, url: 'https://example.org', secret_file: short}]", "16 or more")
	f("hook: []", "hook")
	if s, err := Parse([]byte("hooks: [{name: a, url: 'http://127.0.0.1:9/x', secret_file: 'sixteen or more!'}]"), read); err != nil || len(s.Hooks) != 1 {
		t.Error(s, err)
	}
}
