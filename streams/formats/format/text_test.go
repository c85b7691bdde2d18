package format_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

func TestDetectEncoding(t *testing.T) {
	chinese := "电表号,日期,电量\n鄂尔多斯矿业,2026-01-15,1.5\n"
	encode := func(b []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, x := range []struct{ name, text, want string }{
		{"plain", "meter_id,start\n", "utf-8"},
		{"UTF-8", chinese, "utf-8"},
		{"UTF-8 cut within a character", chinese[:len("电表")-1], "utf-8"},
		{"with a mark", "\ufeff" + chinese, "utf-8"},
		{"GB18030", encode(simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(chinese))), "gb18030"},
		{"GB18030 of four bytes", encode(simplifiedchinese.GB18030.NewEncoder().Bytes([]byte("户名,ᠮᠣᠩᠭᠣᠯ\n"))), "gb18030"},
		{"Latin-1", encode(charmap.Windows1252.NewEncoder().Bytes([]byte("Zähler;Straße;Größe €\n"))), "latin1"},
		{"UTF-16 with a mark", encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes([]byte("meter"))), "utf-16le"},
		{"UTF-16 without", encode(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().Bytes([]byte("meter_id,start"))), "utf-16le"},
		{"UTF-16, the other end first", encode(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().Bytes([]byte("meter_id,start"))), "utf-16be"},
		{"nothing", "", "utf-8"},
	} {
		if got := format.DetectEncoding([]byte(x.text)); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
	if _, err := format.UTF8(strings.NewReader(""), "ebcdic"); err == nil {
		t.Error("took an encoding that is not known")
	}
}

func TestNumbersAreThoseOfStrconv(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		s := strconv.FormatFloat(rng.NormFloat64()*math.Pow(10, float64(rng.IntN(12)-4)), byte("feg"[rng.IntN(3)]), rng.IntN(18), 64)
		want, _ := strconv.ParseFloat(s, 64)
		if got, ok := format.ParseNumber([]byte(s), '.'); !ok || math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("%s is %v, %v", s, got, ok)
		}
		if got, ok := format.ParseNumber([]byte(strings.Replace(s, ".", ",", 1)), ','); !ok || got != want {
			t.Fatalf("%s with a comma is %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", ".", "-", "+", "NaN", "inf", "0x1p3", "1_000", "1,5", "1.2.3", "1e999", "--1", " 1", strings.Repeat("9", 65)} {
		if v, ok := format.ParseNumber([]byte(s), '.'); ok {
			t.Errorf("%q was taken for %v", s, v)
		}
	}
}

func TestRepairAndGroups(t *testing.T) {
	for in, want := range map[string]string{
		` 12 `: "12", `="0012"`: "0012", `"12"`: "12", `'0012`: "0012", `'12'`: "12", "\u00a012\u00a0": "12", "\ufeff12": "12", `"="0012""`: "0012", `'`: "'",
	} {
		if got, _ := format.Repair([]byte(in)); string(got) != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	o := format.Out{Tally: &format.Tally{}}
	for in, want := range map[string]float64{"1,234.50": 1234.5, "1 234.5": 1234.5, "1\u00a0234": 1234, "-12,345,678": -12345678, "\"7\"": 7} {
		if got, ok := o.Number([]byte(in), '.'); !ok || got != want {
			t.Errorf("%q is %v, %v", in, got, ok)
		}
	}
	if got, ok := o.Number([]byte("1.234,5"), ','); !ok || got != 1234.5 {
		t.Errorf("a German number is %v, %v", got, ok)
	}
	for _, in := range []string{"12,34", "1234,567", "1,23,456", ",123", "1,2345", "a,123"} {
		if got, ok := o.Number([]byte(in), '.'); ok {
			t.Errorf("%q was taken for %v", in, got)
		}
	}
}

func TestSplitFields(t *testing.T) {
	for in, want := range map[string]string{
		`a,b,`: "a|b|", `"a,b",c`: "a,b|c", `"a""b" ,c`: `a"b|c`, ``: "", `,"",`: "||", `a"b,c`: `a"b|c`,
	} {
		got, ok := format.SplitFields(nil, []byte(in), ',')
		var s []string
		for _, f := range got {
			s = append(s, string(f))
		}
		if !ok || strings.Join(s, "|") != want {
			t.Errorf("%q became %q, %v", in, s, ok)
		}
	}
	for _, in := range []string{`"a`, `"a"b,c`, `a,"`} {
		if got, ok := format.SplitFields(nil, []byte(in), ','); ok {
			t.Errorf("%q became %q", in, got)
		}
	}
}
