package alarms

import (
	"cmp"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt/casework"
)

// TargetShares are the shares of priorities that ISA-18.2 advises.
func TargetShares() map[Priority]float64 {
	return map[Priority]float64{High: 0.05, Medium: 0.15, Low: 0.80}
}

// KPIs are the figures that ISA-18.2 wants watched, over the days [From, To].
type KPIs struct {
	From          string               `json:"from"`
	To            string               `json:"to"`
	Announced     int                  `json:"announced"`     // in the window; alarms below a parent are not counted
	PerDay        float64              `json:"per_day"`       // Announced by days
	PeakDay       string               `json:"peak_day"`      // with the most announced, the first of them
	Peak          int                  `json:"peak"`          // on that day
	States        map[State]int        `json:"states"`        // at To
	Stale         []string             `json:"stale"`         // active longer than the policy's days, not held
	Chattering    []string             `json:"chattering"`    // activations too often
	Spread        map[Priority]int     `json:"spread"`        // of what was announced in the window
	Shares        map[Priority]float64 `json:"shares"`        // the same as shares; empty where nothing was
	TopShare      float64              `json:"top_ten_share"` // of activations by the ten that had most
	Top           []Count              `json:"top_ten"`
	AckDaysMedian *float64             `json:"ack_days_median"`      // from announcement to acknowledgement; null where none
	HighKW        *float64             `json:"high_kw_for_target"`   // thresholds under which the window's alarms
	MediumKW      *float64             `json:"medium_kw_for_target"` // would be 5/15/80; null below 20 alarms
}

// A Count is how often an alarm became active.
type Count struct {
	ID     string `json:"id"`
	Raises int    `json:"raises"`
}

// minForTarget is how many alarms make a 5 % share mean something.
const minForTarget = 20

// Measure is the figures of a list of alarms, held by the last of a number of days.
func Measure(p Policy, list []casework.Versioned[Alarm], to time.Time, days int) KPIs {
	k := KPIs{From: to.AddDate(0, 0, 1-days).Format(time.DateOnly), To: to.Format(time.DateOnly),
		States: map[State]int{}, Spread: map[Priority]int{}, Shares: map[Priority]float64{}, Stale: []string{}, Chattering: []string{}, Top: []Count{}}
	stale := to.AddDate(0, 0, -p.StaleDays).Format(time.DateOnly)
	chatter := to.AddDate(0, 0, 1-p.ChatterDays).Format(time.DateOnly)
	perDay := map[string]int{}
	var kw, waits []float64
	for i := range list {
		a := &list[i].Value
		k.States[a.State(k.To)]++
		if a.Active && !a.held(k.To) && a.Raised < stale {
			k.Stale = append(k.Stale, list[i].ID)
		}
		if a.since(chatter, k.To) >= p.ChatterRaises {
			k.Chattering = append(k.Chattering, list[i].ID)
		}
		if n := a.since(k.From, k.To); n > 0 {
			k.Top = append(k.Top, Count{list[i].ID, n})
		}
		if a.Parent != "" || a.Announced < k.From || a.Announced > k.To {
			continue
		}
		k.Announced++
		k.Spread[a.Priority]++
		perDay[a.Announced]++
		kw = append(kw, a.ExpectedKW)
		if a.Acked != "" {
			waits = append(waits, daysBetween(a.Announced, a.Acked))
		}
	}
	k.PerDay = float64(k.Announced) / float64(days)
	for day, n := range perDay {
		if n > k.Peak || n == k.Peak && day < k.PeakDay {
			k.Peak, k.PeakDay = n, day
		}
	}
	k.share(kw, waits)
	return k
}

// share fills in what needs all alarms first.
func (k *KPIs) share(kw, waits []float64) {
	all := 0
	for _, c := range k.Top {
		all += c.Raises
	}
	slices.SortFunc(k.Top, func(a, b Count) int { return cmp.Or(b.Raises-a.Raises, cmp.Compare(a.ID, b.ID)) })
	k.Top = k.Top[:min(10, len(k.Top))]
	for _, c := range k.Top {
		k.TopShare += float64(c.Raises) / float64(all)
	}
	for p, n := range k.Spread {
		k.Shares[p] = float64(n) / float64(k.Announced)
	}
	if n := len(waits); n > 0 {
		slices.Sort(waits)
		m := (waits[(n-1)/2] + waits[n/2]) / 2
		k.AckDaysMedian = &m
	}
	if n := len(kw); n >= minForTarget {
		slices.Sort(kw)
		t := TargetShares()
		high, medium := kw[n-max(1, int(t[High]*float64(n)))], kw[n-int((t[High]+t[Medium])*float64(n))]
		k.HighKW, k.MediumKW = &high, &medium
	}
}

// since is how often the alarm became active in [from, to].
func (a *Alarm) since(from, to string) (n int) {
	for _, day := range a.Raises {
		n += btoi(from <= day && day <= to)
	}
	return n
}

func daysBetween(from, to string) float64 {
	a, err1 := time.Parse(time.DateOnly, from)
	b, err2 := time.Parse(time.DateOnly, to)
	if err1 != nil || err2 != nil {
		return 0
	}
	return b.Sub(a).Hours() / 24
}
