// Package spotcheck draws spot checks twice at random (双随机): what is inspected and who
// inspects it. A draw is a pure function of a published seed and a published population,
// so that anybody can repeat it.
package spotcheck

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// An Item is something that may be drawn.
type Item struct {
	ID      string `json:"id"`
	Stratum string `json:"stratum"` // e.g. high, medium, low
	Area    string `json:"area,omitempty"`
	Name    string `json:"name,omitempty"`
}

// An Inspector may be drawn to inspect. Conflicts are items, or areas, that they must not.
type Inspector struct {
	Name      string   `json:"name"`
	Areas     []string `json:"areas,omitempty"` // empty: all
	Conflicts []string `json:"conflicts,omitempty"`
}

// Rules are what a draw goes by. They are published with the population, before the seed.
type Rules struct {
	Size        int            `json:"size"`         // items to be drawn
	RandomShare float64        `json:"random_share"` // of Size, drawn from everything whatever its stratum
	Weights     map[string]int `json:"weights"`      // of strata: how much likelier an item is drawn than one of weight 1
	PerItem     int            `json:"per_item"`     // inspectors
}

// Limits of a draw.
const (
	MaxPopulation = 200_000
	MaxSize       = 10_000
)

// A Pick is one drawn item.
type Pick struct {
	Item       Item     `json:"item"`
	How        string   `json:"how"` // "risk" or "random"
	Inspectors []string `json:"inspectors"`
	Outcome    *Outcome `json:"outcome,omitempty"`
}

// Check finds what is wrong before anything is published.
func Check(items []Item, who []Inspector, r Rules) error {
	switch {
	case len(items) == 0 || len(items) > MaxPopulation:
		return fmt.Errorf("population: %d items; want 1 to %d", len(items), MaxPopulation)
	case r.Size < 1 || r.Size > min(MaxSize, len(items)):
		return fmt.Errorf("size: %d; want 1 to %d", r.Size, min(MaxSize, len(items)))
	case !(r.RandomShare >= 0 && r.RandomShare <= 1):
		return fmt.Errorf("random_share: %g; want 0 to 1", r.RandomShare)
	case r.PerItem < 1 || r.PerItem > len(who):
		return fmt.Errorf("per_item: %d; want 1 to the %d inspectors", r.PerItem, len(who))
	}
	seen := map[string]bool{}
	for _, it := range items {
		if it.ID == "" || seen[it.ID] {
			return fmt.Errorf("population: item %q is empty or stands twice", it.ID)
		}
		seen[it.ID] = true
		if r.Weights[it.Stratum] < 1 {
			return fmt.Errorf("weights: stratum %q of item %s has none of 1 or more", it.Stratum, it.ID)
		}
	}
	return nil
}

// Digest is the SHA-256 of a population, inspectors and rules in the form that is
// published: a line each, sorted.
func Digest(items []Item, who []Inspector, r Rules) string {
	var lines []string
	for _, it := range items {
		lines = append(lines, fmt.Sprintf("item %q %q %q", it.ID, it.Stratum, it.Area))
	}
	for _, w := range who {
		lines = append(lines, fmt.Sprintf("inspector %q %q %q", w.Name, w.Areas, w.Conflicts))
	}
	for _, s := range slices.Sorted(maps.Keys(r.Weights)) {
		lines = append(lines, fmt.Sprintf("weight %q %d", s, r.Weights[s]))
	}
	lines = append(lines, fmt.Sprintf("size %d random %g each %d", r.Size, r.RandomShare, r.PerItem))
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n") + "\n"))
	return hex.EncodeToString(sum[:])
}

// Key is an item's place in a draw: the SHA-256 of seed, purpose and name, a line each.
// The smallest keys are drawn.
func Key(seed, purpose, name string) string {
	sum := sha256.Sum256([]byte(seed + "\n" + purpose + "\n" + name + "\n"))
	return hex.EncodeToString(sum[:])
}

