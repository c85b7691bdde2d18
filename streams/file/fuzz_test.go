package file

import (
	"bytes"
	"context"
	"encoding/csv"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzTime compares with the standard library on everything that either takes.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"2026-01-31T23:45:00Z", "2024-02-29T00:00:00+05:45", "2023-02-29T00:00:00Z", "1999-12-31t23:59:59.999z",
		"2000-02-29 12:00:00-11:30", "1900-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00", "0000-01-01T00:00:00Z", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseTime([]byte(s))
		std := strings.ToUpper(s)
		if len(std) > 10 && std[10] == ' ' {
			std = std[:10] + "T" + std[11:]
		}
		want, err := time.Parse(time.RFC3339, std)
		if strings.Contains(s, ",") || strings.Contains(s, ":60") || len(s) > 40 {
			return // a decimal comma and leap seconds are where we differ knowingly
		}
		if ok != (err == nil) {
			t.Fatalf("%q: taken %v, standard library says %v", s, ok, err)
		}
		if ok && got != want.Add(500*time.Millisecond).Unix() {
			t.Fatalf("%q is %d, want %d", s, got, want.Unix())
		}
	})
}

func TestEveryDayOfTwoCenturies(t *testing.T) {
	for d := time.Date(1901, 1, 1, 12, 34, 56, 0, time.UTC); d.Year() < 2102; d = d.AddDate(0, 0, 1) {
		if got, ok := parseTime(d.AppendFormat(nil, time.RFC3339)); !ok || got != d.Unix() {
			t.Fatalf("%v is %d, %v", d, got, ok)
		}
		if s := string(appendTime(nil, d)); s != d.Format(time.RFC3339) {
			t.Fatalf("%v is written %s", d, s)
		}
	}
}

// FuzzNumber compares with strconv, bit by bit.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.5", ".5", "5.", "+1", "-", ".", "1e3", "123456789012345.6", "0.000000000000001", "999999999999999", "1.2.3", "nan", "-Inf", "1_0", "0x1p4", "1e400"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseNumber([]byte(s))
		want, err := strconv.ParseFloat(s, 64)
		wantOK := (err == nil || math.IsInf(want, 0)) && !strings.ContainsAny(s, "_xX")
		if ok != wantOK || ok && math.Float64bits(got) != math.Float64bits(want) && got == got {
			t.Fatalf("%q is %v, %v; want %v, %v", s, got, ok, want, err)
		}
	})
}

func TestShortNumbersAreRoundedAsByStrconv(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		s := strconv.FormatFloat(r.NormFloat64()*math.Pow(10, float64(r.IntN(8)-3)), 'f', r.IntN(12), 64)
		want, _ := strconv.ParseFloat(s, 64)
		if got, ok := parseNumber([]byte(s)); !ok || math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%s is %v, want %v", s, got, want)
		}
	}
}

// FuzzCSV loads any text as a file of readings: nothing panics, every row is counted once,
// and rows that the standard library's parsers take for good are what is kept.
func FuzzCSV(f *testing.F) {
	f.Add(header + day(3))
	f.Add("\ufeff" + strings.ReplaceAll(header+day(3), "\n", "\r\n"))
	f.Add(header + "m1,2026-01-01T00:00:00Z,\"1\"\n\"m1,2026-01-01T00:15:00Z,2\nm2,,\n,,,\n\x00\n")
	f.Add("energy_kwh,meter_id,x,start,quality\n1,m1,\"a\"\"b,\",2026-01-01T00:00:00Z,E\n1,m1,,2026-01-01T00:00:00Z,F\n")
	f.Fuzz(func(t *testing.T, text string) {
		fl, err := Open(fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": text}), Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		err = fl.Load(context.Background(), nil)
		s := fl.Stats()
		if (err == nil) != (s.Readings > 0) {
			t.Fatalf("error %v with %d readings", err, s.Readings)
		}
		var rejected int64
		for kind, n := range s.RejectedByReason {
			if kind != "wrong header" && kind != "empty file" && !(kind == "line too long" && s.Rows == 0) {
				rejected += n
			}
		}
		if s.Rejected != rejected && len(text) < MaxLineBytes {
			t.Fatalf("%d rejected by difference, %d counted: %+v", s.Rejected, rejected, s)
		}
		if n := naive(text); n >= 0 && n != s.Readings+s.Duplicates+s.Conflicts+s.Superseded {
			t.Fatalf("a naive reader takes %d readings: %+v", n, s)
		}
	})
}

// naive counts the readings of a plain file with the standard library; −1 where the file
// is not plain: quotes, blanks, or anything that is judged beyond its syntax.
func naive(text string) (n int64) {
	if strings.ContainsAny(text, "\"\x00 \t") || !strings.HasPrefix(text, header) {
		return -1
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return -1
	}
	for _, row := range rows[1:] {
		if len(row) != 3 || row[0] != "m1" && row[0] != "m2" {
			continue
		}
		at, err1 := time.Parse(time.RFC3339, row[1])
		v, err2 := strconv.ParseFloat(row[2], 64)
		if err1 != nil || err2 != nil || math.Abs(v) > maxEnergyKWh || v != v {
			continue
		}
		if at.Nanosecond() != 0 || at.Unix()%900 != 0 || at.Year() < firstYear || at.Year() > lastYear || strings.ContainsAny(row[2], "_xX") {
			return -1
		}
		n++
	}
	return n
}

func TestReadersOfSplitFields(t *testing.T) {
	f := func(line string, want ...string) {
		t.Helper()
		if got := splitFields(nil, line); strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	f("", "")
	f("a", "a")
	f("a,,b", "a", "", "b")
	f(",", "", "")
	f(`"a,b",c`, "a,b", "c")
	f(`"a""b",""`, `a"b`, "")
	f(`"",x`, "", "x")
	f(`a"b,c`, `a"b`, "c")
	f(`"open,c`, "open,c")
	f(`"a"b,c`, "ab", "c")
	f(`"a",`, "a", "")
}

// TestWhatIsWrittenIsSplitAgain covers text that needs quotes.
func TestWhatIsWrittenIsSplitAgain(t *testing.T) {
	for _, s := range []string{"", "a", "a,b", `"`, `""`, `a"b`, ",", " a ", `"a","b"`, "ü€"} {
		var c cells
		c.text(s)
		c.text("end")
		if got := splitFields(nil, string(bytes.Clone(c.take()))); len(got) != 2 || got[0] != s || got[1] != "end" {
			t.Errorf("%q became %q", s, got)
		}
	}
}
