package cluster_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/network"
	"github.com/flatwatt/flatwatt/simulate"
)

const firstDay = flatwatt.Day(20400)

// A said is a scorer that says what it is told: one block a meter, from a day on.
type said struct {
	ids    []flatwatt.MeterID
	blocks map[flatwatt.MeterID]said1
	last   flatwatt.Day
}

type said1 struct {
	onset flatwatt.Day
	kw, p float64
}

// Score closes a day for each reading: what matters here are scores.
func (f *said) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	for range readings {
		f.last++
		for _, id := range f.ids {
			s := flatwatt.Score{Meter: id, Day: firstDay + f.last, Detector: "customer", Probability: .0001, Block: flatwatt.Estimate{Value: math.NaN()}}
			if b, ok := f.blocks[id]; ok && b.onset <= f.last {
				s.Probability, s.Onset.At = b.p, (firstDay + b.onset).Start(time.UTC)
				s.Block = flatwatt.Estimate{Value: b.kw, Low: b.kw - .2, High: b.kw + .2}
			}
			dst = append(dst, s)
		}
	}
	return dst
}

func (f *said) Close(dst []flatwatt.Score) []flatwatt.Score { return dst }
func (f *said) AppendBinary(b []byte) ([]byte, error)       { return append(b, byte(f.last)), nil }
func (f *said) UnmarshalBinary(b []byte) error {
	if len(b) != 1 {
		return fmt.Errorf("%d bytes", len(b))
	}
	f.last = flatwatt.Day(b[0])
	return nil
}

// grid is two feeders of 100 customers below four transformers each.
func grid() (meters []flatwatt.Meter) {
	for i := range 200 {
		meters = append(meters, flatwatt.Meter{
			ID: flatwatt.MeterID(fmt.Sprintf("c%03d", i)), Parent: flatwatt.MeterID(fmt.Sprintf("t%d", i/25)),
			Kind: flatwatt.Customer, Zone: time.UTC, Interval: time.Hour,
		})
	}
	for k := range 8 {
		meters = append(meters, flatwatt.Meter{ID: flatwatt.MeterID(fmt.Sprintf("t%d", k)), Parent: flatwatt.MeterID(fmt.Sprintf("f%d", k/4)), Kind: flatwatt.Transformer, Zone: time.UTC})
	}
	return append(meters, flatwatt.Meter{ID: "f0", Kind: flatwatt.Feeder, Zone: time.UTC}, flatwatt.Meter{ID: "f1", Kind: flatwatt.Feeder, Zone: time.UTC})
}

func onGrid(t *testing.T, blocks map[flatwatt.MeterID]said1, changes ...network.Link) *cluster.Scorer {
	t.Helper()
	meters := grid()
	net, faults := network.New(network.Parents(meters), changes)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	inner := &said{blocks: blocks}
	for _, m := range meters[:200] {
		inner.ids = append(inner.ids, m.ID)
	}
	return cluster.New(inner, meters, meters, net)
}

// blocks are k blocks at every n-th customer from the first on, one a day.
func blocks(k, n int, kw, p float64) map[flatwatt.MeterID]said1 {
	m := map[flatwatt.MeterID]said1{}
	for i := range k {
		m[flatwatt.MeterID(fmt.Sprintf("c%03d", i*n))] = said1{flatwatt.Day(10 + i%5), kw * (1 + .02*float64(i%3)), p}
	}
	return m
}

// casesAfter are the latest suspected cases after so many days.
func casesAfter(s *cluster.Scorer, days int) map[flatwatt.MeterID]flatwatt.Score {
	found := map[flatwatt.MeterID]flatwatt.Score{}
	for range days {
		clear(found)
		for _, sc := range s.Score(nil, make([]flatwatt.Reading, 1)) {
			if sc.Detector == "cluster" && sc.State == flatwatt.Suspect {
				sc.Evidence = slices.Clone(sc.Evidence)
				found[sc.Meter] = sc
			}
		}
	}
	return found
}

