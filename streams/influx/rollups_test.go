package influx

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"pgregory.net/rapid"
)

// grid is two feeders with two transformers each and two meters under each of those;
// one more meter hangs on a feeder, one on nothing, and two are each other's parent.
func grid() []flatwatt.Meter {
	var g []flatwatt.Meter
	add := func(id, parent string, kind flatwatt.Kind) {
		g = append(g, flatwatt.Meter{ID: flatwatt.MeterID(id), Parent: flatwatt.MeterID(parent), Kind: kind})
	}
	for f := range 2 {
		feeder := fmt.Sprint("F", f)
		add(feeder, "", flatwatt.Feeder)
		for x := range 2 {
			transformer := fmt.Sprintf("T%d%d", f, x)
			add(transformer, feeder, flatwatt.Transformer)
			for m := range 2 {
				add(fmt.Sprintf("m%d%d%d", f, x, m), transformer, flatwatt.Customer)
			}
		}
	}
	add("direct", "F0", flatwatt.Customer)
	add("alone", "", flatwatt.Customer)
	add("ring1", "ring2", flatwatt.Customer)
	add("ring2", "ring1", flatwatt.Customer)
	return g
}

// brief is a score with what matters to roll-ups.
func brief(meter flatwatt.MeterID, day flatwatt.Day, state flatwatt.State, probability, kw float64) flatwatt.Score {
	s := unknown(meter, day)
	s.State, s.Probability, s.Block.Value = state, probability, kw
	s.HashrateTHs = flatwatt.Range{Low: 10 * kw, High: 20 * kw}
	return s
}

func TestPlaces(t *testing.T) {
	r, err := NewRollups(grid(), "")
	if err != nil {
		t.Fatal(err)
	}
	f := func(meter flatwatt.MeterID, transformer, feeder flatwatt.MeterID) {
		t.Helper()
		if p := r.register[meter]; r.names[p.transformer] != transformer || r.names[p.feeder] != feeder {
			t.Errorf("%s hangs on %q, %q; want %q, %q", meter, r.names[p.transformer], r.names[p.feeder], transformer, feeder)
		}
	}
	f("m011", "T01", "F0")
	f("T10", "T10", "F1")
	f("direct", "", "F0")
	f("alone", "", "")
	f("ring1", "", "")
	if _, err := NewRollups([]flatwatt.Meter{{ID: "a\\b", Kind: flatwatt.Transformer}}, ""); err == nil {
		t.Error("a transformer that no tag can hold was accepted")
	}
}

func testRollupsAreRead(t *testing.T, c Config) {
	client := open(t, c)
	s := sinkOf(t, client, grid())
	mustWrite(t, s,
		brief("m000", firstDay, flatwatt.Suspect, 0.9, 3), brief("m001", firstDay, flatwatt.Suspect, 0.9, 5),
		brief("m010", firstDay, flatwatt.Normal, 0.1, 9), brief("direct", firstDay, flatwatt.Ended, 0.2, 9),
		brief("m100", firstDay, flatwatt.Suspect, 0.95, nan), unknown("m110", firstDay),
		brief("stranger", firstDay, flatwatt.MeterFault, nan, nan))
	ths := func(kw float64) flatwatt.Range { return flatwatt.Range{Low: 10 * kw, High: 20 * kw} }
	f := func(got Rollup, err error, want Rollup) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	got, err := client.Transformer(t.Context(), firstDay, "customer", "T00")
	f(got, err, Rollup{Scored: 2, Suspects: 2, SuspectedKW: 8, HashrateTHs: ths(8)})
	got, err = client.Feeder(t.Context(), firstDay, "customer", "F0")
	f(got, err, Rollup{Scored: 4, Suspects: 2, Normal: 1, Ended: 1, SuspectedKW: 8, HashrateTHs: ths(8)})
	got, err = client.Feeder(t.Context(), firstDay, "customer", "F1")
	f(got, err, Rollup{Scored: 2, Suspects: 1, NotEnoughData: 1})
	got, err = client.Fleet(t.Context(), firstDay, "customer")
	f(got, err, Rollup{Scored: 7, Suspects: 3, Normal: 1, Ended: 1, NotEnoughData: 1, MeterFaults: 1, SuspectedKW: 8, HashrateTHs: ths(8)})
	wantTop(t, client, 10, "[{1 m100 0.95 NaN} {2 m001 0.9 5} {3 m000 0.9 3}]")
	wantTop(t, client, 1, "[{1 m100 0.95 NaN}]")

	// Suspects that are cleared leave no rank behind.
	mustWrite(t, s, brief("m100", firstDay, flatwatt.Normal, 0.1, 0), brief("m000", firstDay, flatwatt.Normal, 0.1, 0))
	wantTop(t, client, 10, "[{1 m001 0.9 5}]")
	got, err = client.Transformer(t.Context(), firstDay, "customer", "T00")
	f(got, err, Rollup{Scored: 2, Suspects: 1, Normal: 1, SuspectedKW: 5, HashrateTHs: ths(5)})

	// Another part of the fleet writes its own; readers see both. It leaves alone what
	// its register lacks.
	other, err := NewSink(client, []flatwatt.Meter{{ID: "far", Parent: "F0"}, {ID: "F0", Kind: flatwatt.Feeder}}, "p1")
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, other, brief("far", firstDay, flatwatt.Suspect, 0.99, 2), brief("m000", firstDay, flatwatt.Normal, 0.1, 0))
	got, err = client.Feeder(t.Context(), firstDay, "customer", "F0")
	f(got, err, Rollup{Scored: 5, Suspects: 2, Normal: 2, Ended: 1, SuspectedKW: 7, HashrateTHs: ths(7)})
	if got, err = client.Fleet(t.Context(), firstDay, "customer"); err != nil || got.Scored != 8 {
		t.Errorf("got %+v, %v; want m000 counted by one part only", got, err)
	}
	wantTop(t, client, 10, "[{1 far 0.99 2} {2 m001 0.9 5}]")
}

