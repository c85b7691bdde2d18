// Package tips is the inbox of what people and other systems report, matched to meters,
// with the commitments of data centres and the lists on which applicants are screened.
package tips

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// An Entry is what the register knows of a customer.
type Entry struct {
	Meter   string
	Account string
	Name    string // of the customer
	Address string
	Area    string
}

// A Match is a meter that a report may mean.
type Match struct {
	Meter string  `json:"meter"`
	Area  string  `json:"area,omitempty"`
	Score float64 `json:"score"` // in [0, 1]; 1: the account itself
	Why   string  `json:"why"`   // what agreed: account, address, name
}

// MatchFrom is the score from which a meter is proposed at all.
const MatchFrom = 0.5

// An Index finds customers by account, address and name. It never changes once built.
type Index struct {
	entries []indexed
}

type indexed struct {
	Entry
	account string
	name    grams
	address grams
	numbers []string // of the address, in order
}

// NewIndex reads a register.
func NewIndex(entries []Entry) *Index {
	x := &Index{}
	for _, e := range entries {
		x.entries = append(x.entries, indexed{e, plain(e.Account), gramsOf(company(e.Name)), gramsOf(words(e.Address)), numbers(e.Address)})
	}
	return x
}

// Find is the most meters that a report may mean, the likeliest first:
//
//	the same account 1, one with one wrong digit 0.8
//	address and name: Dice coefficient of character pairs, an address only as far as
//	its numbers (street, building, room) do not contradict: each that differs halves it
//	score = max(account, address, 0.9·name, 1 − (1 − address)(1 − 0.6·name))
//
// Full-width letters, spaces, punctuation and the usual endings of company names say nothing.
func (x *Index) Find(account, name, address string, most int) []Match {
	account = plain(account)
	n, a, nums := gramsOf(company(name)), gramsOf(words(address)), numbers(address)
	var list []Match
	for i := range x.entries {
		e := &x.entries[i]
		byAccount := accountScore(account, e.account)
		byName := dice(n, e.name)
		byAddress := dice(a, e.address) * agree(nums, e.numbers)
		score := max(byAccount, byAddress, 0.9*byName, 1-(1-byAddress)*(1-0.6*byName))
		if score < MatchFrom {
			continue
		}
		var why []string
		for _, w := range []struct {
			what  string
			score float64
		}{{"account", byAccount}, {"address", byAddress}, {"name", byName}} {
			if w.score >= MatchFrom {
				why = append(why, w.what)
			}
		}
		list = append(list, Match{e.Meter, e.Area, min(score, 1), strings.Join(why, ", ")})
	}
	slices.SortFunc(list, func(p, q Match) int { return cmp.Or(-cmp.Compare(p.Score, q.Score), cmp.Compare(p.Meter, q.Meter)) })
	return list[:min(most, len(list))]
}

// plain is text without what tells nothing: width, case, spaces and punctuation.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(s))
}

// endings of company names, the longest first.
var endings = []string{"股份有限公司", "有限责任公司", "有限公司", "分公司", "公司", "个体工商户", "coltd", "ltd", "inc"}

func company(name string) string {
	p := plain(name)
	for _, e := range endings {
		if cut := strings.TrimSuffix(p, e); cut != "" {
			p = cut
		}
	}
	return p
}

// words is an address without its numbers, which are compared by themselves.
func words(address string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, strings.NewReplacer("號", "号", "栋", "幢", "樓", "楼").Replace(plain(address)))
}

// numbers are the numbers of an address, in order, without leading zeros.
func numbers(address string) []string {
	list := strings.FieldsFunc(norm.NFKC.String(address), func(r rune) bool { return !unicode.IsDigit(r) })
	for i, n := range list {
		list[i] = strings.TrimLeft(n, "0")
	}
	return list
}

// agree is 1 where two addresses' numbers are the same as far as both have some, halved
// by each that differs; 1 where either has none.
func agree(a, b []string) float64 {
	f := 1.0
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			f /= 2
		}
	}
	return f
}

// accountScore compares two accounts: 1 the same, 0.8 one wrong, missing or extra character.
func accountScore(a, b string) float64 {
	switch {
	case a == "" || b == "":
		return 0
	case a == b:
		return 1
	case len(a) >= 8 && oneOff(a, b):
		return 0.8
	}
	return 0
}

// oneOff says whether one substitution, insertion or deletion makes a of b.
func oneOff(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) {
		return a[i+1:] == b[i+1:]
	}
	return a[i:] == b[i+1:]
}

// grams are the pairs of characters of a text, sorted; a text of one character is itself.
type grams []string

func gramsOf(s string) (g grams) {
	r := []rune(s)
	if len(r) == 1 {
		return grams{s}
	}
	for i := range max(0, len(r)-1) {
		g = append(g, string(r[i:i+2]))
	}
	slices.Sort(g)
	return g
}

// dice is 2·|common| / (|a| + |b|); 0 where either is empty.
func dice(a, b grams) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch c := strings.Compare(a[i], b[j]); {
		case c == 0:
			common, i, j = common+1, i+1, j+1
		case c < 0:
			i++
		default:
			j++
		}
	}
	return 2 * float64(common) / float64(len(a)+len(b))
}
