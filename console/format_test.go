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