// Draw draws items and inspectors. Of Size, the share that is not random is divided among
// the strata by weight times number, by largest remainders; within a stratum the smallest
// keys are drawn, and for the random share the smallest keys of what is left.
func Draw(seed string, items []Item, who []Inspector, r Rules) ([]Pick, error) {
	if err := Check(items, who, r); err != nil {
		return nil, err
	}
	if strings.TrimSpace(seed) == "" || strings.Contains(seed, "\n") {
		return nil, fmt.Errorf("seed %q: want one line that is not empty", seed)
	}
	strata := map[string][]Item{}
	for _, it := range items {
		strata[it.Stratum] = append(strata[it.Stratum], it)
	}
	var picks []Pick
	drawn := map[string]bool{}
	quota := share(strata, r, r.Size-int(math.Round(r.RandomShare*float64(r.Size))))
	for _, name := range slices.Sorted(maps.Keys(strata)) {
		for _, it := range smallest(seed, "risk", strata[name], quota[name]) {
			picks, drawn[it.ID] = append(picks, Pick{Item: it, How: "risk"}), true
		}
	}
	rest := slices.DeleteFunc(slices.Clone(items), func(it Item) bool { return drawn[it.ID] })
	for _, it := range smallest(seed, "random", rest, r.Size-len(picks)) {
		picks = append(picks, Pick{Item: it, How: "random"})
	}
	slices.SortFunc(picks, func(a, b Pick) int { return strings.Compare(a.Item.ID, b.Item.ID) })
	return picks, assign(seed, picks, who, r.PerItem)
}

func smallest(seed, purpose string, items []Item, n int) []Item {
	keys := make(map[string]string, len(items))
	for _, it := range items {
		keys[it.ID] = Key(seed, purpose, it.ID)
	}
	items = slices.SortedFunc(slices.Values(items), func(a, b Item) int { return strings.Compare(keys[a.ID], keys[b.ID]) })
	return items[:min(n, len(items))]
}

// share divides n among strata by weight times number, never more than a stratum has.
func share(strata map[string][]Item, r Rules, n int) map[string]int {
	quota := map[string]int{}
	names := slices.Sorted(maps.Keys(strata))
	for left := n; left > 0; {
		total := 0
		open := slices.DeleteFunc(slices.Clone(names), func(s string) bool { return quota[s] >= len(strata[s]) })
		for _, s := range open {
			total += r.Weights[s] * len(strata[s])
		}
		if total == 0 {
			break
		}
		given := 0
		rest := map[string]float64{}
		for _, s := range open {
			exact := float64(left) * float64(r.Weights[s]*len(strata[s])) / float64(total)
			whole := min(int(exact), len(strata[s])-quota[s])
			quota[s] += whole
			given += whole
			rest[s] = exact - float64(whole)
		}
		slices.SortFunc(open, func(a, b string) int { return cmp.Or(-cmp.Compare(rest[a], rest[b]), strings.Compare(a, b)) })
		for _, s := range open {
			if given < left && quota[s] < len(strata[s]) {
				quota[s]++
				given++
			}
		}
		left -= given
	}
	return quota
}

// assign draws inspectors: for each item, of those who may, the ones with the fewest
// items so far, among these the smallest keys.
func assign(seed string, picks []Pick, who []Inspector, each int) error {
	load := map[string]int{}
	for i := range picks {
		it := picks[i].Item
		var may []string
		for _, w := range who {
			if w.may(it) {
				may = append(may, w.Name)
			}
		}
		if len(may) < each {
			return fmt.Errorf("item %s: only %d inspectors may go there, %d are needed", it.ID, len(may), each)
		}
		slices.SortFunc(may, func(a, b string) int {
			return cmp.Or(load[a]-load[b], strings.Compare(Key(seed, "inspector "+it.ID, a), Key(seed, "inspector "+it.ID, b)))
		})
		picks[i].Inspectors = slices.Sorted(slices.Values(may[:each]))
		for _, name := range may[:each] {
			load[name]++
		}
	}
	return nil
}

func (w *Inspector) may(it Item) bool {
	in := func(area string) bool { return it.Area == area || strings.HasPrefix(it.Area, area+"/") }
	if len(w.Areas) > 0 && it.Area != "" && !slices.ContainsFunc(w.Areas, in) {
		return false
	}
	return !slices.ContainsFunc(w.Conflicts, func(c string) bool { return c == it.ID || in(c) })
}
