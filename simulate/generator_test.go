package simulate

import (
	"context"
	"math"
	"testing"

	"github.com/flatwatt/flatwatt"
)

func TestSeriesAreTheSameInAnyOrderAndInParallel(t *testing.T) {
	c := DefaultConfig()
	c.Meters, c.Days, c.Miners.Share = 60, 12, .2
	g, again := fleet(t, c), fleet(t, c)
	var series []flatwatt.Series
	var truths []flatwatt.Truth
	for s, tr := range g.All(context.Background()) {
		series, truths = append(series, s), append(truths, tr)
	}
	if len(series) != len(g.Meters()) || len(series) != 60+3+1 {
		t.Fatalf("%d series for %d meters, want 60 customers, 3 transformers, 1 feeder", len(series), len(g.Meters()))
	}
	for i := len(series) - 1; i >= 0; i-- {
		s, tr := again.Series(i)
		if s.Meter != g.Meters()[i].ID || !same(s, series[i]) || tr != truths[i] {
			t.Errorf("meter %d (%s) differs when drawn alone", i, s.Meter)
		}
	}
}

func TestAMeterDoesNotDependOnHowManyThereAre(t *testing.T) {
	c := DefaultConfig()
	c.Meters, c.Days = 25, 5
	small := fleet(t, c)
	c.Meters = 200
	large := fleet(t, c)
	for i := range 25 {
		a, ta := small.Series(i)
		b, tb := large.Series(i)
		if !same(a, b) || ta != tb {
			t.Errorf("meter %d differs in the larger fleet", i)
		}
	}
	c.Seed++
	if a, b := first(large.Series(3)), first(fleet(t, c).Series(3)); same(a, b) {
		t.Error("another seed gives the same series")
	}
}

func first(s flatwatt.Series, _ flatwatt.Truth) flatwatt.Series { return s }

