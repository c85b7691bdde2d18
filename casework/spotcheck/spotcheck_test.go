package spotcheck

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

func population(high, low int) (items []Item) {
	for i := range high + low {
		s := "low"
		if i < high {
			s = "high"
		}
		items = append(items, Item{ID: fmt.Sprintf("m%03d", i), Stratum: s})
	}
	return items
}

var four = []Inspector{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}

// TestKeyCanBeRepeatedByAnybody has the key as `printf 'seed\nrisk\nm1\n' | sha256sum`.
func TestKeyCanBeRepeatedByAnybody(t *testing.T) {
	if got := Key("seed", "risk", "m1"); got != "1716b24ebfddffb290ae995dc778ceebe3390c76e81165d87c6f172866a144fc" {
		t.Errorf("key %s", got)
	}
}

// TestADrawIsWhatTheRulesSay draws from any population: the right number, nothing twice,
// strata by their quota, inspectors evenly, the same again in any order.
func TestADrawIsWhatTheRulesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := population(rapid.IntRange(0, 30).Draw(t, "high"), rapid.IntRange(1, 60).Draw(t, "low"))
		r := Rules{Size: rapid.IntRange(1, len(items)).Draw(t, "size"), RandomShare: rapid.Float64Range(0, 1).Draw(t, "share"),
			Weights: map[string]int{"high": rapid.IntRange(1, 9).Draw(t, "weight"), "low": 1}, PerItem: 2}
		seed := rapid.StringMatching(`[0-9]{1,8}`).Draw(t, "seed")
		picks, err := Draw(seed, items, four, r)
		if err != nil {
			t.Fatal(err)
		}
		seen, load, risk := map[string]bool{}, map[string]int{}, 0
		for _, p := range picks {
			if seen[p.Item.ID] || len(p.Inspectors) != 2 || p.Inspectors[0] == p.Inspectors[1] {
				t.Fatalf("%+v", p)
			}
			seen[p.Item.ID] = true
			for _, w := range p.Inspectors {
				load[w]++
			}
			if p.How == "risk" {
				risk++
			}
		}
		if len(picks) != r.Size || risk != r.Size-int(math.Round(r.RandomShare*float64(r.Size))) {
			t.Fatalf("%d picks, %d by risk, of %+v", len(picks), risk, r)
		}
		for _, w := range four { // nobody has more than one item more than another
			if n := load[w.Name]; n > (2*r.Size+3)/4 || n < 2*r.Size/4 {
				t.Fatalf("load %v for %d items", load, r.Size)
			}
		}
		slices.Reverse(items)
		again, err := Draw(seed, items, slices.Clone(four), r)
		if err != nil || !reflect.DeepEqual(again, picks) {
			t.Fatalf("in another order it draws %v, not %v", again, picks)
		}
	})
}

// TestQuotas works out shares by hand: 10 high of weight 6 and 60 low of weight 1 stand
// 60 : 60; of 7, 3.5 each, the tie goes to the first name.
func TestQuotas(t *testing.T) {
	f := func(high, low, weight, n, wantHigh, wantLow int) {
		t.Helper()
		strata := map[string][]Item{"high": population(high, 0), "low": population(0, low)}
		q := share(strata, Rules{Weights: map[string]int{"high": weight, "low": 1}}, n)
		if q["high"] != wantHigh || q["low"] != wantLow {
			t.Errorf("%d high, %d low, weight %d, %d drawn: %v", high, low, weight, n, q)
		}
	}
	f(10, 60, 6, 7, 4, 3)
	f(2, 60, 100, 20, 2, 18) // a stratum that runs out leaves its share to the others
	f(10, 90, 1, 10, 1, 9)
	f(0, 5, 3, 5, 0, 5)
}

