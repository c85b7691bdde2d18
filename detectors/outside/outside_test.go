package outside_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors/outside"
)

var (
	begin  = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	meters = []flatwatt.Meter{
		{ID: "m", Zone: time.UTC, Extra: map[string]string{"account": "A 1", "address": "12 Mill Lane"}},
		{ID: "n", Zone: time.UTC, Extra: map[string]string{"account": "A 2", "address": "12  mill lane"}},
	}
	alarms = map[string]outside.Threshold{"customer": {From: .6}, "hall": {From: .9, Normal: .1}}
)

// fixed says the same of m every day: one call of Score is one day.
type fixed struct {
	score flatwatt.Score
	days  int
}

func (f *fixed) Score(dst []flatwatt.Score, _ []flatwatt.Reading) []flatwatt.Score {
	s := f.score
	s.Start = begin.AddDate(0, 0, f.days)
	s.Day = flatwatt.DayOf(s.Start, time.UTC)
	f.days++
	return append(dst, s)
}
func (f *fixed) Close(dst []flatwatt.Score) []flatwatt.Score { return dst }
func (f *fixed) AppendBinary(b []byte) ([]byte, error)       { return append(b, byte(f.days)), nil }
func (f *fixed) UnmarshalBinary(b []byte) error {
	if len(b) != 1 {
		return errors.New("no state")
	}
	f.days = int(b[0])
	return nil
}

func inner(detector string, p float64) *fixed {
	return &fixed{score: flatwatt.Score{Meter: "m", Detector: detector, State: flatwatt.Normal, Probability: p, LogOdds: math.Log(p / (1 - p)),
		Evidence: []flatwatt.Evidence{{Term: "size", LogOdds: 1}}}}
}

func piece(t *testing.T, o flatwatt.Outside) flatwatt.Outside {
	t.Helper()
	if field, why := o.Complete(); field != "" {
		t.Fatalf("%s %s", field, why)
	}
	return o
}

func tip(id string, day int, odds float64) flatwatt.Outside {
	at := begin.AddDate(0, 0, day).Add(10 * time.Hour)
	return flatwatt.Outside{ID: id, Meter: "m", Kind: flatwatt.TipOff, Source: "12398", At: at, Entered: at, By: "zhang", LogOdds: odds}
}

func days(s flatwatt.Scorer, n int) (list []flatwatt.Score) {
	for range n {
		list = s.Score(list, nil)
	}
	return list
}

func TestATipCountsFromTheDayOfItsEntry(t *testing.T) {
	book := outside.NewBook()
	late := tip("T1", 1, 2)
	late.Entered = begin.AddDate(0, 0, 4)
	book.Add(piece(t, late))
	got := days(outside.New(inner("customer", .3), meters, book, alarms), 6)
	for d, sc := range got {
		want := 0.0
		if d >= 4 {
			want = 2
		}
		if sc.Outside != want || math.Abs(sc.LogOdds-(math.Log(.3/.7)+want)) > 1e-12 {
			t.Errorf("day %d: outside %v, log odds %v, want %v more than the readings say", d, sc.Outside, sc.LogOdds, want)
		}
		if (sc.State == flatwatt.Suspect) != (d >= 4) {
			t.Errorf("day %d: state %s with probability %v", d, sc.State, sc.Probability)
		}
	}
	if want := begin.AddDate(0, 0, 5); !got[5].FirstAlarm.Equal(want) {
		t.Errorf("first alarm %v, want the close of the day of the entry, %v", got[5].FirstAlarm, want)
	}
	if e := got[5].Evidence[0]; !outside.Is(e) || e.LogOdds != 2 {
		t.Errorf("the tip is not the first line: %+v", got[5].Evidence)
	}
}

