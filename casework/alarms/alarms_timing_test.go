package alarms

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// full is a casework file with n open alarms.
func full(b *testing.B, n int) (*Raiser, []Verdict) {
	b.Helper()
	db, err := casework.Open(b.Context(), filepath.Join(b.TempDir(), "c.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	p := policy()
	p.BudgetPerDay, p.GroupFrom = 0, 3
	r := &Raiser{Store: db, Policy: p, Who: access.Actor{Name: "flatwatt", Role: access.Operator}, Now: func() time.Time { return began }}
	var all []Verdict
	for i := range n {
		for _, v := range say(fmt.Sprintf("m%05d", i), "SS", float64(i%100)) {
			v.Above = fmt.Sprint("t", i/5)
			all = append(all, v)
		}
	}
	if _, err := r.Apply(b.Context(), all, false); err != nil {
		b.Fatal(err)
	}
	return r, all
}

// BenchmarkFirst raises 10,000 alarms at once.
func BenchmarkFirst(b *testing.B) {
	for range b.N {
		full(b, 10_000)
	}
}

// BenchmarkDay takes a day's verdicts that change nothing, with 10,000 alarms open.
func BenchmarkDay(b *testing.B) {
	r, all := full(b, 10_000)
	for i := range all {
		all[i].Day = day(2)
	}
	b.ResetTimer()
	for range b.N {
		if _, err := r.Apply(b.Context(), all, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList lists 10,000 open alarms from the store, and from a cache that follows it.
func BenchmarkList(b *testing.B) {
	r, _ := full(b, 10_000)
	room := Room{Desk: casework.Desk{Store: r.Store, Who: wang, Now: began.AddDate(0, 0, 2)}, Policy: r.Policy}
	b.Run("store", func(b *testing.B) {
		for range b.N {
			if list, err := room.List(b.Context()); err != nil || len(list) != 12_000 {
				b.Fatal(len(list), err)
			}
		}
	})
	b.Run("cache", func(b *testing.B) {
		c := casework.NewCache[Alarm](r.Store, Kind)
		for range b.N {
			list, err := c.List(b.Context())
			if err != nil || len(room.Standing(list)) != 12_000 {
				b.Fatal(len(list), err)
			}
		}
	})
}
