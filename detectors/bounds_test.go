package detectors

import "testing"

func TestBoundsNameTermsAndNeverSpeakForAMiner(t *testing.T) {
	for k, b := range bounds {
		if i := boundAt[k]; i < 0 || terms[i].name != b.term {
			t.Errorf("bound on %q is of no term", b.term)
		}
		if err := b.curve.Validate(); err != nil {
			t.Errorf("%s: %v", b.term, err)
		}
		for _, v := range b.curve.Values {
			if v > 0 {
				t.Errorf("%s: a bound of %g speaks for a miner", b.term, v)
			}
		}
	}
}
