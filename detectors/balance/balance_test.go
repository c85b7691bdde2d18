package balance_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/balance"
	"github.com/flatwatt/flatwatt/network"
)

const (
	customersOfT = 10
	quarters     = 96
)

var began = time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC)

// A street is one transformer with ten customers whose true loads are known.
type street struct {
	days   int
	load   [customersOfT][]float64 // kW by quarter-hour
	hidden []float64               // kW past every meter
	volts  [customersOfT]bool
	ohm    float64 // V per kW
	late   [customersOfT]time.Duration
	gone   func(customer, t int) bool // its reading is missing
	away   func(customer, t int) bool // it hangs elsewhere
	links  []network.Link
}

func newStreet(seed uint64, days int) *street {
	r := rand.New(rand.NewPCG(seed, 9))
	s := &street{days: days, hidden: make([]float64, days*quarters)}
	s.gone, s.away = func(int, int) bool { return false }, func(int, int) bool { return false }
	for k := range s.load {
		size := 1 + 2*r.Float64()
		on, left := 0.0, 0
		for t := range days * quarters {
			hour := float64(t%quarters) / 4
			if left--; left < 0 { // an appliance for a while
				on, left = 0, 4+r.IntN(24)
				if r.Float64() < .3 {
					on = size * r.Float64() * 2
				}
			}
			s.load[k] = append(s.load[k], size*(.4+.3*math.Exp(-math.Pow((hour-19)/3, 2)))*(1+.05*r.NormFloat64())+on)
		}
	}
	return s
}

const noLoadKW, copperPerKW = .08, .0006

// input is what the transformer takes at t.
func (s *street) input(t int) float64 {
	sum := s.hidden[t]
	for k := range s.load {
		if !s.away(k, t) {
			sum += s.load[k][t]
		}
	}
	// a + b·E² of the input: solved for it
	e := sum
	for range 20 {
		e = sum + noLoadKW + copperPerKW*e*e
	}
	return e
}

func (s *street) meters() (list []flatwatt.Meter) {
	for k := range s.load {
		list = append(list, flatwatt.Meter{ID: idOf(k), Parent: "t", Kind: flatwatt.Customer, Zone: time.UTC, Interval: 15 * time.Minute})
	}
	return append(list, flatwatt.Meter{ID: "t", Parent: "f", Kind: flatwatt.Transformer, Zone: time.UTC, Interval: 15 * time.Minute})
}

func idOf(k int) flatwatt.MeterID { return flatwatt.MeterID(fmt.Sprintf("c%d", k)) }

