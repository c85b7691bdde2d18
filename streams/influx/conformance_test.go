package influx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/influxd"
)

// conformance is what Sink and Client need of a database. It runs against the embedded
// one here and against a real InfluxDB 2.7 in integration_test.go: fresh gives an empty
// bucket and a function that stops its server.
func conformance(t *testing.T, fresh func(t *testing.T) (c Config, stop func())) {
	for name, f := range map[string]func(t *testing.T, c Config){
		"read back what was written": testReadBack,
		"replace every field":        testReplace,
		"brief and whole points":     testBrief,
		"points of other programs":   testOtherForms,
		"late data":                  testLate,
		"forget":                     testForget,
		"bad line":                   testBadLine,
		"type conflict":              testTypeConflict,
		"bad token":                  testBadToken,
		"unknown bucket":             testUnknownBucket,
		"passing faults":             testPassingFaults,
		"gzip":                       testGzip,
		"more than a chunk":          testManyRows,
		"roll-ups":                   testRollupsAreRead,
		"roll-ups after a crash":     testCrash,
		"new, class, region, model":  testKinds,
		"events":                     testEvents,
		"notes of runs":              testRunNotes,
		"export and import":          testExport,
		"a write that is given up":   testGivenUp,
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := fresh(t)
			f(t, c)
		})
	}
	t.Run("server down", func(t *testing.T) {
		c, stop := fresh(t)
		testServerDown(t, c, stop)
	})
}

func TestEmbedded(t *testing.T) { conformance(t, embedded) }

// embedded starts the embedded database with an empty bucket.
func embedded(t *testing.T) (Config, func()) {
	return embeddedIn(t, t.TempDir())
}

