package sgcc_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

func TestPowerCurveJoinsTypesAndAppliesRatios(t *testing.T) {
	file := head + formattest.Columns("P", 96) + "\n" +
		"801,2026-01-15,1,1,0" + strings.Repeat("1", 95) + formattest.Points(96, func(i int) float64 { return float64(i) }) + "\n" +
		"801,2026-01-15,5,1," + formattest.Points(96, formattest.Constant(4)) + "\n" +
		"802,2026-01-15,2,1," + formattest.Points(96, formattest.Constant(1)) + "\n" + // phases without a total
		"802,2026-01-15,3,1," + formattest.Points(96, formattest.Constant(2)) + "\n" +
		"802,2026-01-15,4,1," + formattest.Points(96, formattest.Constant(3)) + "\n"
	register := map[flatwatt.MeterID]flatwatt.Meter{
		"801": {ID: "801", Extra: map[string]string{"ct": "20", "pt": "2"}}, "802": {ID: "802"},
	}
	r := formattest.Read(t, "e_mp_power_curve.csv", []byte(file), formats.Options{Register: register})
	if r.Info.Format.Name != "sgcc" || len(r.Readings) != 95+96 || r.Info.Tally.Missing != 1 {
		t.Fatalf("%s: %d readings, %+v", r.Info.Format.Name, len(r.Readings), *r.Info.Tally)
	}
	// P2 is 00:15 in China, 1 kW × 15 min × 40; reactive 4 kVAr likewise.
	formattest.Check(t, r.First(2), `
	801 01-14T16:15 15 10 40 - A
	801 01-14T16:30 15 20 40 - A
	`)
	r.Readings = r.Readings[95:]
	formattest.Check(t, r.First(1), "802 01-14T16:00 15 1.5 - - A\n")
}

func TestPowerCurveOffsetOfP1AndPoints(t *testing.T) {
	for _, x := range []struct {
		flag  string
		count int
		opt   formats.Options
		want  string
	}{
		{"1", 96, formats.Options{FirstPoint: -15 * time.Minute}, "7 01-14T15:45 15 0.5 - - A\n"},
		{"1", 96, formats.Options{FirstPoint: 15 * time.Minute}, "7 01-14T16:15 15 0.5 - - A\n"},
		{"1", 96, formats.Options{Stamp: formats.StampEnd}, "7 01-14T15:45 15 0.5 - - A\n"},
		{"2", 48, formats.Options{}, "7 01-14T16:00 30 1 - - A\n"},
		{"3", 24, formats.Options{}, "7 01-14T16:00 60 2 - - A\n"},
		{"3", 24, formats.Options{Unit: "W"}, "7 01-14T16:00 60 0.002 - - A\n"},
	} {
		file := head + formattest.Columns("P", 96) + "\n7,20260115,1," + x.flag + "," + formattest.Points(x.count, formattest.Constant(2)) + strings.Repeat(",", 96-x.count) + "\n"
		r := formattest.Read(t, "p.csv", []byte(file), x.opt)
		if len(r.Readings) != x.count {
			t.Errorf("flag %s: %d readings", x.flag, len(r.Readings))
		}
		formattest.Check(t, r.First(1), x.want)
	}
	// 24 points may stand in P1, P5, P9 …
	spread := head + formattest.Columns("P", 96) + "\n7,2026-01-15,1,3," + formattest.Points(96, func(i int) float64 {
		if i%4 > 0 {
			return math.NaN()
		}
		return float64(i / 4)
	}) + "\n"
	r := formattest.Read(t, "p.csv", []byte(spread), formats.Options{})
	if kWh := r.KWh(); len(r.Readings) != 24 || kWh != 276 {
		t.Errorf("%d readings, %v kWh, want 24 and 276: %s", len(r.Readings), kWh, r)
	}
}