// TestEveryItemHasItsChance draws with 4,000 seeds; within a stratum each of 20 items has
// the chance 1/4. The sum over items of squared standard deviations is χ² with 19 degrees of
// freedom (one sum is fixed); 1 in 10,000 is beyond 52.
func TestEveryItemHasItsChance(t *testing.T) {
	count := map[string]int{}
	const seeds = 4000
	for i := range seeds {
		picks, err := Draw(fmt.Sprint(i), population(0, 20), four, Rules{Size: 5, RandomShare: 0.4, Weights: map[string]int{"low": 1}, PerItem: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range picks {
			count[p.Item.ID]++
		}
	}
	chi := 0.0
	for _, it := range population(0, 20) {
		d := float64(count[it.ID]) - seeds*0.25
		chi += d * d / (seeds * 0.25 * 0.75) * 19 / 20
	}
	if chi > 52 {
		t.Errorf("χ² = %.1f: %v", chi, count)
	}
}

func TestInspectorsStayWithinTheirAreas(t *testing.T) {
	items := []Item{{ID: "x", Stratum: "low", Area: "sichuan/aba"}, {ID: "y", Stratum: "low", Area: "hubei"}}
	who := []Inspector{{Name: "a", Areas: []string{"sichuan"}}, {Name: "b", Areas: []string{"hubei"}}, {Name: "c", Conflicts: []string{"hubei"}}}
	r := Rules{Size: 2, Weights: map[string]int{"low": 1}, PerItem: 1}
	for i := range 50 {
		picks, err := Draw(fmt.Sprint(i), items, who, r)
		if err != nil || picks[0].Inspectors[0] == "b" || picks[1].Inspectors[0] != "b" {
			t.Fatalf("%+v, %v", picks, err)
		}
	}
	r.PerItem = 2
	if _, err := Draw("1", items, who, r); err == nil || !strings.Contains(err.Error(), "only 1 inspectors may go there") {
		t.Errorf("%v", err)
	}
}

func TestPlanDrawOutcome(t *testing.T) {
	ctx := context.Background()
	db, err := casework.Open(ctx, filepath.Join(t.TempDir(), "c.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	as := func(name string, role access.Role, areas ...string) Board {
		return Board{casework.Desk{Store: db, Now: now, Who: access.Actor{Name: name, Role: role, Areas: areas}}}
	}
	b := as("zhao", access.Supervisor)
	p := Population{population(3, 10), four}
	r := Rules{Size: 4, RandomShare: 0.25, Weights: map[string]int{"high": 5, "low": 1}, PerItem: 2}
	if _, err := as("w", access.Operator).Plan(ctx, "t", "", "lottery", p, r); err == nil {
		t.Error("an operator planned")
	}
	id, err := b.Plan(ctx, "spring", "sichuan", "lottery of 5 March", p, r)
	if err != nil || id != "R-2026-00001" {
		t.Fatal(id, err)
	}
	if err := b.Verify(ctx, id); err == nil {
		t.Error("verified before the draw")
	}
	if err := b.Draw(ctx, id, 0, "0711131825"); err != nil {
		t.Fatal(err)
	}
	if err := b.Draw(ctx, id, 0, "1"); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("drawn twice: %v", err)
	}
	if err := b.Verify(ctx, id); err != nil {
		t.Error(err)
	}
	c, _, _ := b.Spot(ctx, id)
	pick := c.Picks[0]
	o := Outcome{Result: "mining found", Day: "2026-03-06"}
	for _, w := range four {
		err := as(w.Name, access.Inspector).Enter(ctx, id, 0, pick.Item.ID, o)
		if drawn := slices.Contains(pick.Inspectors, w.Name); drawn != (err == nil) {
			t.Errorf("%s entered an outcome: %v, drawn %v", w.Name, err, drawn)
		}
	}
	if _, _, err := as("s", access.Supervisor, "hubei").Spot(ctx, id); err == nil {
		t.Error("somebody of another area sees it")
	}
	if err := b.Verify(ctx, id); err != nil { // outcomes are no part of the draw
		t.Error(err)
	}
	err = b.change(ctx, id, 0, "x", "", func(c *SpotCheck) error { c.Picks[1].Item.ID = "m999"; return nil })
	if err != nil || b.Verify(ctx, id) == nil {
		t.Errorf("a pick was exchanged and nobody noticed (%v)", err)
	}
}

func TestNobodyPlansForOthersAreas(t *testing.T) {
	db, err := casework.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b := Board{casework.Desk{Store: db, Now: time.Unix(0, 0), Who: access.Actor{Name: "s", Role: access.Supervisor, Areas: []string{"hubei"}}}}
	p := Population{[]Item{{ID: "x", Stratum: "low", Area: "sichuan"}}, four}
	if _, err := b.Plan(t.Context(), "t", "", "lottery", p, Rules{Size: 1, Weights: map[string]int{"low": 1}, PerItem: 1}); err == nil || !strings.Contains(err.Error(), "not theirs") {
		t.Errorf("%v", err)
	}
}
