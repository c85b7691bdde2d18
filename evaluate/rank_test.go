package evaluate

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// parse reads a list from the best to the worst: M a miner, o another meter, brackets
// around ties: "M[Mo]o".
func parse(s string) []Ranked {
	var out []Ranked
	score, tied := 100.0, false
	for _, c := range s {
		switch c {
		case '[':
			tied = true
		case ']':
			tied = false
			score--
		default:
			out = append(out, Ranked{score, c == 'M'})
			if !tied {
				score--
			}
		}
	}
	return out
}

// tolerance is far above the rounding of sums of a few dozen shares.
const tolerance = 1e-12

func near(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= tolerance
}

func TestAUROC(t *testing.T) {
	f := func(list string, want float64) {
		t.Helper()
		if got := AUROC(parse(list)); !near(got, want) {
			t.Errorf("AUROC(%s) = %v, want %v", list, got, want)
		}
	}
	f("MMoo", 1)
	f("ooMM", 0)
	f("MoMo", 3./4)     // pairs won: M1 beats both, M2 beats one: 3 of 4
	f("M[Mo]o", 3.5/4)  // M1: 2; M2: half + 1
	f("[MMoo]", 1./2)   // all tied
	f("[MMooo]o", 5./8) // each M: three halves and one whole, 2.5 of 4
	f("MM", math.NaN()) // nobody to beat
	f("", math.NaN())
}

func TestAveragePrecision(t *testing.T) {
	f := func(list string, want float64) {
		t.Helper()
		if got := AveragePrecision(parse(list)); !near(got, want) {
			t.Errorf("AveragePrecision(%s) = %v, want %v", list, got, want)
		}
	}
	f("MMoo", 1)
	f("ooM", 1./3)                 // found at place 3
	f("MoMo", (1+2./3)/2)          // precision 1 at the first, 2/3 at the second
	f("[MMoo]", 1./2)              // one group: the share of miners
	f("M[Mo]o", (1+2./3)/2)        // the second is found with its tie: 2 of 3
	f("o[MMo]", 2./4)              // both found in a cut of 4
	f("oooo", math.NaN())          // no miners
	f("MooMoooM", (1+2./4+3./8)/3) // places 1, 4, 8
}

func TestPrecisionAt(t *testing.T) {
	f := func(list string, k int, want float64) {
		t.Helper()
		if got := PrecisionAt(parse(list), k); !near(got, want) {
			t.Errorf("PrecisionAt(%s, %d) = %v, want %v", list, k, got, want)
		}
	}
	f("MoMo", 1, 1)
	f("MoMo", 2, 1./2)
	f("MoMo", 4, 2./4)
	f("o[MMoo]o", 3, 1./3) // 2 of the 4 tied are taken: 2·(2/4) = 1 miner of 3
	f("MoMo", 5, math.NaN())
	f("MoMo", 0, math.NaN())
}

func TestRecallAt(t *testing.T) {
	f := func(list string, fpr, want float64) {
		t.Helper()
		if got := RecallAt(parse(list), fpr); !near(got, want) {
			t.Errorf("RecallAt(%s, %v) = %v, want %v", list, fpr, got, want)
		}
	}
	f("MoMoMoo", 0, 1./3)      // no other meter may be flagged: the first miner
	f("MoMoMoo", 0.25, 2./3)   // one of four
	f("MoMoMoo", 0.2499, 1./3) // not quite one of four
	f("M[Mo]oo", 0, 1./2)      // the tie would flag one: not allowed
	f("M[Mo]oo", 1, 1)
	f("MMM", 0.5, math.NaN())
}

// Slow and obvious references: every pair, every place.

func slowAUROC(list []Ranked) float64 {
	var won, pairs float64
	for _, m := range list {
		for _, o := range list {
			if !m.Miner || o.Miner {
				continue
			}
			pairs++
			if m.Score > o.Score {
				won++
			} else if m.Score == o.Score {
				won += 0.5
			}
		}
	}
	return won / pairs
}

// slowAP is the mean over miners of the precision among all meters that score at least
// as high.
func slowAP(list []Ranked) float64 {
	var sum, miners float64
	for _, m := range list {
		if !m.Miner {
			continue
		}
		var flagged, right float64
		for _, x := range list {
			if x.Score >= m.Score {
				flagged++
				if x.Miner {
					right++
				}
			}
		}
		miners++
		sum += right / flagged
	}
	return sum / miners
}

