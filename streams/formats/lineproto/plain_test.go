package lineproto

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

func newPlainDecoder() *mappedDecoder {
	return &mappedDecoder{
		keys: &keys{measure: "m", meter: "id", energy: "e", export: "x", register: "r", quality: "q"}, per: 1e9,
		tally: &format.Tally{}, meters: format.NewMeters(format.Options{}, &format.Tally{}),
	}
}

// Whatever is taken as a plain line, the decoder says the same of it.
func TestPlainLinesAreReadAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	pick := func(list ...string) string { // mostly the first
		if rng.IntN(8) > 0 {
			return list[0]
		}
		return list[rng.IntN(len(list))]
	}
	number := func() string {
		return []string{"1", "-0.25", "17.5", "9i", "0.004", pick("1", "0", "-1", "0.25", "-0.5", "12345.678", "5i", "-7i", "1.5i", "01", "1.", ".5", "1e3", "+1", "3u", "t", "\"a\"", "--1", "-", "i", "123456789012345678", "NaN", "1.2.3", "")}[rng.IntN(6)]
	}
	taken := 0
	for range 200_000 {
		line := pick("m", "m", "m", "n", "m ", "", "m=", "#m", "m\\ x")
		for range rng.IntN(3) {
			line += "," + pick("id", "host", "id", "", "a b") + pick("=", "=", "=", "", "==") + pick("7", "A-1", "é", "", "x=y", "a\\,b")
		}
		line += pick(" ", " ", " ", "  ", ",")
		for k := range 1 + rng.IntN(3) {
			if k > 0 {
				line += ","
			}
			line += pick("e", "e", "x", "q", "id", "f", "") + pick("=", "=", "=", "") + number()
		}
		line += pick(" ", " ", " ", "", "  ") + pick("1768435200000000000", "1768435200", "-5", "", "9223372036854775808", "5 ", "5\r", "x")
		d := newPlainDecoder()
		var fast, slow point
		skip, other := d.plain([]byte(line), &fast)
		if other {
			continue
		}
		taken++
		slowSkip, field, reason := d.point(lineprotocol.NewDecoderWithBytes([]byte(line+"\n")), &slow)
		if reason != "" || skip != slowSkip {
			t.Fatalf("%q: plain, but the decoder says %s %s (skip %q and %q)", line, field, reason, skip, slowSkip)
		}
		if skip != "" {
			continue
		}
		if a, b := fmt.Sprintf("%+v", fast), fmt.Sprintf("%+v", slow); a != b {
			t.Fatalf("%q:\n%s\n%s", line, a, b)
		}
	}
	if taken < 5_000 {
		t.Errorf("only %d lines are plain: the test shows little", taken)
	}
}

// A quality, a word or a quote is for the decoder.
func TestWhatIsNotPlainIsLeft(t *testing.T) {
	d := newPlainDecoder()
	const at = " 1768435200000000000"
	for _, line := range []string{
		"m,id=7 e=1,q=3i" + at, "m,id=7 e=1e3" + at, "m,id=7 e=\"1\"" + at, "m,id=7 e=1", "m,id=7 e=1 5 ", "m,id=7, e=1" + at, "m,id=7 e=1," + at,
		"m,id=A\\ 1 e=1" + at, "m,id=é e=1" + at, " m,id=7 e=1" + at, "m,id=7  e=1" + at, "m,id=7 e=1u" + at, strings.Repeat("m", 9),
	} {
		if skip, other := d.plain([]byte(line), new(point)); !other {
			t.Errorf("%q is taken as plain (%q)", line, skip)
		}
	}
	if skip, other := d.plain([]byte("cpu,host=gw usage_idle=99"+at), new(point)); other || skip != "cpu" {
		t.Errorf("another measurement: %q %v", skip, other)
	}
}