func wantTop(t *testing.T, c *Client, n int, want string) {
	t.Helper()
	if top, err := c.Top(t.Context(), firstDay, "customer", n); err != nil || fmt.Sprint(top) != want {
		t.Errorf("top %v, %v; want %s", top, err, want)
	}
}

// dump is every roll-up in the bucket, as text in a fixed order.
func dump(t *testing.T, c *Client) string {
	t.Helper()
	var lines []string
	for _, m := range []string{TransformerMeasurement, FeederMeasurement, FleetMeasurement, ClassMeasurement, RegionMeasurement, ModelMeasurement, EventMeasurement, TopMeasurement} {
		err := c.query(t.Context(), "SELECT * FROM "+m, func(r row) error {
			line := m
			columns := make([]string, 0, len(r.columns))
			for name := range r.columns {
				columns = append(columns, name)
			}
			slices.Sort(columns)
			for _, name := range columns {
				line += fmt.Sprintf(" %s=%v", name, r.get(name))
			}
			lines = append(lines, line)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// twoDays is the scores of a small fleet, the second day's partly for the second time.
func twoDays() [][]flatwatt.Score {
	var days [][]flatwatt.Score
	rng := rand.New(rand.NewPCG(1, 2))
	states := []flatwatt.State{flatwatt.Normal, flatwatt.Suspect, flatwatt.Suspect, flatwatt.Ended, flatwatt.MeterFault}
	for _, day := range []flatwatt.Day{firstDay, firstDay + 1, firstDay + 1} {
		var b []flatwatt.Score
		for _, m := range grid() {
			// Tenths do not add up exactly in binary, so an order would show in the sums.
			b = append(b, brief(m.ID, day, states[rng.IntN(len(states))], rng.Float64(), float64(rng.IntN(100))/10))
		}
		days = append(days, b)
	}
	half := len(days[0]) / 2
	return [][]flatwatt.Score{days[0][:half], days[0][half:], days[1], days[2][half:]}
}

// testCrash stops the sink at each of its requests, with the request lost or kept but
// its answer lost, and carries on with a new sink from the last checkpoint, as a new
// process would. The roll-ups must be those of a run without a crash.
func testCrash(t *testing.T, c Config) {
	batches := twoDays()
	clean := open(t, c)
	s := sinkOf(t, clean, grid())
	for _, b := range batches {
		mustWrite(t, s, b...)
	}
	want := dump(t, clean)
	if n := strings.Count(want, "\n") + 1; n != 2*(4+2+1+TopN) {
		t.Fatalf("%d points, want %d:\n%s", n, 2*(4+2+1+TopN), want)
	}
	for _, kept := range []bool{false, true} {
		for crash := 1; ; crash++ {
			empty(t, clean)
			if !runWithCrash(t, c, batches, crash, kept) {
				break // there are fewer requests than that
			}
			if got := dump(t, clean); got != want {
				t.Fatalf("crash at request %d, kept %t: got\n%s\nwant\n%s", crash, kept, got, want)
			}
			if crash > 100 {
				t.Fatal("the run does not end")
			}
		}
	}
}

// testGivenUp fails a write after its scores are durable and never repeats it: the next
// write of the day, by the same sink or by a new one, must count those scores too.
func testGivenUp(t *testing.T, c Config) {
	for i, again := range []bool{true, false} {
		day := firstDay + flatwatt.Day(i)
		var writes atomic.Int32
		faulty := proxied(t, c, func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/write") {
				return false
			}
			if writes.Add(1) != 3 { // the mark, the scores, then the roll-ups
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		})
		faulty.Attempts = 1
		client := open(t, faulty)
		s := sinkOf(t, client, grid())
		if err := s.Write(t.Context(), []flatwatt.Score{brief("m000", day, flatwatt.Suspect, 0.9, 3)}); err == nil || streams.IsPermanent(err) {
			t.Fatalf("got %v, want a passing error", err)
		}
		if !again {
			s = sinkOf(t, client, grid())
		}
		mustWrite(t, s, brief("m100", day, flatwatt.Suspect, 0.8, 4))
		if got, err := client.Transformer(t.Context(), day, "customer", "T00"); err != nil || got.Scored != 1 || got.SuspectedKW != 3 {
			t.Errorf("same sink %t: %+v, %v; want 1 scored, 3 kW", again, got, err)
		}
		if got, err := client.Fleet(t.Context(), day, "customer"); err != nil || got.Scored != 2 || got.SuspectedKW != 7 {
			t.Errorf("same sink %t: %+v, %v; want 2 scored, 7 kW", again, got, err)
		}
	}
}

// empty deletes everything, the marks of days too.
func empty(t *testing.T, c *Client) {
	t.Helper()
	err := c.api.DeleteAPI().DeleteWithName(t.Context(), c.conf.Org, c.conf.Bucket, time.Unix(0, 0), time.Unix(4e9, 0), "")
	if err != nil {
		t.Fatal(err)
	}
}

// runWithCrash says whether it came to the crash. A checkpoint is taken after every
// second batch, so up to two are repeated.
func runWithCrash(t *testing.T, c Config, batches [][]flatwatt.Score, crash int, kept bool) bool {
	var requests atomic.Int32 // one at a time, each in a goroutine of its own
	faulty := proxied(t, c, func(w http.ResponseWriter, r *http.Request) bool {
		n := int(requests.Add(1))
		if n < crash {
			return false
		}
		// After the crash the process is dead: nothing more gets through.
		if n == crash && kept && strings.HasSuffix(r.URL.Path, "/write") {
			forward(t, c, r)
		}
		panic(http.ErrAbortHandler)
	})
	faulty.Attempts = 1
	s := sinkOf(t, open(t, faulty), grid())
	for i, b := range batches {
		if err := s.Write(t.Context(), b); err == nil {
			continue
		}
		s := sinkOf(t, open(t, c), grid()) // a new process, with a memory of nothing
		for _, b := range batches[i/2*2:] {
			mustWrite(t, s, b...)
		}
		return true
	}
	return false
}

// forward sends r to the database and drops the answer.
func forward(t *testing.T, c Config, r *http.Request) {
	out, err := http.NewRequestWithContext(t.Context(), r.Method, c.URL+r.URL.RequestURI(), r.Body)
	if err != nil {
		t.Error(err)
		return
	}
	out.Header = r.Header
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		t.Error(err)
		return
	}
	resp.Body.Close()
}

// TestRollupsDependOnTheSetOfScores draws scores, some of them again with other values,
// and cuts and orders them at random. The last lines of every point must be those of
// adding each final score once, in the order of names.
func TestRollupsDependOnTheSetOfScores(t *testing.T) {
	ids := grid()
	score := rapid.Custom(func(t *rapid.T) flatwatt.Score {
		states := []flatwatt.State{flatwatt.Normal, flatwatt.Suspect, flatwatt.Ended, flatwatt.MeterFault, flatwatt.NotEnoughData}
		s := brief(rapid.SampledFrom(ids).Draw(t, "meter").ID, firstDay, rapid.SampledFrom(states).Draw(t, "state"),
			rapid.Float64Range(0, 1).Draw(t, "p"), rapid.Float64Range(-1e9, 1e9).Draw(t, "kw"))
		s.Detector = rapid.SampledFrom([]string{"customer", "total"}).Draw(t, "detector")
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(score, 1, 40).Draw(t, "scores")
		got := make(map[string]string)
		r, _ := NewRollups(ids, "")
		for i := range scores {
			r.Add(&scores[i])
			if rapid.Bool().Draw(t, "cut") {
				keep(got, r.Changed())
			}
		}
		keep(got, r.Changed())
		final := make(map[scoreKey]flatwatt.Score)
		for _, s := range scores {
			final[scoreKey{s.Meter, s.Detector}] = s
		}
		var once []flatwatt.Score
		for _, s := range final {
			once = append(once, s)
		}
		slices.SortFunc(once, func(a, b flatwatt.Score) int {
			return cmp.Or(cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.Detector, b.Detector))
		})
		want := make(map[string]string)
		fresh, _ := NewRollups(ids, "")
		for i := range once {
			fresh.Add(&once[i])
		}
		keep(want, fresh.Changed())
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got\n%v\nwant\n%v", got, want)
		}
	})
}