func slowRecallAt(list []Ranked, fpr float64) float64 {
	best := 0.0
	for _, cut := range list {
		var miners, found, others, flagged float64
		for _, x := range list {
			if x.Miner {
				miners++
				if x.Score >= cut.Score {
					found++
				}
			} else {
				others++
				if x.Score >= cut.Score {
					flagged++
				}
			}
		}
		if flagged/others <= fpr {
			best = max(best, found/miners)
		}
	}
	return best
}

// lists draws lists with both kinds and, scores being small whole numbers, many ties.
func lists() *rapid.Generator[[]Ranked] {
	return rapid.Custom(func(t *rapid.T) []Ranked {
		one := rapid.Custom(func(t *rapid.T) Ranked {
			return Ranked{float64(rapid.IntRange(0, 12).Draw(t, "score")) / 12, rapid.Bool().Draw(t, "miner")}
		})
		return append(rapid.SliceOfN(one, 0, 40).Draw(t, "rest"), Ranked{0.5, true}, Ranked{0.25, false})
	})
}

func TestRankingAgreesWithSlowReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lists().Draw(t, "list")
		fpr := rapid.Float64Range(0, 1).Draw(t, "fpr")
		if a, b := AUROC(l), slowAUROC(l); !near(a, b) {
			t.Fatalf("AUROC %v, slow %v", a, b)
		}
		if a, b := AveragePrecision(l), slowAP(l); !near(a, b) {
			t.Fatalf("AP %v, slow %v", a, b)
		}
		if a, b := RecallAt(l, fpr), slowRecallAt(l, fpr); !near(a, b) {
			t.Fatalf("recall at %v: %v, slow %v", fpr, a, b)
		}
	})
}

func TestRankingOnlyUsesOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lists().Draw(t, "list")
		bent := slices.Clone(l)
		for i := range bent {
			bent[i].Score = math.Exp(3*bent[i].Score) - 7 // strictly rising
		}
		k := rapid.IntRange(1, len(l)).Draw(t, "k")
		if AUROC(l) != AUROC(bent) || AveragePrecision(l) != AveragePrecision(bent) ||
			PrecisionAt(l, k) != PrecisionAt(bent, k) {
			t.Fatal("a strictly rising transform of the scores changed a figure on ranking")
		}
		turned := slices.Clone(l)
		for i := range turned {
			turned[i].Score *= -1
		}
		if !near(AUROC(l)+AUROC(turned), 1) {
			t.Fatalf("AUROC %v and of the list turned over %v do not add up to 1", AUROC(l), AUROC(turned))
		}
	})
}

// The least average precision is that of all others ranked first (Boyd et al., ICML
// 2012: 1/P Σ i/(i+N)); it is below the base rate. A constant score gets the base rate.
func TestAveragePrecisionIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lists().Draw(t, "list")
		all := last(steps(l))
		least := 0.0
		for i := 1; i <= all.miners; i++ {
			least += float64(i) / float64(i+all.other) / float64(all.miners)
		}
		if ap := AveragePrecision(l); ap < least-tolerance || ap > 1+tolerance {
			t.Fatalf("AP %v outside [%v, 1]", ap, least)
		}
		for i := range l {
			l[i].Score = 0.5
		}
		if ap, base := AveragePrecision(l), float64(all.miners)/float64(len(l)); !near(ap, base) {
			t.Fatalf("AP of a constant score %v, want the base rate %v", ap, base)
		}
	})
}

func TestPrecisionAtIsTheMeanOverOrdersOfTies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lists().Draw(t, "list")
		k := rapid.IntRange(1, len(l)).Draw(t, "k")
		// A meter's place in a random order of its tie is uniform: its chance to be
		// among the first k is (k − better)/tied, cut to [0, 1].
		want := 0.0
		for _, m := range l {
			better, tied := 0, 0
			for _, x := range l {
				if x.Score > m.Score {
					better++
				} else if x.Score == m.Score {
					tied++
				}
			}
			if m.Miner {
				want += min(1, max(0, float64(k-better)/float64(tied))) / float64(k)
			}
		}
		if got := PrecisionAt(l, k); !near(got, want) {
			t.Fatalf("precision at %d: %v, want %v", k, got, want)
		}
	})
}
