package csvmap_test

import (
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

func TestCSV(t *testing.T) {
	for _, x := range []struct {
		name, file string
		opt        formats.Options
		want       string
	}{
		{"the documented columns", "meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality\nA,2026-01-15T08:00:00+08:00,0.5,0.1,230,\nA,2026-01-15T00:15:00Z,0.6,,,E\nA,2026-01-15T00:30:00Z,,,,\nA,2026-01-15T00:45:00Z,1,,,N\n",
			formats.Options{}, `
		A 01-15T00:00 15 0.5 0.1 230 A
		A 01-15T00:15 15 0.6 - - E
		`},
		{"prefixed and shortened identifiers", "meter,time,kwh\nB0012,2026-01-15 08:00,1\nB0012,2026-01-15 08:30,2\n12,2026-01-15 09:00,3\n",
			formats.Options{StripPrefix: "B", IDDigits: 4}, `
		0012 01-15T08:00 30 1 - - A
		0012 01-15T08:30 30 2 - - A
		0012 01-15T09:00 30 3 - - A
		`},
		{"ends of intervals, mean power in W", "id,interval_end,power_w\n1,202601150815,1000\n1,202601150830,2000\n1,202601152400,4000\n",
			formats.Options{}, `
		1 01-15T08:00 15 0.25 - - A
		1 01-15T08:15 15 0.5 - - A
		1 01-15T23:45 15 1 - - A
		`},
		{"times of an end", "meter_id,End Time,energy_kwh\n1,2026-01-15 00:15,1\n1,2026-01-15 00:30,2\n", formats.Options{}, `
		1 01-15T00:00 15 1 - - A
		1 01-15T00:15 15 2 - - A
		`},
		{"times of an end, beside those of a start", "meter_id,end_time,start_time,energy_kwh\n1,2026-01-15 00:15,2026-01-15 00:00,1\n1,2026-01-15 00:30,2026-01-15 00:15,2\n", formats.Options{}, `
		1 01-15T00:00 15 1 - - A
		1 01-15T00:15 15 2 - - A
		`},
		{"a register that goes over, is swapped, and is read late", "meter_id,start,register_kwh\n1,2026-01-15T00:00Z,99990\n1,2026-01-15T00:30Z,99999\n1,2026-01-15T01:00Z,4\n1,2026-01-15T01:30Z,2\n1,2026-01-15T02:00Z,3\n1,2026-01-15T03:00Z,5\n1,2026-01-15T02:30Z,4\n",
			formats.Options{}, `
		1 01-15T00:00 30 9 - - A
		1 01-15T00:30 30 5 - - A
		1 01-15T01:30 30 1 - - A
		! f.csv:5 [register]
		! f.csv:8 [register]
		`},
		{"a register that goes over from its last tenth of a kWh", "meter,time,register_kwh\n1,2026-01-15 00:00,99998.9\n1,2026-01-15 00:15,99999.5\n1,2026-01-15 00:30,0.2\n1,2026-01-15 00:45,0.9\n2,2026-01-15 00:00,999\n2,2026-01-15 00:15,1000\n2,2026-01-15 00:30,1\n",
			formats.Options{}, `
		1 01-15T00:00 15 0.6 - - A
		1 01-15T00:15 15 0.7 - - A
		1 01-15T00:30 15 0.7 - - A
		2 01-15T00:00 15 1 - - A
		! f.csv:8 [register]
		`},
		{"instants of a register beside ends of intervals", "meter,interval end,obis,value\n1,2026-01-15 00:15,1.29.0,2\n1,2026-01-15 00:30,1.29.0,3\n2,2026-01-15 00:00,1.8.0,100\n2,2026-01-15 00:15,1.8.0,101\n2,2026-01-15 00:30,1.8.0,103\n",
			formats.Options{OnRegister: atTheQuarter(t)}, `
		1 01-15T00:00 15 2 - - A
		1 01-15T00:15 15 3 - - A
		2 01-15T00:00 15 1 - - A
		2 01-15T00:15 15 2 - - A
		`},
		{"channels, versions and export", "meter_id,start,channel,value,version\n1,2026-01-15T00:00Z,E1,5,1\n1,2026-01-15T00:30Z,E1,6,2\n1,2026-01-15T00:00Z,B1,1,1\n1,2026-01-15T00:30Z,B1,2,1\n1,2026-01-15T00:30Z,E1,7,1\n1,2026-01-15T00:00Z,E1,4,3\n1,2026-01-15T00:00Z,V,231,1\n1,2026-01-15T00:30Z,zz,1,1\n1,2026-01-15T01:00Z,B1,1,1\n",
			formats.Options{Mapping: &formats.Mapping{Channels: map[string]string{"V": "voltage"}}}, `
		1 01-15T00:00 30 3 - 231 A
		1 01-15T00:30 30 4 - - A
		! f.csv:9 [channel]
		! f.csv:2 [energy_kwh]
		`},
		{"export in a column", "meter_id,start,energy_kwh,export_kwh\n1,2026-01-15T00:00Z,5,2\n1,2026-01-15T01:00Z,0,2\n", formats.Options{}, `
		1 01-15T00:00 60 3 - - A
		1 01-15T01:00 60 -2 - - A
		`},
		{"export in another unit, which its name says", "meter_id,start,import_kwh,export_wh\n1,2026-01-15T00:00Z,1,500\n1,2026-01-15T00:30Z,1,0\n", formats.Options{}, `
		1 01-15T00:00 30 0.5 - - A
		1 01-15T00:30 30 1 - - A
		`},
		{"export as energy, import as power in a unit that is said", "meter_id,start,power_kw,export_kwh\n1,2026-01-15T00:00Z,4000,1\n1,2026-01-15T00:30Z,2000,0\n", formats.Options{Unit: "W"}, `
		1 01-15T00:00 30 1 - - A
		1 01-15T00:30 30 1 - - A
		`},
		{"one unit for both, which is not the one of their names", "meter_id,start,import_kwh,export_kwh,version\n1,2026-01-15T00:00Z,4000,1000,1\n1,2026-01-15T00:30Z,2000,0,1\n", formats.Options{Unit: "Wh"}, `
		1 01-15T00:00 30 3 - - A
		1 01-15T00:30 30 2 - - A
		`},
		{"export without a value is none, export alone is half a reading", "meter_id,start,import_kwh,export_kwh\n1,2026-01-15T00:00Z,1,\n1,2026-01-15T00:30Z,1,0.5\n1,2026-01-15T01:00Z,,0.5\n1,2026-01-15T01:30Z,,0\n1,2026-01-15T02:00Z,,\n", formats.Options{}, `
		1 01-15T00:00 30 1 - - A
		1 01-15T00:30 30 0.5 - - A
		! f.csv:4 [import_kwh]
		`},
		{"no header", "1;2026-01-15T00:00Z;5\n1;2026-01-15T01:00Z;6\n", formats.Options{Format: "csv", Mapping: &formats.Mapping{NoHeader: true, Meter: "#1", Time: "#2", Energy: "#3", Unit: "Wh"}}, `
		1 01-15T00:00 60 0.005 - - A
		1 01-15T01:00 60 0.006 - - A
		`},
		{"rejects", "meter_id,start,energy_kwh\n1,2026-01-15T00:00Z,5\n1,2026-01-15T01:00Z,5\n1,15th of January 02:00,5\n1,2026-01-15T03:00Z,x\n1,2026-01-15T04:00Z\n1,2026-01-15T05:00Z,1e300\n1,1970-01-01T00:00Z,5\n\"1,2026-01-15T06:00Z,5\n,2026-01-15T06:00Z,5\n", formats.Options{}, `
		1 01-15T00:00 60 5 - - A
		1 01-15T01:00 60 5 - - A
		! f.csv:4 [start]
		! f.csv:5 [energy_kwh]
		! f.csv:6 []
		! f.csv:7 [energy_kwh]
		! f.csv:8 [start]
		! f.csv:9 []
		! f.csv:10 [meter_id]
		`},
		{"stamps that break off, and letters that are longer as capitals", "meter_id,start,energy_kwh\n1,2026-01-15T,1\n1,2026-01-15T00:30,2\n1,25/1/2026 AMȿȿȿȿ,4\n1,25/1/2026 ȿȿȿȿpm,5\n1,25/1/2026 am 1:00 pm,6\n1,25/1/2026 1:00 pm,7\n1,25/1/2026 下午1:30,8\n", formats.Options{Interval: 1800e9}, `
		1 01-15T00:30 30 2 - - A
		1 01-25T13:00 30 7 - - A
		1 01-25T13:30 30 8 - - A
		! f.csv:2 [start]
		! f.csv:4 [start]
		! f.csv:5 [start]
		! f.csv:6 [start]
		`},
		{"a header that says nothing", "a,b,c\n1,2,3\n", formats.Options{Format: "csv"}, "! f.csv:1 [header]\n"},
		{"a lost column", "meter_id,start,energy_kwh\n", formats.Options{Mapping: &formats.Mapping{Energy: "kw"}}, "! f.csv:1 [header]\n"},
	} {
		t.Run(x.name, func(t *testing.T) { formattest.Check(t, formattest.Read(t, "f.csv", []byte(x.file), x.opt), x.want) })
	}
}

// atTheQuarter wants registers of 100, 101 and 103 kWh at midnight and the quarters after.
func atTheQuarter(t *testing.T) func(formats.RegisterReading) {
	want := map[flatwatt.KWh]string{100: "00:00", 101: "00:15", 103: "00:30"}
	return func(r formats.RegisterReading) {
		if got := r.At.Format("15:04"); got != want[r.Total] {
			t.Errorf("the register showed %v at %s, want %s", r.Total, got, want[r.Total])
		}
	}
}

// On 2026-03-29 clocks in London go from 01:00 to 02:00, on 2026-10-25 from 02:00 back
// to 01:00: these days have 23 and 25 hours.
func TestCSVLocalTimeAcrossChanges(t *testing.T) {
	opt := formats.Options{Zone: mustZone("Europe/London")}
	r := formattest.Read(t, "f.csv", []byte("meter_id,start,energy_kwh\n"+
		"1,2026-03-29 00:30,1\n1,2026-03-29 01:00,1\n1,2026-03-29 02:00,1\n"+
		"1,2026-10-25 00:30,2\n1,2026-10-25 01:00,3\n1,2026-10-25 01:30,4\n1,2026-10-25 01:00,5\n1,2026-10-25 01:30,6\n1,2026-10-25 02:00,7\n"), opt)
	formattest.Check(t, r, `
	1 03-29T00:30 30 1 - - A
	1 03-29T01:00 30 1 - - A
	1 10-24T23:30 30 2 - - A
	1 10-25T00:00 30 3 - - A
	1 10-25T00:30 30 4 - - A
	1 10-25T01:00 30 5 - - A
	1 10-25T01:30 30 6 - - A
	1 10-25T02:00 30 7 - - A
	! f.csv:3 [start]
	`)
}

func TestWideCSVOnDaysOf23And25Hours(t *testing.T) {
	hours := func(n int) string { return formattest.Points(n, func(i int) float64 { return float64(i) }) }
	head := "meter_id,date" + formattest.Columns("h", 25) + "\n"
	for _, x := range []struct {
		name, file string
		elapsed    bool
		n          int
		kWh        float64
		last       string
		rejects    int
	}{
		{"clock, 23 hours", "meter_id,date" + formattest.Columns("h", 24) + "\n1,2026-03-29,0,," + strings.TrimPrefix(hours(24), ",0,1,") + "\n", false, 23, 275, "1 03-29T22:00 60 23 - - A\n", 0},
		{"clock, a value for the lost hour", "meter_id,date" + formattest.Columns("h", 24) + "\n1,2026-03-29" + hours(24) + "\n", false, 23, 275, "1 03-29T22:00 60 23 - - A\n", 1},
		{"clock, 25 hours", "meter_id,date" + formattest.Columns("h", 24) + "\n1,2026-10-25" + hours(24) + "\n", false, 24, 276, "1 10-25T23:00 60 23 - - A\n", 0},
		{"elapsed, 23 hours", head + "1,2026-03-29" + hours(23) + ",,\n", true, 23, 253, "1 03-29T22:00 60 22 - - A\n", 0},
		{"elapsed, 25 hours", head + "1,2026-10-25" + hours(25) + "\n", true, 25, 300, "1 10-25T23:00 60 24 - - A\n", 0},
		{"elapsed, an hour too many", head + "1,2026-10-26" + hours(25) + "\n", true, 0, 0, "", 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := formattest.Read(t, "w.csv", []byte(x.file), formats.Options{Zone: mustZone("Europe/London"), Mapping: &formats.Mapping{Elapsed: x.elapsed}})
			if kWh := r.KWh(); len(r.Readings) != x.n || kWh != x.kWh || len(r.Rejected) != x.rejects {
				t.Fatalf("%d readings, %v kWh, %d rejects\n%s", len(r.Readings), kWh, len(r.Rejected), r)
			}
			if x.n > 0 {
				r.Readings, r.Rejected = r.Readings[x.n-1:], nil
				formattest.Check(t, r, x.last)
			}
		})
	}
}