func TestWhatIsACase(t *testing.T) {
	scattered := blocks(10, 20, 3, .1) // five below each feeder
	slow := blocks(10, 10, 3, .1)
	for id, b := range slow {
		var i int
		fmt.Sscanf(string(id), "c%d", &i)
		b.onset = flatwatt.Day(10 + i/10*9)
		slow[id] = b
	}
	doubt := blocks(3, 3, 3, .99)
	doubt["c006"] = said1{12, 3, .008}
	for name, c := range map[string]struct {
		blocks map[flatwatt.MeterID]said1
		want   []string
	}{
		"ten weak blocks below one feeder": {blocks(10, 10, 3, .1), []string{"f0.cluster"}},
		"ten too weak":                     {blocks(10, 10, 3, .001), nil},
		"two sure ones":                    {blocks(2, 10, 3, .99), nil},
		"two sure ones and a doubt":        {doubt, nil},
		"one every nine days":              {slow, nil},
		"below one transformer":            {blocks(6, 3, 3, .1), []string{"t0.cluster"}},
		"as many everywhere":               {scattered, nil},
	} {
		found := casesAfter(onGrid(t, c.blocks), 110)
		if name == "as many everywhere" { // weaker than the same below one feeder
			for id, sc := range found {
				if alone := casesAfter(onGrid(t, blocks(10, 10, 3, .1)), 110)["f0.cluster"]; sc.LogOdds > alone.LogOdds-10 {
					t.Errorf("%s: %s has log odds %.1f, one feeder alone %.1f", name, id, sc.LogOdds, alone.LogOdds)
				}
			}
			continue
		}
		if len(found) != len(c.want) {
			t.Errorf("%s: cases %v, want %v", name, found, c.want)
		}
		for _, id := range c.want {
			if _, ok := found[flatwatt.MeterID(id)]; !ok {
				t.Errorf("%s: no case %s", name, id)
			}
		}
	}
}

// A case names its members, adds up, and its parts are its log-odds.
func TestACaseIsTold(t *testing.T) {
	s := onGrid(t, blocks(10, 10, 3, .1))
	sc := casesAfter(s, 20)["f0.cluster"]
	if last := len(sc.Evidence) - 1; last != 11 || !cluster.IsCount(sc.Evidence[last]) || sc.Evidence[last].Value != 10 || !cluster.IsOthers(sc.Evidence[0]) || sc.Evidence[0].Value != 90 {
		t.Fatalf("evidence %v: want 90 others, ten members and the count of 10", sc.Evidence)
	}
	if sc.Units.Low != 10 || sc.Units.High > 20 {
		t.Errorf("units %v: want ten, or up to twenty small ones", sc.Units)
	}
	sum := 0.0
	for _, e := range sc.Evidence {
		sum += e.LogOdds
	}
	if math.Abs(sum-sc.LogOdds) > 1e-9 {
		t.Errorf("parts add up to %.3f, log odds are %.3f", sum, sc.LogOdds)
	}
	if math.Abs(sc.Block.Value-30.54) > .1 || sc.Block.Low > sc.Block.Value-.5 || sc.Block.Low < sc.Block.Value-.7 {
		t.Errorf("block %v: want 30.5 kW and errors of ten meters of 0.2 kW added as squares", sc.Block)
	}
	if !sc.Onset.At.Equal((firstDay + 10).Start(time.UTC)) || !sc.Onset.High.Equal((firstDay + 14).Start(time.UTC)) {
		t.Errorf("onset %v", sc.Onset)
	}
	members := s.Members("f0", sc.Day)
	if len(members) != 10 || members[0].Raised < .9 || math.Abs(members[0].Alone-.1) > 1e-6 {
		t.Errorf("members %v: ten, each raised from 0.1 to above 0.9", members)
	}
	if node, ok := cluster.NodeOf(sc.Meter); !ok || node != "f0" {
		t.Errorf("node of %s is %q", sc.Meter, node)
	}
}

// Blocks of one size speak for one operator, those of all sizes less.
func TestEqualSizeRaises(t *testing.T) {
	equal := blocks(4, 25, 3, .05)
	mixed := blocks(4, 25, 3, .05)
	k := 0
	for _, id := range []flatwatt.MeterID{"c000", "c025", "c050", "c075"} {
		b := mixed[id]
		b.kw = []float64{.7, 2, 5, 14}[k]
		mixed[id] = b
		k++
	}
	s1, s2 := onGrid(t, equal), onGrid(t, mixed)
	casesAfter(s1, 20)
	casesAfter(s2, 20)
	var a, b float64
	s1.Odds(func(id flatwatt.MeterID, x float64) {
		if id == "f0" {
			a = x
		}
	})
	s2.Odds(func(id flatwatt.MeterID, x float64) {
		if id == "f0" {
			b = x
		}
	})
	if a < b+3 {
		t.Errorf("log odds %.1f with equal sizes, %.1f with mixed: want 3 more", a, b)
	}
}

// Who moved to another feeder before the block began counts there.
func TestMovedCustomersCountWhereTheyAre(t *testing.T) {
	var moved []network.Link
	for i := range 10 {
		id, at := flatwatt.MeterID(fmt.Sprintf("c%03d", i*10)), (firstDay + 5).Start(time.UTC)
		moved = append(moved, network.Link{Child: id, Parent: flatwatt.MeterID(fmt.Sprintf("t%d", i*10/25)), To: at, Where: "topology.csv:1"},
			network.Link{Child: id, Parent: "t7", From: at, Where: "topology.csv:2"})
	}
	found := casesAfter(onGrid(t, blocks(10, 10, 3, .1), moved...), 20)
	if _, ok := found["f0.cluster"]; ok || len(found) != 1 {
		t.Error("a case where they were")
	}
	if _, ok := found["t7.cluster"]; !ok {
		t.Error("no case where they are")
	}
}

