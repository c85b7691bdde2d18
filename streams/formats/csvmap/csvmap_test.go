package csvmap_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

func hours(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, ",%02d:00", i)
	}
	return s.String()
}

var samples = []formattest.Sample{
	{Name: "long.csv", Data: "meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality\n7,2026-01-15T08:00:00+08:00,0.5,0.1,230,\nA,2026-01-15T00:15:00Z,0.6,,,E\n\"A\",2026-01-15 00:30,,,,N\n7,2026-01-15T00:15:00.000Z,1,,,edited\n",
		Want: `
		7 01-15T00:00 15 0.5 0.1 230 A
		A 01-15T00:15 15 0.6 - - E
		7 01-15T00:15 15 1 - - M
		`},
	// A German export: semicolons, decimal commas, points between thousands, the hint of a
	// spreadsheet, OBIS codes, a unit a row; a register beside intervals counts once.
	{Name: "obis.csv", Late: true, Data: "sep=;\nMeter;Time;OBIS;Value;Unit\n7;15.01.2026 00:00;1-0:1.29.0;1.500,5;Wh\n7;15.01.2026 00:15;1-0:1.29.0;500,5;Wh\n7;15.01.2026 00:00;1-0:2.29.0;0,5;kWh\n7;15.01.2026 00:15;1-0:2.29.0;0;kWh\n" +
		"7;15.01.2026 00:00;1-0:32.7.0;231,5;V\n7;15.01.2026 00:15;1-0:32.7.0;232,5;V\n7;15.01.2026 00:00;1-0:1.8.0*255;1000;kWh\n7;15.01.2026 00:15;1-0:1.8.0*255;1001,5;kWh\n7;15.01.2026 00:00;1-0:1.7.0;99;kW\n",
		Want: `
		7 01-15T00:00 15 1.0005 - 231.5 A
		7 01-15T00:15 15 0.5005 - 232.5 A
		! obis.csv:11 [OBIS]
		`},
	// Registers of two tariffs, and one of what was fed in.
	{Name: "registers.csv", Opt: formats.Options{Mapping: &formats.Mapping{Channel: "register"}},
		Data: "meter,time,register,value\n7,202601150000,1.8.1,99990\n7,202601150000,1.8.2,10\n7,202601150000,2.8.0,0\n7,202601150015,1.8.1,4\n7,202601150015,1.8.2,12\n7,202601150015,2.8.0,1\n",
		Want: "7 01-15T00:00 15 15 - - A\n"},
	{Name: "wide.csv", Data: "MPAN,Date" + hours(24) + "\n7,2026-01-15,0.5,1" + strings.Repeat(",", 22) + "\nA,2026/1/15,NULL,2" + strings.Repeat(",-", 22) + "\n",
		Want: `
		7 01-15T00:00 60 0.5 - - A
		7 01-15T01:00 60 1 - - A
		A 01-15T01:00 60 2 - - A
		`},
	// What a spreadsheet leaves of identifiers, numbers and times.
	{Name: "excel.csv", Opt: formats.Options{IDDigits: 12, StripPrefix: "B", Interval: 900e9},
		Data: "meter_id,start,energy_kwh\n=\"000000000012\",1/15/2026 0:00,\"1,234.5\"\n12,1/15/2026 12:15:00 AM,1\n'12,1/15/2026 12:30 PM,2\nB12,46037.53125,3\n12.0,15-Jan-26 13:00,4\n1.23456789012E+11,1/15/2026 0:00,5\n1.23E+11,1/15/2026 0:00,6\n12,30/30/2026 0:00,7\n",
		Want: `
		000000000012 01-15T00:00 15 1234.5 - - A
		000000000012 01-15T00:15 15 1 - - A
		000000000012 01-15T12:30 15 2 - - A
		000000000012 01-15T12:45 15 3 - - A
		000000000012 01-15T13:00 15 4 - - A
		123456789012 01-15T00:00 15 5 - - A
		! excel.csv:8 [meter_id]
		! excel.csv:9 [start]
		`},
	// Chinese names and words; the end of the interval; a version that comes first and stays.
	{Name: "chinese.csv", Opt: formats.Options{Stamp: formats.StampEnd, Mapping: &formats.Mapping{Version: "版本", Quality: "状态", Qualities: map[string]string{"实测": "actual", "估算": "estimated", "缺失": "missing"}}},
		Data: "电表编号,时间,电量,状态,版本\n表一,2026-01-15 00:15,2,估算,2\n表一,2026-01-15 00:15,1,实测,1\n表一,2026-01-15 00:30,3,实测,1\n表一,2026-01-15 00:45,,缺失,1\n",
		Want: `
		表一 01-15T00:00 15 2 - - E
		表一 01-15T00:15 15 3 - - A
		`},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "csv", samples...) }

func FuzzCSV(f *testing.F) { formattest.Fuzz(f, "csv", samples...) }