func TestReadCurveDifferences(t *testing.T) {
	nan := math.NaN()
	points := []float64{999990, 999995, 1, nan, 9, 10, 3, 5} // goes over, misses one, is swapped
	file := head + formattest.Columns("R", 24) + "\n" +
		"7,2026-01-15,1,3," + formattest.Points(24, func(i int) float64 {
		if i < len(points) {
			return points[i]
		}
		return 5
	}) + "\n7,2026-01-16,1,3," + formattest.Points(24, formattest.Constant(6)) + "\n"
	r := formattest.Read(t, "e_mp_read_curve.csv", []byte(file), formats.Options{Multiplier: 10})
	formattest.Check(t, r.First(5), `
	7 01-14T16:00 60 50 - - A
	7 01-14T17:00 60 60 - - A
	7 01-14T20:00 60 10 - - A
	7 01-14T22:00 60 20 - - A
	7 01-14T23:00 60 0 - - A
	`)
	if len(r.Rejected) != 1 || r.Rejected[0].Field != "R7" {
		t.Errorf("the swap: %v", r.Rejected)
	}
	// The step over midnight, from the last point of a day to the first of the next.
	n := 0
	for _, x := range r.Readings {
		if x.Energy == 10 && x.Start.Equal(time.Date(2026, 1, 15, 15, 0, 0, 0, time.UTC)) {
			n++
		}
	}
	if tally := r.Info.Tally; n != 1 || tally.Rollovers != 1 || tally.Resets != 1 || tally.Gaps != 1 {
		t.Errorf("midnight %d times; %+v", n, *tally)
	}
}

func TestCurveRejects(t *testing.T) {
	good := formattest.Points(96, formattest.Constant(1))
	file := head + formattest.Columns("P", 96) + "\n" +
		",2026-01-15,1,1," + good + "\n" +
		"7,2026-02-30,1,1," + good + "\n" +
		"7,2026-01-15,x,1," + good + "\n" +
		"7,2026-01-15,1,9," + good + "\n" +
		"7,2026-01-15,1,3," + good + "\n" + // 96 values where 24 are announced
		"7,2026-01-15,1,1,,abc" + formattest.Points(95, formattest.Constant(1)) + "\n" +
		"7,2026-01-15\n" +
		"1.23E+11,2026-01-15,1,1," + good + "\n"
	r := formattest.Read(t, "p.csv", []byte(file), formats.Options{})
	formattest.Check(t, r, `
	! p.csv:2 [ID]
	! p.csv:3 [DATA_DATE]
	! p.csv:4 [DATA_TYPE]
	! p.csv:5 [DATA_POINT_FLAG]
	! p.csv:6 [DATA_POINT_FLAG]
	! p.csv:7 [P1]
	! p.csv:8 []
	! p.csv:9 [ID]
	`)
}

func TestCurveQueueTwin(t *testing.T) {
	one := `{"id":"1","mpId":800000000000000017,"meter":"M1","org":"110","date":"20260115","density":"3","type":"1","start":"1","points":24,"data":"%s","whole":""}` + "\n"
	two := `{"id":"1","mpId":"17","date":"2026-01-15","density":3,"type":1,"start":3,"data":[5,null,7]}`
	list := strings.TrimPrefix(formattest.Points(24, formattest.Constant(2)), ",")
	r := formattest.Read(t, "q.json", []byte(fmt.Sprintf(one, list)+two+"\n{\"data\":7}\n"), formats.Options{})
	if r.Info.Format.Name != "sgcc" {
		t.Fatal(r.Info.Format.Name)
	}
	r.Readings = append(r.Readings[:1:1], r.Readings[24:]...)
	formattest.Check(t, r, `
	800000000000000017 01-14T16:00 60 2 - - A
	17 01-14T18:00 60 5 - - A
	17 01-14T20:00 60 7 - - A
	! q.json:3 [data]
	`)
	r = formattest.Read(t, "q.json", []byte("[\n"+two+",\n"+two+"]"), formats.Options{})
	if len(r.Readings) != 2 || r.Info.Tally.Duplicates != 2 || r.Info.Tally.Rejected != 0 {
		t.Errorf("array: %s %+v", r, *r.Info.Tally)
	}
	r = formattest.Read(t, "q.json", []byte(two+"\n"+two[:30]), formats.Options{})
	if len(r.Readings) != 2 || len(r.Rejected) != 1 || r.Rejected[0].Where != "q.json:2" {
		t.Errorf("cut off: %s", r)
	}
}