func TestAllStopsWhenTold(t *testing.T) {
	c := DefaultConfig()
	c.Meters, c.Days = 40, 2
	g, n := fleet(t, c), 0
	for range g.All(context.Background()) {
		if n++; n == 5 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range g.All(ctx) {
		if n++; n == 10 {
			cancel()
		}
	}
	if n != 10 {
		t.Errorf("%d series after break at 5 and cancel at 10", n)
	}
}

// Tolerances are four standard deviations of a binomial share.
func TestSharesAreAsConfigured(t *testing.T) {
	c := DefaultConfig()
	c.Meters, c.Days, c.Miners.Share = 20000, 30, .05
	g := fleet(t, c)
	near := func(what string, got, want, n float64) {
		t.Helper()
		if tol := 4 * math.Sqrt(want*(1-want)/n); math.Abs(got/n-want) > tol {
			t.Errorf("%s: share %.4f, want %.4f ± %.4f", what, got/n, want, tol)
		}
	}
	uses, count := map[string]float64{}, map[string]float64{}
	total := sumMap(c.Shares)
	for i := range c.Meters {
		p := g.planOf(i)
		uses[p.use.name]++
		switch m := p.miner; {
		case m != nil:
			count["miners"]++
			count[string(m.schedule)]++
			if math.IsInf(m.onset, -1) {
				count["day 0"]++
			}
			if m.bypass {
				count["bypass"]++
			}
		case p.change != nil:
			count["changes"]++
		}
		if p.reactive {
			count["reactive"]++
		}
	}
	n, m := float64(c.Meters), count["miners"]
	for _, u := range allUses() {
		near(u.name, uses[u.name]/4, u.share/total, n/4) // customers of one area cluster, so fewer are independent
	}
	near("miners", m, .05, n)
	near("changes", count["changes"], .13*.95, n)
	near("reactive", count["reactive"], .6, n)
	near("day 0", count["day 0"], .3, m)
	near("bypass", count["bypass"], .08, m)
	near("24x7", count["24x7"], .7, m)
	near("night", count["night"], .15, m)
	near("off_peak", count["off_peak"], .1, m)
}

func sumMap(m map[string]float64) (s float64) {
	for _, k := range sortedKeys(m) {
		s += m[k]
	}
	return s
}

func TestMetersHaveTheirPlaceInTheTree(t *testing.T) {
	c := DefaultConfig()
	c.Meters, c.Days = 420, 1
	g := fleet(t, c)
	byID := map[flatwatt.MeterID]flatwatt.Meter{}
	for _, m := range g.Meters() {
		if _, twice := byID[m.ID]; twice {
			t.Fatalf("meter %s twice", m.ID)
		}
		byID[m.ID] = m
	}
	above := map[flatwatt.Kind]flatwatt.Kind{flatwatt.Customer: flatwatt.Transformer, flatwatt.Transformer: flatwatt.Feeder}
	for _, m := range g.Meters() {
		if want := above[m.Kind]; byID[m.Parent].Kind != want {
			t.Errorf("%s %s hangs on %q %s, want %s", m.Kind, m.ID, m.Parent, byID[m.Parent].Kind, want)
		} else if want != "" && byID[m.Parent].Region != m.Region {
			t.Errorf("%s is in %s, its %s in %s", m.ID, m.Region, want, byID[m.Parent].Region)
		}
	}
}

// Energy is conserved: with perfect meters a transformer's input less its customers'
// demand is a + b·S², and a bypassing miner on top.
func TestEnergyBalanceAtTheTransformer(t *testing.T) {
	c := clean("home", 75, 40)
	c.Shares, c.Grid.Meters = defaultShares(), true
	c.Miners.Share, c.Miners.BypassShare, c.Miners.DayZeroShare = .1, .4, .5
	g := fleet(t, c)
	bypassed := 0
	for k := range g.transformers {
		tx, truth := g.Series(c.Meters + k)
		metered, apparent := make([]float64, g.cal.n), make([]float64, g.cal.n)
		rated := 1.0
		f := g.transformerFlow(k)
		for i := range f.p {
			apparent[i] = math.Hypot(f.p[i], f.q[i])
			rated = max(rated, 1.3*apparent[i])
		}
		hidden := make([]float64, g.cal.n)
		for i := k * 25; i < k*25+25; i++ {
			s, _ := g.Series(i)
			for j, e := range s.Energy {
				metered[j] += e
			}
			if p := g.planOf(i); p.miner != nil && p.miner.bypass {
				bypassed++
				_, x := blankFor(g, p)
				blk := p.miner.draw(x, stream(c.Seed, uint64(i), forMinerDraw), nil)
				for j, kW := range blk.kW {
					hidden[j] += kW
				}
				if truth.Label != flatwatt.Miner {
					t.Errorf("transformer %d feeds a bypass but is labelled %s", k, truth.Label)
				}
			}
		}
		for j := range metered {
			loss := rated * (.002 + .012*math.Pow(apparent[j]/rated, 2))
			if got, want := tx.Energy[j]*4-metered[j]*4, loss+hidden[j]; math.Abs(got-want) > 1e-6*rated {
				t.Fatalf("transformer %d interval %d: residual %.6f kW, want loss %.6f + bypass %.6f", k, j, got, loss, hidden[j])
			}
		}
	}
	if bypassed == 0 {
		t.Fatal("no bypass in this fleet: the test would prove nothing; choose another seed")
	}
}

func blankFor(g *Generator, p *plan) (*Generator, *canvas) {
	x := newCanvas(g.cal.n)
	x.reset()
	x.under(g, p.region)
	return g, x
}

func BenchmarkFleet(b *testing.B) {
	c := DefaultConfig()
	c.Meters, c.Days = 200, 120
	g := fleet(b, c)
	n := 0
	for b.Loop() {
		for s := range g.All(context.Background()) {
			n += len(s.Energy)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
}