// Dates such as 3/4/2026 say which is the month if another line of the file does.
func TestOrderOfDayAndMonth(t *testing.T) {
	for _, x := range []struct{ first, second, want string }{
		{"25/01/2026 00:00", "03/02/2026 00:00", "1 01-25T00:00 60 1 - - A\n1 02-03T00:00 60 1 - - A\n"},
		{"01-25-26 00:00", "02-03-26 00:00", "1 01-25T00:00 60 1 - - A\n1 02-03T00:00 60 1 - - A\n"},
		{"25.1.2026 23:00:00", "3.2.2026 0:00:00", "1 01-25T23:00 60 1 - - A\n1 02-03T00:00 60 1 - - A\n"},
		{"Jan 25, 2026 11:00 PM", "03 February 2026 1:00 pm", "1 01-25T23:00 60 1 - - A\n1 02-03T13:00 60 1 - - A\n"},
		{"2/3/2026 0:00", "3/3/2026 0:00", "1 03-03T00:00 60 1 - - A\n! f.csv:2 [time]\n"}, // which is which?
		{"25/13/2026 0:00", "3/2/2026 13:00 PM", "! f.csv:2 [time]\n! f.csv:3 [time]\n"},
		{"31/02/2026 0:00", "12345 0:00", "! f.csv:2 [time]\n! f.csv:3 [time]\n"},
	} {
		file := "meter,time,kwh\n1,\"" + x.first + "\",1\n1,\"" + x.second + "\",1\n"
		formattest.Check(t, formattest.Read(t, "f.csv", []byte(file), formats.Options{Interval: 3600e9}), x.want)
	}
}

// Columns of a register are the clock's too. On 2026-03-29 clocks in Berlin go from 02:00
// to 03:00, on 2026-10-25 from 03:00 back to 02:00: between 02:00 and 03:00 lie two hours.
func TestWideRegisterAcrossChanges(t *testing.T) {
	row := func(date string, skip int, step float64) string {
		return "A,1.8.0," + date + formattest.Points(24, func(i int) float64 {
			if i == skip {
				return math.NaN()
			}
			return 100 + step*float64(i)
		}) + "\n"
	}
	head := "meter,obis,date" + hours(24) + "\n"
	opt := formats.Options{Zone: mustZone("Europe/Berlin")}
	for _, x := range []struct {
		file, third, last string
		n, gaps           int
	}{
		{row("2026-03-29", 2, 1), "A 03-29T01:00 60 1 - - A\n", "A 03-29T20:00 60 1 - - A\n", 22, 0},
		{row("2026-10-25", -1, 1), "A 10-25T02:00 60 1 - - A\n", "A 10-25T21:00 60 1 - - A\n", 22, 1},
	} {
		r := formattest.Read(t, "w.csv", []byte(head+x.file), opt)
		if len(r.Readings) != x.n || len(r.Rejected) != 0 || r.Info.Tally.Gaps != int64(x.gaps) {
			t.Fatalf("%+v: %s", *r.Info.Tally, r)
		}
		i := 2
		for _, want := range []string{x.third, x.last} {
			one := r
			one.Readings = r.Readings[i : i+1]
			formattest.Check(t, one, want)
			i = x.n - 1
		}
	}
	// The next midnight is another instant than 23:00.
	r := formattest.Read(t, "w.csv", []byte(head+row("2026-03-29", 2, 1)+"A,1.8.0,2026-03-30"+formattest.Points(24, func(i int) float64 { return 124 + float64(i) })+"\n"), opt)
	if kWh := r.KWh(); len(r.Readings) != 22+24 || len(r.Rejected) != 0 || kWh != 47 {
		t.Errorf("%v kWh: %s", kWh, r)
	}
	r = formattest.Read(t, "w.csv", []byte(head+row("2026-03-29", -1, 1)), opt)
	if len(r.Rejected) != 1 || r.Rejected[0].Field != "02:00" {
		t.Errorf("an hour that the clock skipped: %s", r)
	}
	opt.Mapping = &formats.Mapping{Elapsed: true}
	r = formattest.Read(t, "w.csv", []byte(head+row("2026-03-29", -1, 1)), opt)
	if len(r.Readings) != 23 || len(r.Rejected) != 0 {
		t.Errorf("elapsed: %s", r)
	}
}

// A wide table may hold readings of a register, and the date may be a spreadsheet's.
func TestWideRegister(t *testing.T) {
	row := func(date, word string, from float64) string {
		return "7," + word + "," + date + formattest.Points(24, func(i int) float64 { return from + float64(i)/2 }) + "\n"
	}
	file := "meter,channel,date" + hours(24) + "\n" + row("1/14/2026", "1.8.0", 100) + row("1/15/2026", "1.8.0", 112) + row("1/15/2026", "2.8.0", 5)
	r := formattest.Read(t, "w.csv", []byte(file), formats.Options{Multiplier: 10})
	if len(r.Readings) != 24+23 || len(r.Rejected) != 0 || r.KWh() != 24*5 { // the second day's cancel out
		t.Fatalf("%s", r)
	}
	formattest.Check(t, r.First(1), "7 01-14T00:00 60 5 - - A\n")
}