func TestWideCSVByTheNamesOfItsColumns(t *testing.T) {
	clock := func(first int) string {
		var s strings.Builder
		for i := range 48 {
			m := (first + 30*i) % 1440
			s.WriteString(",")
			s.WriteString(string([]byte{byte('0' + m/600), byte('0' + m/60%10), ':', byte('0' + m%60/10), byte('0' + m%10)}))
		}
		return s.String()
	}
	points := formattest.Points(48, formattest.Constant(0.5))
	for first, want := range map[int]string{0: "A 01-15T00:00 30 0.5 - - A\n", 30: "A 01-15T00:00 30 0.5 - - A\n"} {
		r := formattest.Read(t, "w.csv", []byte("MPAN,Date"+clock(first)+"\nA,2026/1/15"+points+"\n"), formats.Options{})
		if len(r.Readings) != 48 {
			t.Errorf("first column at minute %d: %s", first, r)
		}
		formattest.Check(t, r.First(1), want)
	}
	r := formattest.Read(t, "w.csv", []byte("MPAN,Date"+clock(0)+"\nA,2026/1/15"+points+"\n"), formats.Options{Stamp: formats.StampEnd})
	formattest.Check(t, r.First(1), "A 01-14T23:30 30 0.5 - - A\n")
	// The later of two rows for one day stays.
	r = formattest.Read(t, "w.csv", []byte("MPAN,Date"+clock(0)+"\nA,2026-01-15"+points+"\nA,2026-01-15"+formattest.Points(48, formattest.Constant(2))+"\n"), formats.Options{})
	if kWh := r.KWh(); kWh != 96 || r.Info.Tally.Corrections != 48 {
		t.Errorf("%v kWh, %+v", kWh, *r.Info.Tally)
	}
}

