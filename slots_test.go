package flatwatt

import (
	"testing"
	"time"
)

// A reading has the same slot whether it comes before the day closes or after.
func TestSlotOfIsTheSameBeforeAndAfterTheDayCloses(t *testing.T) {
	for _, name := range []string{"Asia/Shanghai", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for day := DayOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), zone); day < 20820; day++ {
			start, end, next := day.Start(zone).Unix(), (day + 1).Start(zone).Unix(), (day + 2).Start(zone).Unix()
			for _, interval := range []int64{600, 900, 3600} {
				whole := (end - start) / interval
				for at := start + 420; at < end; at += interval {
					if n := SlotOf(start, end, interval, at); n != min((at-start)/interval, whole-1) {
						t.Fatalf("%s %v: slot %d at %d s", name, day, n, at-start)
					}
				}
				for at := end; at < end+6*3600; at += 420 {
					if open, closed := SlotOf(start, end, interval, at)-whole, SlotOf(end, next, interval, at); open != closed {
						t.Fatalf("%s %v: slot %d of the next day while the day is open, %d after", name, day, open, closed)
					}
				}
			}
		}
	}
}

func TestStep(t *testing.T) {
	for minutes, want := range map[int]int{1: 15, 3: 15, 5: 15, 4: 4, 10: 10, 12: 12, 15: 15, 20: 20, 30: 30, 60: 60} {
		if got := Step(time.Duration(minutes) * time.Minute); got != time.Duration(want)*time.Minute {
			t.Errorf("%d minutes: %v, want %d minutes", minutes, got, want)
		}
	}
}