func embeddedIn(t testing.TB, dir string) (Config, func()) {
	t.Helper()
	c := Config{Token: "token-of-the-test", Org: "org", Bucket: "flatwatt"}
	db, err := influxd.Open(dir, influxd.Options{Token: c.Token, Org: c.Org, Bucket: c.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	stop := func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	if c.URL, err = db.Listen(""); err != nil {
		t.Fatal(err)
	}
	return c, stop
}

func open(t testing.TB, c Config) *Client {
	t.Helper()
	client, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func sinkOf(t testing.TB, c *Client, register []flatwatt.Meter) *Sink {
	t.Helper()
	s, err := NewSink(c, register, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustWrite(t testing.TB, s *Sink, scores ...flatwatt.Score) {
	t.Helper()
	if err := s.Write(t.Context(), scores); err != nil {
		t.Fatal(err)
	}
}

// firstDay is 2024-03-04, in the past for every retention rule of the tests.
const firstDay flatwatt.Day = 19786

var nan = math.NaN()

// full is a score in which every field has a value of its own.
func full(meter flatwatt.MeterID, day flatwatt.Day) flatwatt.Score {
	start := day.Start(time.UTC).Add(-8 * time.Hour) // as in UTC+8
	s := flatwatt.Score{
		Meter: meter, Day: day, Start: start, Detector: "customer", Model: "v1 \"quoted\" \\ ünïcode, = \\",
		State: flatwatt.Suspect, Schedule: flatwatt.Night,
		Onset:      flatwatt.Instants{At: start.AddDate(0, 0, -9), Low: start.AddDate(0, 0, -11), High: start.AddDate(0, 0, -7)},
		Ended:      start.AddDate(0, 0, -1),
		FirstAlarm: start.AddDate(0, 0, -3),
		Evidence:   []flatwatt.Evidence{{Term: "block", LogOdds: 3.25, Value: 3.1}, {Term: "acf, \"flat\"", LogOdds: -0.5, Value: nan}},
	}
	for i, f := range scoreFloats {
		*f.of(&s) = float64(i) + 0.125
	}
	s.Probability = 0.987654321
	s.Features.ACF24, s.Features.ThermalPct = -0.25, nan
	return s
}

// unknown is a score of a meter about which nothing can be said.
func unknown(meter flatwatt.MeterID, day flatwatt.Day) flatwatt.Score {
	s := flatwatt.Score{Meter: meter, Day: day, Start: day.Start(time.UTC).Add(-8 * time.Hour), Detector: "customer", State: flatwatt.NotEnoughData}
	for _, f := range scoreFloats {
		*f.of(&s) = nan
	}
	s.Units, s.HashrateTHs = flatwatt.Range{}, flatwatt.Range{}
	return s
}

// text makes scores comparable: NaN is not equal to itself.
func text(scores []flatwatt.Score) string {
	return strings.ReplaceAll(fmt.Sprintf("%+v", scores), "} {", "}\n{")
}

func sameScores(t *testing.T, got []flatwatt.Score, err error, want ...flatwatt.Score) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if text(got) != text(want) {
		t.Errorf("got\n%s\nwant\n%s", text(got), text(want))
	}
}

func testReadBack(t *testing.T, c Config) {
	client := open(t, c)
	meters := []flatwatt.MeterID{"m1", `sp ace,com=ma "q" 'a' ü`, "m1 "}
	s := sinkOf(t, client, nil)
	for _, id := range meters {
		mustWrite(t, s, full(id, firstDay+1), full(id, firstDay))
		other := full(id, firstDay)
		other.Detector, other.Model = "total", ""
		mustWrite(t, s, other)
		got, err := client.Scores(t.Context(), id, full(id, firstDay).Start, full(id, firstDay+1).Start)
		sameScores(t, got, err, full(id, firstDay), other) // to is exclusive
		got, err = client.Latest(t.Context(), id)
		sameScores(t, got, err, other, full(id, firstDay+1))
	}
	got, err := client.Latest(t.Context(), "nobody' OR meter != '")
	sameScores(t, got, err)
}

func testReplace(t *testing.T, c Config) {
	client := open(t, c)
	s := sinkOf(t, client, nil)
	for _, second := range []flatwatt.Score{unknown("m", firstDay), full("m", firstDay)} {
		mustWrite(t, s, full("m", firstDay))
		mustWrite(t, s, second)
		got, err := client.Scores(t.Context(), "m", time.Unix(0, 0), time.Now())
		sameScores(t, got, err, second)
	}
}

func testLate(t *testing.T, c Config) {
	client := open(t, c)
	s := sinkOf(t, client, nil)
	days := []flatwatt.Day{firstDay + 400, firstDay, firstDay + 399, firstDay + 30}
	for _, d := range days {
		mustWrite(t, s, full("m", d))
	}
	got, err := client.Scores(t.Context(), "m", time.Unix(0, 0), time.Now().AddDate(10, 0, 0))
	sameScores(t, got, err, full("m", firstDay), full("m", firstDay+30), full("m", firstDay+399), full("m", firstDay+400))
	for _, d := range days { // MaxDays are held at most, yet every day is counted once
		mustWrite(t, s, full("n", d), full("m", d))
	}
	for _, d := range days {
		if r, err := client.Fleet(t.Context(), d, "customer"); err != nil || r.Scored != 2 {
			t.Errorf("%s: %+v, %v; want 2 scored", d, r, err)
		}
	}
}

func testForget(t *testing.T, c Config) {
	client := open(t, c)
	ids := []flatwatt.MeterID{"m", `n "x" y`}
	for _, id := range ids {
		mustWrite(t, sinkOf(t, client, nil), full(id, firstDay), full(id, firstDay+1), full(id, firstDay+2))
	}
	for _, id := range ids {
		if err := client.Forget(t.Context(), id, full(id, firstDay).Start, full(id, firstDay+1).Start); err != nil {
			t.Fatal(err)
		}
		got, err := client.Scores(t.Context(), id, time.Unix(0, 0), time.Now())
		sameScores(t, got, err, full(id, firstDay+2))
		if id == ids[0] {
			got, err = client.Scores(t.Context(), ids[1], time.Unix(0, 0), time.Now())
			sameScores(t, got, err, full(ids[1], firstDay), full(ids[1], firstDay+1), full(ids[1], firstDay+2))
		}
	}
	if r, err := client.Fleet(t.Context(), firstDay, "customer"); err != nil || r.Scored != 2 {
		t.Errorf("roll-ups must stay: %+v, %v", r, err)
	}
}

// wantPermanent checks that an error names what is at fault and is not worth a retry.
func wantPermanent(t *testing.T, err error, names ...string) {
	t.Helper()
	if err == nil || !streams.IsPermanent(err) {
		t.Fatalf("got %v, want a permanent error", err)
	}
	for _, n := range names {
		if !strings.Contains(err.Error(), n) {
			t.Errorf("%q does not name %q", err, n)
		}
	}
}

func testBadLine(t *testing.T, c Config) {
	client := open(t, c)
	err := client.send(t.Context(), []byte("x f=1 100\nthis is bad\nx f=2 200\n"))
	wantPermanent(t, err, "this is bad", c.Bucket)
	n := 0
	if err := client.query(t.Context(), "SELECT f FROM x", func(row) error { n++; return nil }); err != nil || n != 0 {
		t.Errorf("%d rows, %v; a body with a bad line must be refused whole", n, err)
	}
}

func testTypeConflict(t *testing.T, c Config) {
	client := open(t, c)
	if err := client.send(t.Context(), []byte("x f=1 100\n")); err != nil {
		t.Fatal(err)
	}
	err := client.send(t.Context(), []byte("x f=\"text\" 200\nx f=3 300\n"))
	wantPermanent(t, err, "field type conflict")
	n := 0
	if err := client.query(t.Context(), "SELECT f FROM x", func(row) error { n++; return nil }); err != nil || n != 2 {
		t.Errorf("%d rows, %v; want the two points that fit", n, err)
	}
}

func testBadToken(t *testing.T, c Config) {
	c.Token = "not-the-token"
	client := open(t, c)
	wantPermanent(t, client.send(t.Context(), []byte("x f=1 100\n")), "unauthorized")
	if _, err := client.Latest(t.Context(), "m"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("reading with a bad token: %v", err)
	}
}

func testUnknownBucket(t *testing.T, c Config) {
	c.Bucket = "no-such-bucket"
	wantPermanent(t, open(t, c).send(t.Context(), []byte("x f=1 100\n")), "not found", "no-such-bucket")
}

// counted counts the pauses of a client instead of making them.
func counted(c Config) (Config, *[]time.Duration) {
	var pauses []time.Duration
	c.Sleep = func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return ctx.Err()
	}
	return c, &pauses
}

func testServerDown(t *testing.T, c Config, stop func()) {
	c, pauses := counted(c)
	client := open(t, c)
	s := sinkOf(t, client, nil)
	mustWrite(t, s, full("m", firstDay))
	stop()
	err := s.Write(t.Context(), []flatwatt.Score{full("m", firstDay)})
	if err == nil || streams.IsPermanent(err) || !strings.Contains(err.Error(), "attempt 4 of 4") {
		t.Fatalf("got %v, want a passing error after 4 attempts", err)
	}
	if want := []time.Duration{200e6, 400e6, 800e6}; !slices.Equal(*pauses, want) {
		t.Errorf("paused %v, want %v", *pauses, want)
	}
	if _, err := client.Latest(t.Context(), "m"); err == nil {
		t.Error("a server that is down was read from")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	*pauses = nil
	if err := client.send(ctx, []byte("x f=1 100\n")); !errors.Is(err, context.Canceled) || len(*pauses) != 0 {
		t.Errorf("after a stop: %v, paused %v", err, *pauses)
	}
}

// proxied puts fault between client and database: it may answer a request itself, in
// which case the database does not see it, and returns true.
func proxied(t *testing.T, c Config, fault func(w http.ResponseWriter, r *http.Request) bool) Config {
	t.Helper()
	u, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(u)
	p := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fault(w, r) {
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(p.Close)
	c.URL = p.URL
	return c
}

func testPassingFaults(t *testing.T, c Config) {
	var requests atomic.Int32
	c, pauses := counted(proxied(t, c, func(w http.ResponseWriter, r *http.Request) bool {
		switch requests.Add(1) {
		case 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.Header().Set("Retry-After", "3600") // more than anybody should wait
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			panic(http.ErrAbortHandler) // drops the connection
		default:
			return false
		}
		return true
	}))
	client := open(t, c)
	if err := client.send(t.Context(), []byte("x f=1 100\n")); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{7e9, longestPause, 800e6}; !slices.Equal(*pauses, want) {
		t.Errorf("paused %v, want %v", *pauses, want)
	}
}

func testGzip(t *testing.T, c Config) {
	var encoding atomic.Value
	c = proxied(t, c, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/write") {
			encoding.Store(r.Header.Get("Content-Encoding"))
		}
		return false
	})
	for _, c.Gzip = range []bool{true, false} {
		client := open(t, c)
		s := full(flatwatt.MeterID(fmt.Sprint("m", c.Gzip)), firstDay)
		mustWrite(t, sinkOf(t, client, nil), s)
		got, err := client.Latest(t.Context(), s.Meter)
		sameScores(t, got, err, s)
		if e := encoding.Load(); (e == "gzip") != c.Gzip {
			t.Errorf("Content-Encoding %q with Gzip %t", e, c.Gzip)
		}
	}
}

func testManyRows(t *testing.T, c Config) {
	client := open(t, c)
	const n = chunkRows + 1
	var lines []byte
	for i := range n {
		lines = fmt.Appendf(lines, "x,t=%d f=%di %d\n", i, i, 100+i)
	}
	if err := client.send(t.Context(), lines); err != nil {
		t.Fatal(err)
	}
	rows, sum := 0, int64(0)
	err := client.query(t.Context(), "SELECT f FROM x", func(r row) error {
		rows++
		sum += r.int("f")
		return r.err
	})
	if err != nil || rows != n || sum != n*(n-1)/2 {
		t.Errorf("%d rows of sum %d, %v; want %d of %d", rows, sum, err, n, n*(n-1)/2)
	}
}
