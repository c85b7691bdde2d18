package detectors

import (
	"fmt"
	"testing"

	"github.com/flatwatt/flatwatt"
)

func TestLookupFindsEveryMeterAndNoOther(t *testing.T) {
	for _, n := range []int{0, 1, 6, 7, 100, 1000} {
		ids := make([]flatwatt.MeterID, n)
		for i := range ids {
			ids[i] = flatwatt.MeterID(fmt.Sprintf("m%04d", i))
		}
		l := newLookup(ids)
		for i, id := range ids {
			if at, ok := l.find(ids, id); !ok || int(at) != i {
				t.Fatalf("of %d: %s is at %d, %v; want %d", n, id, at, ok, i)
			}
		}
		for _, id := range []flatwatt.MeterID{"", "m", "m9999", "x"} {
			if at, ok := l.find(ids, id); ok {
				t.Fatalf("of %d: %q is found at %d", n, id, at)
			}
		}
	}
}
