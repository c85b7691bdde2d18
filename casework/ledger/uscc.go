package ledger

import (
	"fmt"
	"strings"
)

// codeLetters are the 31 characters of a unified social credit code: no I, O, S, V, Z.
const codeLetters = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// CheckCode checks a unified social credit code after GB 32100-2015: 18 characters, of
// which the last makes Σ value·3^i a multiple of 31 together with the others:
//
//	C₁₈ = (31 − Σ_{i=0}^{16} c_i · 3^i mod 31) mod 31
func CheckCode(code string) error {
	if len(code) != 18 {
		return fmt.Errorf("credit code %q: has %d characters; want 18", code, len(code))
	}
	sum, weight := 0, 1
	for i := range 17 {
		v := strings.IndexByte(codeLetters, code[i])
		if v < 0 {
			return fmt.Errorf("credit code %q: character %d is %q; want digits and capitals without I, O, S, V, Z", code, i+1, code[i])
		}
		sum += v * weight
		weight = weight * 3 % 31
	}
	if want := codeLetters[(31-sum%31)%31]; code[17] != want {
		return fmt.Errorf("credit code %q: its check character is %q, by the other 17 it would be %q: look for a slip of the pen", code, code[17], want)
	}
	return nil
}