// A node at which customers only were for a while, neither at first nor at last, is judged then.
func TestCustomersOnTheirWayCountWhereTheyAre(t *testing.T) {
	links := []network.Link{{Child: "spare", Parent: "f1", Kind: flatwatt.Transformer}}
	for i := range 10 {
		id, from, to := flatwatt.MeterID(fmt.Sprintf("c%03d", i*10)), (firstDay + 5).Start(time.UTC), (firstDay + 90).Start(time.UTC)
		links = append(links, network.Link{Child: id, Parent: "t0", To: from}, network.Link{Child: id, Parent: "spare", From: from, To: to}, network.Link{Child: id, Parent: "t1", From: to})
	}
	if _, ok := casesAfter(onGrid(t, blocks(10, 10, 3, .1), links...), 20)["spare.cluster"]; !ok {
		t.Error("no case where they are")
	}
}

// The same scores whether days come one by one, at once, or with a restart between any two.
func TestRestartsChangeNothing(t *testing.T) {
	want := fmt.Sprint(onGrid(t, blocks(10, 10, 3, .1)).Score(nil, make([]flatwatt.Reading, 30)))
	var got []flatwatt.Score
	s := onGrid(t, blocks(10, 10, 3, .1))
	var texts []string
	for range 30 {
		got = s.Score(nil, make([]flatwatt.Reading, 1))
		for _, sc := range got {
			texts = append(texts, fmt.Sprint(sc))
		}
		state, err := s.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		s = onGrid(t, blocks(10, 10, 3, .1))
		if err := s.UnmarshalBinary(state); err != nil {
			t.Fatal(err)
		}
		if again, _ := s.AppendBinary(nil); !bytes.Equal(state, again) {
			t.Fatal("a restored state is not the same")
		}
	}
	for _, text := range texts {
		if !strings.Contains(want, text) {
			t.Fatalf("not among the scores at once: %s", text)
		}
	}
	if n := strings.Count(want, "f0.cluster"); n == 0 || n != strings.Count(fmt.Sprint(texts), "f0.cluster") {
		t.Errorf("%d cases at once, %d with restarts", n, strings.Count(fmt.Sprint(texts), "f0.cluster"))
	}
}

func TestOtherStatesAreRefused(t *testing.T) {
	s := onGrid(t, blocks(10, 10, 3, .1))
	casesAfter(s, 20)
	state, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(state); cut += 97 {
		if err := onGrid(t, nil).UnmarshalBinary(state[:cut]); err == nil {
			t.Fatalf("a state cut at %d of %d bytes is taken", cut, len(state))
		}
	}
	moved := network.Link{Child: "c000", Parent: "t7", Where: "topology.csv:1"}
	if err := onGrid(t, nil, moved).UnmarshalBinary(state); err == nil || !strings.Contains(err.Error(), "another network") {
		t.Errorf("the state of another network: %v", err)
	}
}

// Part of a node's customers is not judged: its case would be another worker's as well.
func TestNodesSharedWithOthersAreLeft(t *testing.T) {
	meters := grid()
	net, _ := network.New(network.Parents(meters), nil)
	inner := &said{blocks: blocks(10, 10, 3, .1)}
	meters = slices.DeleteFunc(meters, func(m flatwatt.Meter) bool { return m.ID == "f1" || m.ID > "t3" })
	for _, m := range meters[:99] {
		inner.ids = append(inner.ids, m.ID)
	}
	if found := casesAfter(cluster.New(inner, meters[:99], meters, net), 20); len(found) != 0 {
		t.Errorf("cases %v though c099 is heard elsewhere", found)
	}
}

// The real detector on a simulated fleet: the operator's feeder and none other.
func TestOperatorOnASimulatedFleet(t *testing.T) {
	cfg := configOf(41, 600, 1)
	cfg.Days, cfg.IntervalMinutes = 60, 60
	g, err := simulate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	series, truth := draw(g)
	r := scored(t, g, series)
	for c := range g.Clusters() {
		list := r.cases[cluster.CaseOf(c.Feeder)]
		for id, told := range r.cases { // by their firmware they are one operator as well
			last := told[len(told)-1]
			if id != cluster.CaseOf(c.Feeder) && (last.State == flatwatt.Suspect || !strings.HasPrefix(string(id), "operator/")) {
				t.Errorf("case %s is %s at the end beside that of %s", id, last.State, c.Feeder)
			}
		}
		if len(list) == 0 {
			t.Fatalf("no case below %s", c.Feeder)
		}
		right := 0
		for _, m := range c.Members {
			if _, ok := r.named[m]; ok {
				right++
			}
			if truth[m].Label != flatwatt.Miner {
				t.Errorf("member %s is labelled %s", m, truth[m].Label)
			}
		}
		if right < 6 || len(r.named)-right > 2 {
			t.Errorf("%d of 10 members named, %d others", right, len(r.named)-right)
		}
	}
}
