package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/vee"
)

// Where a file holds registers beside intervals, inspect checks one by the other: a day
// whose intervals say 2 kWh less than the register breaks the rule.
func TestRegistersAreCheckedAgainstIntervals(t *testing.T) {
	day := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	var s strings.Builder
	record := func(units, interval string, n int, data string) {
		fmt.Fprintf(&s, "MEPMD01,19970819,UDC,,ESP,,202601160000,7,OK,E,%s,1,%s,%d%s\n", units, interval, n, data)
	}
	stamp := func(t time.Time) string { return t.Format("200601021504") }
	total := 99_950.0
	for d := range 4 {
		from := day.AddDate(0, 0, d)
		var data strings.Builder
		for i := range 96 {
			fmt.Fprintf(&data, ",%s,R0,%g", stamp(from.Add(time.Duration(i+1)*15*time.Minute)), 0.2+0.1*float64(i%2))
		}
		record("KWH", "00000015", 96, data.String())
		before := total
		if total += 24; d == 1 {
			total += 2 // the register counted more than the intervals say
		}
		if total >= 100_000 {
			total -= 100_000 // goes over, which is no fault
		}
		record("KWHREG", "00010000", 2, fmt.Sprintf(",%s,R0,%g,%s,R0,%g", stamp(from), before, stamp(from.AddDate(0, 0, 1)), total))
	}
	path := filepath.Join(t.TempDir(), "a.cmep")
	writeFile(t, path, s.String())
	code, stdout, stderr := run(t, nil, "inspect", path, "-o", "json")
	var r inspection
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitOK {
		t.Fatalf("exit code %d, %v: %s", code, err, stderr)
	}
	if r.Readings != 4*96 || len(r.Findings) != 1 || r.Findings[0].Code != vee.RegisterSum || r.Findings[0].MeterDays != 1 {
		t.Errorf("%d readings, %+v", r.Readings, r.Findings)
	}
}