func TestCSVIntervalIsTheRegistersOrTheFiles(t *testing.T) {
	byTime := "meter_id,start,energy_kwh\nA,2026-01-15T00:00Z,1\nB,2026-01-15T00:00Z,1\nA,2026-01-15T00:05Z,1\nB,2026-01-15T00:05Z,1\n"
	r := formattest.Read(t, "f.csv", []byte(byTime), formats.Options{})
	formattest.Check(t, r.First(1), "A 01-15T00:00 5 1 - - A\n")
	r = formattest.Read(t, "f.csv", []byte(byTime), formats.Options{Interval: 15 * time.Minute})
	formattest.Check(t, r.First(1), "A 01-15T00:00 15 1 - - A\n")
	r = formattest.Read(t, "f.csv", []byte(byTime[:strings.Index(byTime, "B")]), formats.Options{})
	formattest.Check(t, r, "! f.csv:2 [length]\n") // one reading says nothing of its length
}

func TestMappingsThatCannotWorkAreErrors(t *testing.T) {
	for _, m := range []formats.Mapping{
		{Layout: "tall"}, {Separator: ";;"}, {Unit: "BTU"}, {Channels: map[string]string{"E": "up"}}, {Qualities: map[string]string{"x": "so-so"}},
	} {
		if _, _, err := formats.Open("f.csv", strings.NewReader("meter_id,start,energy_kwh\n"), formats.Options{Format: "csv", Mapping: &m}); err == nil {
			t.Errorf("%+v was taken", m)
		}
	}
}

func mustZone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}