// keep stores lines as the database would: by measurement and tags.
func keep(points map[string]string, lines [][]byte) {
	for _, l := range lines {
		key, fields, _ := strings.Cut(string(l), " ")
		points[key] = fields
	}
}

func TestTopIsBounded(t *testing.T) {
	r, err := NewRollups(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range TopN + 1 {
		s := brief(flatwatt.MeterID(fmt.Sprintf("m%02d", i)), firstDay, flatwatt.Suspect, 0.5+float64(i)/1000, 1)
		r.Add(&s)
	}
	lines := r.Changed()
	if len(lines) != 1+TopN {
		t.Fatalf("%d lines, want the fleet and %d ranks", len(lines), TopN)
	}
	if first, last := string(lines[1]), string(lines[TopN]); !strings.Contains(first, `rank=01 meter_id="m50"`) || !strings.Contains(last, `rank=50 meter_id="m01"`) {
		t.Errorf("first %s last %s", first, last)
	}
	if again := r.Changed(); len(again) != 0 {
		t.Errorf("nothing has changed, yet %d lines", len(again))
	}
}

func TestDaysAreBounded(t *testing.T) {
	r, err := NewRollups(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for d := range flatwatt.Day(MaxDays + 1) {
		s := brief("m", firstDay-d, flatwatt.Normal, 0, 0)
		r.Add(&s)
	}
	if len(r.days) != MaxDays || r.knows(firstDay) || !r.knows(firstDay-MaxDays) {
		t.Errorf("holds %d days; the one that began first must go", len(r.days))
	}
}

func TestBadScoresAreRefusedForGood(t *testing.T) {
	c, _ := embedded(t)
	s := sinkOf(t, open(t, c), nil)
	f := func(change func(*flatwatt.Score), names string) {
		t.Helper()
		bad := full("m", firstDay)
		change(&bad)
		err := s.Write(t.Context(), []flatwatt.Score{bad})
		if err == nil || !streams.IsPermanent(err) || !strings.Contains(err.Error(), names) {
			t.Errorf("got %v, want a permanent error with %q", err, names)
		}
	}
	f(func(s *flatwatt.Score) { s.Meter = "" }, "meter \"\" is empty")
	f(func(s *flatwatt.Score) { s.Meter = "a\nb" }, "control character")
	f(func(s *flatwatt.Score) { s.Meter = "a\\" }, "backslash")
	f(func(s *flatwatt.Score) { s.Meter = "a\xff" }, "UTF-8")
	f(func(s *flatwatt.Score) { s.Meter = flatwatt.MeterID(strings.Repeat("x", MaxTagBytes+1)) }, "more than 256")
	f(func(s *flatwatt.Score) { s.Detector = "" }, "detector")
	f(func(s *flatwatt.Score) { s.Start = time.Time{} }, "no start")
	mustWrite(t, s, full(flatwatt.MeterID(strings.Repeat("x", MaxTagBytes)), firstDay))
}

func TestInfinityIsCutAndEvidenceBounded(t *testing.T) {
	inf := math.Inf(1)
	s := brief("m000", firstDay, flatwatt.Suspect, 1, inf)
	s.LogEValue, s.LogOdds = -inf, inf
	for i := range 500 {
		s.Evidence = append(s.Evidence, flatwatt.Evidence{Term: fmt.Sprintf("term %03d", i), LogOdds: inf, Value: float64(i)})
	}
	c, _ := embedded(t)
	client := open(t, c)
	mustWrite(t, sinkOf(t, client, grid()), s)
	got, err := client.Latest(t.Context(), "m000")
	if err != nil || len(got) != 1 || got[0].LogEValue != -MaxAbs || got[0].LogOdds != MaxAbs || got[0].Block.Value != MaxAbs {
		t.Fatalf("got %+v, %v; want %g in place of infinity", got, err, MaxAbs)
	}
	// A term is {"term":"term 000","log_odds":null,"value":100} and a comma.
	if n, l := len(got[0].Evidence), len(strings.ReplaceAll(string(appendEvidence(nil, s.Evidence)), `\`, "")); l > MaxEvidenceBytes || l < MaxEvidenceBytes-60 || n == 500 || got[0].Evidence[n-1].Value != float64(n-1) {
		t.Errorf("%d terms in %d bytes; want the first ones, as many as fit into %d", n, l, MaxEvidenceBytes)
	}
	if r, err := client.Fleet(t.Context(), firstDay, "customer"); err != nil || r.SuspectedKW != MaxAbs {
		t.Errorf("roll-up %+v, %v", r, err)
	}
}
