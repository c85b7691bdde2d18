package console

import (
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

func TestOnsetSaysNoMoreThanIsKnown(t *testing.T) {
	catalogs, err := loadCatalogs()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 10, 16, 0, 0, 0, time.UTC) // midnight of the 11th
	hour := func(n int) time.Time { return at.Add(time.Duration(n) * time.Hour) }
	for _, k := range []struct {
		name  string
		onset flatwatt.Instants
		kw    float64
		want  string
	}{
		{"a detector of days", flatwatt.Instants{At: at, Low: at, High: at}, 3, "2026-01-11"},
		{"within a day", flatwatt.Instants{At: hour(7), Low: hour(6), High: hour(8)}, 3, "2026-01-11 07:00 [06:00–08:00]"},
		{"over days", flatwatt.Instants{At: hour(7), Low: hour(-60), High: hour(30)}, 3, "2026-01-11 [01-08–01-12]"},
		{"older than the data", flatwatt.Instants{}, 3, "before the data"},
		{"no block", flatwatt.Instants{}, nan, unknown},
	} {
		f := Finding{Meter: flatwatt.Meter{Zone: zone}, Score: flatwatt.Score{Onset: k.onset, Block: flatwatt.Estimate{Value: k.kw}}}
		if got := onset(f, catalogs[english]); got != k.want {
			t.Errorf("%s: %q, want %q", k.name, got, k.want)
		}
	}
}

// The ledger takes the date of a case's onset: it is the civil one of the meter, as the pages
// tell it, not that of UTC, which would have it pay for a day more.
func TestCaseKeepsTheMetersOwnDate(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	f := Finding{Meter: flatwatt.Meter{Zone: zone}}
	f.Score.Onset.At = time.Date(2026, 1, 10, 16, 0, 0, 0, time.UTC)
	if got := caseFinding(f).Onset; got != "2026-01-11T00:00:00+08:00" {
		t.Errorf("onset %s, want midnight of the 11th in Shanghai", got)
	}
}