func TestRepeatedCallsCountHalf(t *testing.T) {
	book := outside.NewBook()
	book.Add(piece(t, tip("T1", 0, 2)), piece(t, tip("T2", 0, 2)), piece(t, tip("T3", 0, 2)))
	if got := days(outside.New(inner("customer", .3), meters, book, alarms), 1)[0].Outside; got != 3.5 {
		t.Errorf("three calls of 2 add %v, want 2 + 1 + 0.5", got)
	}
	for i := range 20 { // other sources, each counts whole: the bound holds
		o := tip("X", 0, 6)
		o.Source, o.ID = string(rune('a'+i)), string(rune('a'+i))
		book.Add(piece(t, o))
	}
	got := days(outside.New(inner("customer", .3), meters, book, alarms), 1)[0]
	if got.Outside != outside.MaxTotal || len(got.Evidence) > 20 {
		t.Errorf("outside %v in %d lines, want the bound %v", got.Outside, len(got.Evidence), outside.MaxTotal)
	}
}

func TestAPieceIsCorrectedAndTakenBack(t *testing.T) {
	book := outside.NewBook()
	again, back := tip("T1", 2, 1), tip("T1", 4, 0)
	book.Add(piece(t, back), piece(t, tip("T1", 0, 3)), piece(t, again)) // in any order
	for d, sc := range days(outside.New(inner("customer", .3), meters, book, alarms), 6) {
		if want := []float64{3, 3, 1, 1, 0, 0}[d]; sc.Outside != want {
			t.Errorf("day %d: %v, want %v", d, sc.Outside, want)
		}
	}
}

func TestAnInspectionClears(t *testing.T) {
	book := outside.NewBook()
	clear := tip("I1", 1, -5)
	clear.Kind = flatwatt.Inspection
	clear.Until = begin.AddDate(0, 0, 4)
	book.Add(piece(t, clear))
	suspect := inner("customer", .97)
	suspect.score.State = flatwatt.Suspect
	for d, sc := range days(outside.New(suspect, meters, book, alarms), 6) {
		want := flatwatt.Suspect
		if d >= 1 && d < 4 {
			want = flatwatt.Normal
		}
		if sc.State != want {
			t.Errorf("day %d: %s, want %s", d, sc.State, want)
		}
		if sc.FirstAlarm.IsZero() {
			t.Errorf("day %d: the first alarm of day 0 is forgotten", d)
		}
	}
}

func TestHallsAreRestated(t *testing.T) {
	for _, c := range []struct {
		p, odds float64
		want    flatwatt.State
	}{{.05, 2.5, flatwatt.Inspect}, {.05, 6, flatwatt.Suspect}, {.5, -4, flatwatt.Normal}, {.95, -1, flatwatt.Inspect}} {
		book, in := outside.NewBook(), inner("hall", c.p)
		if c.p >= .9 {
			in.score.State = flatwatt.Suspect
		} else if c.p > .1 {
			in.score.State = flatwatt.Inspect
		}
		book.Add(piece(t, tip("T", 0, c.odds)))
		if sc := days(outside.New(in, meters, book, alarms), 1)[0]; sc.State != c.want {
			t.Errorf("%v with %+v: %s (%v), want %s", c.p, c.odds, sc.State, sc.Probability, c.want)
		}
	}
}

func TestRegisteredLoads(t *testing.T) {
	until := begin.AddDate(0, 0, 2)
	for _, c := range []struct {
		name     string
		use      flatwatt.RegisteredUse
		mean, nd float64
		low, top float64 // on day 0
		after    float64 // on day 3, when it has expired
	}{
		{"as declared", flatwatt.TelecomUse, 3.9, 1, -2.5, -2.5, .3},
		{"half as much again", flatwatt.TelecomUse, 6, 1, .5, 1, .3},
		{"three times", flatwatt.TelecomUse, 12, 1, 2, 2, .3},
		{"lamps by night", flatwatt.StreetLightUse, 3.9, 50, -2.5, -2.5, .3},
		{"lamps by day", flatwatt.StreetLightUse, 3.9, 1.1, 1, 1, .3},
	} {
		book, in := outside.NewBook(), inner("customer", .3)
		book.Register(flatwatt.Registered{Meter: "m", Use: c.use, KW: 4, Until: until})
		in.score.Features.MeanKW, in.score.Features.NightDay = c.mean, c.nd
		got := days(outside.New(in, meters, book, alarms), 4)
		if x := got[0].Outside; x < c.low || x > c.top {
			t.Errorf("%s: %v, want %v to %v", c.name, x, c.low, c.top)
		}
		if x := got[3].Outside; x != c.after {
			t.Errorf("%s, expired: %v, want %v", c.name, x, c.after)
		}
		for _, lang := range []string{"en", "zh"} {
			text, ok := outside.Say(got[0].Evidence[0], lang)
			if !ok && outside.Is(got[0].Evidence[0]) || strings.Contains(text, "%!") {
				t.Errorf("%s in %s: %q", c.name, lang, text)
			}
		}
	}
}

