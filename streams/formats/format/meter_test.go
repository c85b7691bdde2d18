package format_test

import (
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

func TestIdentifiers(t *testing.T) {
	opt := format.Options{StripPrefix: "B", IDDigits: 8}
	for in, want := range map[string]string{
		"B12345678": "12345678", "42": "00000042", "C-42": "C-42", "42.0": "00000042", `="00042"`: "00000042", "1.2345678E+07": "12345678", "1,2345678E7": "12345678",
		"12E5": "12E5", "表 一": "表 一", "B": "", "1.23E+11": "", "a\x00b": "", "\xff": "", strings.Repeat("x", 200): "", "": "",
	} {
		m := format.NewMeters(opt, &format.Tally{}).Get([]byte(in))
		if (m.Fault == "") != (want != "") || want != "" && string(m.ID) != want {
			t.Errorf("%.20q is %q, fault %.100q", in, m.ID, m.Fault)
		}
	}
	for extra, want := range map[string]float64{"ct=20 pt=100": 2000, "multiplier=40 ct=20": 40, "ct=": 1} {
		fields := map[string]string{}
		for _, f := range strings.Fields(extra) {
			k, v, _ := strings.Cut(f, "=")
			fields[k] = v
		}
		m := format.NewMeters(format.Options{Register: map[flatwatt.MeterID]flatwatt.Meter{"7": {ID: "7", Extra: fields}}}, &format.Tally{}).Get([]byte("7"))
		if m.Factor != want {
			t.Errorf("%s: %v", extra, m.Factor)
		}
	}
	for _, bad := range []string{"x", "0", "-1", "1e99"} {
		m := format.NewMeters(format.Options{Register: map[flatwatt.MeterID]flatwatt.Meter{"7": {ID: "7", Extra: map[string]string{"ct": bad}}}}, &format.Tally{}).Get([]byte("7"))
		if m.Fault == "" {
			t.Errorf("took the ratio %s", bad)
		}
	}
}

// What is remembered of meters is bounded, and one that is forgotten starts anew.
func TestMetersAreForgotten(t *testing.T) {
	ms := format.NewMeters(format.Options{Limits: format.Limits{Meters: 4}}, &format.Tally{})
	first := ms.Get([]byte("1"))
	if ms.Get([]byte("2")); ms.Get([]byte("1")) != first {
		t.Error("forgotten at once")
	}
	for _, id := range []string{"3", "4", "5", "6", "7"} {
		ms.Get([]byte(id))
	}
	if ms.Get([]byte("1")) == first {
		t.Error("never forgotten")
	}
}

func TestRegister(t *testing.T) {
	const quarter = 900
	tally := &format.Tally{}
	m := format.NewMeters(format.Options{}, tally).Get([]byte("7"))
	for i, x := range []struct {
		at      int64
		value   float64
		modulus float64
		ok      bool
		energy  float64
		reason  string
	}{
		{0, 99_990, 0, false, 0, ""},
		{1, 99_999, 0, true, 9, ""},
		{2, 4, 0, true, 5, ""},           // went over
		{3, 2, 0, false, 0, "fell"},      // was swapped
		{4, 3, 0, true, 1, ""},           // counts on
		{4, 3, 0, false, 0, ""},          // said again
		{4, 5, 0, false, 0, "twice"},     // corrected
		{5, 6, 0, true, 1, ""},           // from the correction
		{3, 1, 0, false, 0, "sort"},      // late
		{20, 9, 0, false, 3, ""},         // too far to be an interval
		{21, 1000, 0, true, 991, ""},     // a load
		{22, 10, 2000, false, 0, ""},     // fell from 1,000 of 2,000: set back
		{23, 1990, 2000, true, 1980, ""}, // and a load again
		{24, 10, 2000, true, 20, ""},     // over its declared end
	} {
		d, ok, reason := m.Register(tally, "kWh", x.at*quarter, x.value, x.modulus, false)
		if ok != x.ok || d.Energy != x.energy && ok || (x.reason != "" && !strings.Contains(reason, x.reason)) {
			t.Errorf("%d: %+v, %v, %q", i, d, ok, reason)
		}
	}
	if tally.Rollovers != 2 || tally.Resets != 2 || tally.Gaps != 1 || tally.Duplicates != 1 || tally.Corrections != 1 {
		t.Errorf("%+v", *tally)
	}
}

// Every civil day of zones with odd changes has the beginning and length that the
// standard library gives it, and every instant is found again from its wall clock.
func TestClocks(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/London", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca", "America/St_Johns"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		fast := format.NewZone(zone)
		for d := time.Date(1991, 1, 1, 12, 0, 0, 0, time.UTC); d.Year() < 2040; d = d.AddDate(0, 0, 1) {
			from, to := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, zone).Unix(), time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, zone).Unix()
			if start, length := fast.Midnight(d.Year(), int(d.Month()), d.Day()); start != from || length != to-from {
				t.Fatalf("%s %v: %d %d, want %d %d", name, d, start, length, from, to-from)
			}
		}
		last := int64(0)
		for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2027; at = at.Add(15 * time.Minute) {
			l := at.In(zone)
			wall := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC).Unix()
			if got, ok := fast.Local(wall, last); !ok || got != at.Unix() {
				t.Fatalf("%s: %v is read as %v, %v", name, l, time.Unix(got, 0).UTC(), ok)
			}
			last = at.Unix()
		}
	}
	london, _ := time.LoadLocation("Europe/London")
	if got, ok := format.Local(time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC), london, 0); ok {
		t.Errorf("a time that never was is %v", time.Unix(got, 0).UTC())
	}
}
