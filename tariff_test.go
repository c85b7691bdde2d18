package flatwatt

import (
	"math"
	"testing"
)

func TestTariffTellsPricesAndBoundaries(t *testing.T) {
	var tou Tariff // cheap from 23 to 7, dear from 17 to 22
	for q := range tou {
		switch h := q / 4; {
		case h >= 23 || h < 7:
			tou[q] = 0.3
		case h >= 17 && h < 22:
			tou[q] = 1.2
		default:
			tou[q] = 0.6
		}
	}
	mean := (8*0.3 + 5*1.2 + 11*0.6) / 24
	if got := tou.Relative(23, 8); math.Abs(got-(0.3/mean-1)) > 1e-6 {
		t.Errorf("nights are %.3f of the mean, want %.3f", got, 0.3/mean-1)
	}
	if got := tou.Relative(22, 24); math.Abs(got) > 1e-6 {
		t.Errorf("a whole day differs from itself by %g", got)
	}
	for at, want := range map[float64]float64{23.5: 0.5, 0: 1, 16.75: 0.25, 12: 5} {
		if got := tou.Boundary(at); math.Abs(got-want) > 1e-9 {
			t.Errorf("%g h lies %g from a change of price, want %g", at, got, want)
		}
	}
	if flat := (Tariff{}); !math.IsNaN(flat.Boundary(3)) || !math.IsNaN(flat.Relative(0, 8)) {
		t.Error("a tariff without prices tells some")
	}
}