func (s *street) scorer(t *testing.T) *balance.Scorer {
	t.Helper()
	net, faults := network.New(append(network.Parents(s.meters()), network.Link{Child: "f", Kind: flatwatt.Feeder}, network.Link{Child: "t2", Parent: "f", Kind: flatwatt.Transformer}, network.Link{Child: "d0", Parent: "t2", Kind: flatwatt.Customer}), s.links)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	b, err := balance.New(detectors.DefaultParams(), s.meters(), s.meters(), net, nil, balance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readings are those of interval t.
func (s *street) readings(t int) (list []flatwatt.Reading) {
	add := func(id flatwatt.MeterID, kw, volts float64) {
		list = append(list, flatwatt.Reading{Meter: id, Start: began.Add(time.Duration(t) * 15 * time.Minute), Length: 15 * time.Minute,
			Energy: flatwatt.KWh(kw / 4), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(volts)})
	}
	for k := range s.load {
		if s.gone(k, t) {
			continue
		}
		v := math.NaN()
		if s.volts[k] {
			v = 230 - s.ohm*s.load[k][t]
			if k == 3 { // whose line the hidden load taps
				v -= s.ohm * .7 * s.hidden[t]
			}
			v += .1 * math.Sin(float64(t*(k+3))) // regulation and rounding
		}
		add(idOf(k), s.seen(k, t), v)
	}
	add("t", s.input(t), math.NaN())
	return list
}

// seen is the mean over what the meter takes for quarter-hour t: its clock may be late.
func (s *street) seen(k, t int) float64 {
	late := int(s.late[k] / (15 * time.Minute))
	part := float64(s.late[k]%(15*time.Minute)) / float64(15*time.Minute)
	at := func(i int) float64 { return s.load[k][max(i, 0)] }
	return (1-part)*at(t-late) + part*at(t-late-1)
}

func (s *street) run(b *balance.Scorer) (scores []flatwatt.Score) {
	for t := range s.days * quarters {
		for _, sc := range b.Score(nil, s.readings(t)) {
			sc.Evidence = slices.Clone(sc.Evidence)
			scores = append(scores, sc)
		}
	}
	return append(scores, b.Close(nil)...)
}

// addHidden puts kW past all meters from a day on.
func (s *street) addHidden(from int, kW float64) {
	for t := from * quarters; t < s.days*quarters; t++ {
		s.hidden[t] += kW * (1 + .004*math.Sin(float64(t)))
	}
}

// found is the first day with a suspect, −1 without.
func found(scores []flatwatt.Score) int {
	for _, sc := range scores {
		if sc.State == flatwatt.Suspect {
			return int(sc.Day - flatwatt.DayOf(began, time.UTC))
		}
	}
	return -1
}

func TestLossIsFitted(t *testing.T) {
	s := newStreet(1, 40)
	b := s.scorer(t)
	scores := s.run(b)
	if day := found(scores); day >= 0 {
		t.Errorf("an honest street is a suspect on day %d", day)
	}
	bal := b.Balances()[0]
	x := bal.LoadKW
	want, got := noLoadKW+copperPerKW*x*x, bal.NoLoadKW+bal.CopperPerKW*x*x
	if math.Abs(got-want) > .03*want+.005 {
		t.Errorf("loss %.3f kW at %.1f kW, want %.3f (a %.3f b %.5f)", got, x, want, bal.NoLoadKW, bal.CopperPerKW)
	}
	if bal.NoLoadKW < 0 || bal.CopperPerKW < 0 || math.Abs(bal.Unexplained) > .004 {
		t.Errorf("balance %+v: want no negative loss and nothing unexplained", bal)
	}
}

func TestBypassIsFoundWithItsSizeAndCustomer(t *testing.T) {
	s := newStreet(2, 45)
	s.addHidden(30, 3)
	s.ohm = .5
	for k := range 8 {
		s.volts[k] = true
	}
	b := s.scorer(t)
	scores := s.run(b)
	day := found(scores)
	if day < 30 || day > 36 {
		t.Fatalf("found on day %d, the block begins on day 30", day)
	}
	last := scores[len(scores)-1]
	if last.Detector != "transformer" || math.Abs(last.Block.Value-3) > .3 || !last.Onset.Low.Before(began.AddDate(0, 0, 31)) {
		t.Errorf("%s: block %v onset %v: want transformer, 3 kW, day 30", last.Detector, last.Block, last.Onset)
	}
	list := b.Candidates("t")
	if list[0].Meter != "c3" || list[0].VoltsPerKW < .2 || list[0].VoltsPerKW > .5 {
		t.Errorf("likeliest %+v: want c3 with .35 V/kW", list[0])
	}
	named := false
	for _, e := range last.Evidence {
		id, ok := balance.CandidateOf(e)
		named = named || ok && id == "c3"
	}
	if !named {
		t.Errorf("evidence %v does not name c3", last.Evidence)
	}
}

// One reading in thirty is missing, and one meter for three days: nothing is suspected,
// and a bypass is still found.
func TestMissingMeters(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		s := newStreet(3, 45)
		s.gone = func(k, t int) bool {
			return (t*7+k*13)%30 == 0 || k == 2 && t/quarters >= 33 && t/quarters < 36
		}
		if hidden {
			s.addHidden(30, 3)
		}
		if day := found(s.run(s.scorer(t))); hidden != (day >= 30) {
			t.Errorf("bypass %v: found on day %d", hidden, day)
		}
	}
}

// A clock that is late is found, by how much, and makes no suspect.
func TestLateClock(t *testing.T) {
	s := newStreet(4, 40)
	s.late[5] = 10 * time.Minute
	s.late[7] = 30 * time.Minute
	b := s.scorer(t)
	if day := found(s.run(b)); day >= 0 {
		t.Errorf("late clocks are a suspect on day %d", day)
	}
	wrong := map[flatwatt.MeterID]float64{}
	for _, w := range b.Balances()[0].Wrong {
		wrong[w.Meter] = w.Late * 60
	}
	if len(wrong) != 2 || math.Abs(wrong["c5"]-10) > 4 || math.Abs(wrong["c7"]-30) > 5 {
		t.Errorf("minutes late %v: want c5 10 and c7 30", wrong)
	}
}

// A customer who moves to another transformer: known from topology.csv it changes nothing;
// unknown, its register is told not to hang here rather than a bypass.
func TestMovedCustomer(t *testing.T) {
	for _, known := range []bool{true, false} {
		s := newStreet(5, 45)
		s.away = func(k, t int) bool { return k == 6 && t >= 30*quarters }
		at := began.AddDate(0, 0, 30)
		if known {
			s.links = []network.Link{{Child: "c6", Parent: "t", To: at, Where: "topology.csv:2"}, {Child: "c6", Parent: "t2", From: at, Where: "topology.csv:3"}}
		}
		b := s.scorer(t)
		if day := found(s.run(b)); day >= 0 {
			t.Errorf("known %v: a suspect on day %d", known, day)
		}
		wrong := b.Balances()[0].Wrong
		if known && len(wrong) > 0 || !known && (len(wrong) != 1 || wrong[0].Meter != "c6" || wrong[0].Factor > .1) {
			t.Errorf("known %v: wrong registers %+v", known, wrong)
		}
	}
}

func TestOrderAndRestartsChangeNothing(t *testing.T) {
	s := newStreet(6, 14)
	s.volts[1], s.volts[2], s.volts[3], s.volts[4] = true, true, true, true
	want := fmt.Sprint(s.run(s.scorer(t)))
	b := s.scorer(t)
	var got []flatwatt.Score
	for q := range s.days * quarters {
		list := s.readings(q)
		slices.Reverse(list)
		for i := range list {
			for _, sc := range b.Score(nil, list[i:i+1]) {
				sc.Evidence = slices.Clone(sc.Evidence)
				got = append(got, sc)
			}
		}
		if q%41 != 0 {
			continue
		}
		state, err := b.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if told := b.StateSize(); len(state) < told || len(state) > told+200 {
			t.Errorf("state of %d bytes, told %d", len(state), told)
		}
		b = s.scorer(t)
		if err := b.UnmarshalBinary(state); err != nil {
			t.Fatal(err)
		}
		if again, _ := b.AppendBinary(nil); !bytes.Equal(state, again) {
			t.Fatal("a restored state is not the same")
		}
		if err := s.scorer(t).UnmarshalBinary(state[:len(state)/2]); err == nil {
			t.Fatal("half a state is taken")
		}
	}
	if text := fmt.Sprint(append(got, b.Close(nil)...)); text != want {
		t.Errorf("scores differ:\n%.300s\n%.300s", text, want)
	}
}

func TestNodesThatCannotBeBalanced(t *testing.T) {
	s := newStreet(7, 1)
	all := s.meters()
	net, _ := network.New(network.Parents(all), nil)
	b, err := balance.New(detectors.DefaultParams(), all[1:], all, net, nil, balance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if list := b.Skipped(); len(list) != 1 || list[0].Node != "t" || !strings.Contains(list[0].Reason, "c0") || len(b.Nodes()) != 0 {
		t.Errorf("skipped %v: want t, for the readings of c0", list)
	}
}