func TestStateGoesOn(t *testing.T) {
	book := outside.NewBook()
	book.Add(piece(t, tip("T1", 1, 3)))
	whole := days(outside.New(inner("customer", .3), meters, book, alarms), 6)
	s := outside.New(inner("customer", .3), meters, book, alarms)
	days(s, 3)
	b, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := outside.New(inner("customer", .3), meters, book, alarms)
	if err := r.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	for i, sc := range days(r, 3) {
		if w := whole[3+i]; sc.FirstAlarm != w.FirstAlarm || sc.LogOdds != w.LogOdds || sc.State != w.State {
			t.Errorf("day %d differs after a restart: %+v, want %+v", 3+i, sc, w)
		}
	}
	for n := range b {
		if err := outside.New(inner("customer", .3), meters, book, alarms).UnmarshalBinary(b[:n]); err == nil {
			t.Fatalf("%d bytes of %d are taken for a state", n, len(b))
		}
	}
}

func TestAccountsAndAddresses(t *testing.T) {
	r := outside.NewRegister(meters)
	list, _, _ := r.Match(flatwatt.Outside{Account: "a 1", LogOdds: 3})
	if len(list) != 1 || list[0].Meter != "m" || list[0].LogOdds != 3 {
		t.Errorf("account: %+v", list)
	}
	list, _, _ = r.Match(flatwatt.Outside{Address: "12 Mill lane", LogOdds: 3})
	if len(list) != 2 || math.Abs(list[1].LogOdds-(3-math.Ln2)) > 1e-12 {
		t.Errorf("address of two meters: %+v, want each ln 2 less", list)
	}
	if _, field, why := r.Match(flatwatt.Outside{Account: "A 9"}); field != "account" || why == "" {
		t.Errorf("unknown account: %q %q", field, why)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for want, change := range map[string]func(*flatwatt.Outside){
		"kind":     func(o *flatwatt.Outside) { o.Kind = "rumour" },
		"source":   func(o *flatwatt.Outside) { o.Source = "" },
		"by":       func(o *flatwatt.Outside) { o.By = "" },
		"id":       func(o *flatwatt.Outside) { o.ID = strings.Repeat("x", 201) },
		"note":     func(o *flatwatt.Outside) { o.Note = "a\nb" },
		"meter_id": func(o *flatwatt.Outside) { o.Meter = "" },
		"at":       func(o *flatwatt.Outside) { o.At = time.Time{} },
		"log_odds": func(o *flatwatt.Outside) { o.LogOdds = 7 },
		"until":    func(o *flatwatt.Outside) { o.Until = o.At },
	} {
		o := tip("T", 0, 1)
		change(&o)
		if field, why := o.Complete(); field != want || why == "" {
			t.Errorf("%s: told %q %q", want, field, why)
		}
	}
	o := tip("T", 0, math.NaN())
	o.Kind = flatwatt.Inspection
	if field, _ := o.Complete(); field != "log_odds" {
		t.Errorf("an inspection without a reliability is taken")
	}
	o.Kind = flatwatt.PoolContact
	if field, _ := o.Complete(); field != "" || o.LogOdds != 4 || o.Until.IsZero() {
		t.Errorf("defaults are not filled in: %q %+v", field, o)
	}
}