func TestCurveInGB18030(t *testing.T) {
	text := strings.Replace(head, "ID,", "用户名称,ID,", 1) + formattest.Columns("P", 24) + "\n鄂尔多斯矿业,7,2026-01-15,1,3," + formattest.Points(24, formattest.Constant(2)) + "\n"
	b, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := formattest.Read(t, "p.csv", b, formats.Options{})
	if r.Info.Encoding != "gb18030" || len(r.Readings) != 24 {
		t.Errorf("%s: %s", r.Info.Encoding, r)
	}
	// The identifier itself may be Chinese.
	r = formattest.Read(t, "p.csv", b, formats.Options{Mapping: &formats.Mapping{Meter: "用户名称"}, Format: "sgcc"})
	formattest.Check(t, r.First(1), "鄂尔多斯矿业 01-14T16:00 60 2 - - A\n")
}

// A delivery is a zip of tables: voltages join the power of the same meter and day, the
// register stays behind it, and places name the table.
func TestTablesOfOneZipAreJoined(t *testing.T) {
	table := func(prefix string, rows ...string) string {
		return head + formattest.Columns(prefix, 24) + "\n" + strings.Join(rows, "\n") + "\n"
	}
	r := formattest.Read(t, "d.zip", delivery(t, map[string]string{
		"e_mp_cur_curve.csv":   table("I", "7,2026-01-15,1,3,"+points("5", "5")),
		"e_mp_power_curve.csv": table("P", "7,2026-01-15,1,3,"+points("2", "3"), "8,2026-01-15,2,3,"+points("1", "1"), "8,2026-01-15,3,3,"+points("1")),
		"e_mp_read_curve.csv":  table("R", "7,2026-01-15,1,3,"+points("10", "12", "15"), "9,2026-01-15,1,3,"+points("10", "12", "15")),
		"e_mp_vol_curve.csv":   table("U", "7,2026-01-15,1,3,"+points("230", "231"), "7,2026-01-15,2,3,"+points("232", "233"), "x"),
		"liesmich.txt":         "nothing\n",
	}), formats.Options{})
	formattest.Check(t, r, `
	7 01-14T16:00 60 2 - 231 A
	7 01-14T17:00 60 3 - 232 A
	8 01-14T16:00 60 2 - - A
	9 01-14T16:00 60 2 - - A
	9 01-14T17:00 60 3 - - A
	! d.zip/e_mp_vol_curve.csv:4 []
	! d.zip/e_mp_power_curve.csv:3 [energy_kwh]
	! d.zip/liesmich.txt []
	`)
}

// A power curve has its sign: beside it the registers of both directions are the same
// energy once more, and their last difference of a day needs the next delivery.
func TestRegistersOfExportBesideThePowerCurve(t *testing.T) {
	rising := func(step float64) string {
		return formattest.Points(96, func(i int) float64 { return 1000 + step*float64(i) })
	}
	table := func(prefix string, rows ...string) string {
		return head + formattest.Columns(prefix, 96) + "\n" + strings.Join(rows, "\n") + "\n"
	}
	for _, kW := range []float64{4, -4} {
		r := formattest.Read(t, "d.zip", delivery(t, map[string]string{
			"e_mp_power_curve.csv": table("P", "7,2026-01-15,1,1,"+formattest.Points(96, formattest.Constant(kW))),
			"e_mp_read_curve.csv":  table("R", "7,2026-01-15,1,1,"+rising(max(0, kW/4)), "7,2026-01-15,5,1,"+rising(max(0, -kW/4))),
		}), formats.Options{})
		left := r.Info.Tally.Skipped["registers of export beside intervals of import"]
		if kWh := r.KWh(); len(r.Readings) != 96 || len(r.Rejected) != 0 || kWh != kW*24 || left != 95 {
			t.Errorf("%v kW: %d readings of %v kWh, %v, %d left out", kW, len(r.Readings), kWh, r.Rejected, left)
		}
	}
}

func delivery(t *testing.T, tables map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range tables {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
