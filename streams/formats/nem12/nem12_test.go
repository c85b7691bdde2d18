package nem12_test

import (
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

// same is v n times, each after a comma.
func same(v string, n int) string { return strings.Repeat(","+v, n) }

const head = "100,NEM12,202601010000,MDP,RET\n"

// hourly is a channel of hours, of which the first two have values of their own.
func hourly(nmi, suffix, unit, first, second, quality string) string {
	return "200," + nmi + ",E1B1Q1,1," + suffix + ",N1,M1," + unit + ",60,20260201\n300,20260115," + first + "," + second + same("", 22) + "," + quality + ",,,20260116000000,20260117000000\n"
}

// Empty values are none where the quality says so: two hours of V, then N.
const twoHours = "400,1,2,A,,\n400,3,24,N,,\n"

var samples = []formattest.Sample{
	{Name: "channels.csv", Late: true, Data: head +
		hourly("7", "E1", "kWh", "5", "6", "V") + "400,1,1,A,,\n400,2,2,S14,32,Missing\n400,3,24,N,,\n500,O,S1,20260115000000,\n" +
		hourly("7", "B1", "Wh", "1000", "0", "V") + twoHours + hourly("7", "Q1", "kVArh", "2", "3", "V") + twoHours + hourly("7", "K1", "kVArh", "1", "1", "V") + twoHours +
		hourly("7", "F1", "kWh", "99", "99", "V") + twoHours + hourly("7", "V1", "V", "230", "231", "V") + twoHours + hourly("7", "T1", "pf", "1", "1", "V") + twoHours +
		hourly("8", "E1", "MWh", "0.001", "0.002", "V") + twoHours + hourly("8", "E2", "kWh", "1", "1", "V") + twoHours + "900\n",
		Want: `
		7 01-14T14:00 60 4 1 230 A
		7 01-14T15:00 60 6 2 231 E
		8 01-14T14:00 60 2 - - A
		8 01-14T15:00 60 3 - - A
		`},
	// Two files in one; a later version of a day, and an earlier one after it.
	{Name: "versions.csv", Data: head + "200,7,E1,,E1,N1,M1,kwh,60,\n300,20260115" + same("1", 24) + ",A,,,20260116000000,20260116000000\n300,20260115" + same("2", 24) + ",F16,,,20260118000000,20260118000000\n900\n" +
		head + "200,7,E1,,E1,N1,M1,KWH,60,\n300,20260115" + same("3", 24) + ",E52,,,20260117000000,20260117000000\n900\n",
		Want: strings.Join(hours("7", 14, "2 - - M"), "")},
	// Blank lines, every field in quotes, small letters.
	{Name: "quoted.csv", Late: true, Data: "\n" + `"100","nem12","202601010000","mdp","ret"` + "\n" + `"200","7","e1","","e1","n1","m1","kwh","60",""` + "\n" +
		`"300","20260115"` + same(`"2"`, 24) + `,"s14","32","","20260118000000",""` + "\n\n" + `"900"` + "\n",
		Want: strings.Join(hours("7", 14, "2 - - E"), "")},
	// The mean power beside the energy is the same once more.
	{Name: "power.csv", Data: head + "200,7,E1E2,,E1,N1,M1,kWh,60,\n300,20260115" + same("2", 24) + ",A,,,,\n200,7,E1E2,,E2,N1,M1,kW,60,\n300,20260115" + same("3", 24) + ",A,,,,\n900\n",
		Want: strings.Join(hours("7", 14, "2 - - A"), "")},
	// The meter is exchanged after the first hour: E1 ends, B2 and E2 begin. Of the third
	// hour one of the two is missing, so that its energy is not known.
	{Name: "exchange.csv", Late: true, Data: head + exchanged("E1", "E1", "5,0,0", "400,1,1,A,,\n400,2,24,N,,\n") +
		exchanged("B2E2", "B2", "0,1,1", "400,1,1,N,,\n400,2,3,A,,\n400,4,24,N,,\n") + exchanged("b2e2", "E2", "0,4,0", "400,1,1,N,,\n400,2,2,A,,\n400,3,24,N,,\n") + "900\n",
		Want: `
		7 01-14T14:00 60 5 - - A
		7 01-14T15:00 60 3 - - A
		! exchange.csv:3 [energy_kwh]
		`},
}

// exchanged is a day of hours of a channel, the first three given, and its qualities.
func exchanged(configuration, suffix, first, qualities string) string {
	return "200,7," + configuration + ",," + suffix + ",N1,M1,kWh,60,\n300,20260115," + first + same("0", 21) + ",V,,,20260116000000,\n" + qualities
}

// hours are the lines of a market day of hours, which begins at 14:00 UTC.
func hours(meter string, day int, rest string) (lines []string) {
	at := time.Date(2026, 1, day, 14, 0, 0, 0, time.UTC)
	for i := range 24 {
		lines = append(lines, meter+" "+at.Add(time.Duration(i)*time.Hour).Format("01-02T15:04")+" 60 "+rest+"\n")
	}
	return lines
}

func TestSuite(t *testing.T) { formattest.Suite(t, "nem12", samples...) }

func FuzzNEM12(f *testing.F) {
	formattest.Fuzz(f, "nem12", append(samples, formattest.Sample{Data: accumulated})...)
}

const accumulated = "100,NEM13,202602010000,MDP,RET\n" +
	"250,A,1141,01,11,11,METER,E,12.5,20260101000000,A,,,20,20260201000000,A,,,7.5,kWh,20260501,20260202000000,20260202000000\n" +
	"250,A,1141,02,12,12,METER,E,0,20260101000000,A,,,1000,20260201000000,E64,,,1000,WH,,20260202000000,\n" +
	"250,A,1141,03,41,41,METER,I,0,20260101000000,A,,,2,20260201000000,A,,,2,kWh,,20260202000000,\n550,N,,A,\n" +
	"250,B,11,01,11,11,METER,E,0,20260101000000,A,,,2,20260401000000,A,,,300,kWh,,20260202000000,\n900\n"

// A NEM13 file holds what went through registers between two reads: too long to be
// scored, kept by option.
func TestNEM13(t *testing.T) {
	r := formattest.Read(t, "n.csv", []byte(accumulated), formats.Options{Totals: true})
	formattest.Check(t, r, `
	A 12-31T14:00 44640 6.5 - - E
	B 12-31T14:00 129600 300 - - A
	`)
	r = formattest.Read(t, "n.csv", []byte(accumulated), formats.Options{})
	formattest.Check(t, r, "! n.csv:2 [length]\n! n.csv:6 [length]\n")
	register := map[flatwatt.MeterID]flatwatt.Meter{"B": {ID: "B", Extra: map[string]string{"ct": "40"}}}
	r = formattest.Read(t, "n.csv", []byte(accumulated), formats.Options{Totals: true, Register: register})
	if r.KWh() != 12000 || len(r.Rejected) != 3 {
		t.Errorf("%v kWh by the register: %s", r.KWh(), r)
	}
}

func TestRejects(t *testing.T) {
	day := func(values, quality string) string { return "300,20260115" + values + "," + quality + ",,,,\n" }
	channel := "200,7,E1,,E1,N1,M1,kWh,60,\n"
	good := same("1", 24)
	for _, x := range []struct{ name, file, want string }{
		{"no header", channel, "! f:1 [100]\n"},
		{"another version", "100,NEM99,x\n" + channel, "! f:1 [VersionHeader]\n"},
		{"no data", head + "900\n", "! f:2 [900]\n"},
		{"cut off", head + channel + day(same("1", 24), "N"), "! f:3 [900]\n"},
		{"a day before its channel", head + day(good, "A") + "900\n", "! f:2 [RecordIndicator]\n! f:3 [900]\n"},
		{"lengths", head + "200,7,E1,,E1,N1,M1,kWh,7,\n" + day(good, "A") + "200,7,E1,,E1,N1,M1,kWh,15,\n" + day(good, "A") + channel + day(good+",1", "A") + "900\n", "! f:2 [IntervalLength]\n! f:5 [IntervalValue]\n! f:7 [IntervalValue]\n"},
		{"fields", head + "200,,E1,,E1,N1,M1,kWh,60,\n200,7,E1,,,N1,M1,kWh,60,\n200,7,E1,,E1,N1,M1,BTU,60,\n" + channel + "300,20261315" + good + ",A,,,,\n" + day(good, "Z") + day(same("1x", 24), "A") + day(","+same("1", 23), "A") + "900\n",
			"! f:2 [NMI]\n! f:3 [NMISuffix]\n! f:4 [UOM]\n! f:6 [IntervalDate]\n! f:7 [QualityMethod]\n! f:8 [IntervalValue1]\n! f:9 [IntervalValue1]\n"},
		{"events", head + channel + day(good, "V") + "400,2,24,A,,\n" + day(good, "V") + "400,1,25,A,,\n" + day(good, "V") + "400,1,3,V,,\n" + day(good, "V") + "400,1,3,N,,\n400,24,x\n" + "900\n",
			"! f:4 [StartInterval]\n! f:6 [StartInterval]\n! f:8 [QualityMethod]\n! f:11 [StartInterval]\n"},
		{"after the end", head + channel + day(same("", 24), "N") + "900\n" + channel, "! f:5 [RecordIndicator]\n"},
		{"of another kind", head + "250,7\n777,1\n" + channel + "900\n", "! f:2 [RecordIndicator]\n! f:3 [RecordIndicator]\n"},
		{"NEM13", "100,NEM13,x\n" + channel + "250,A,1,01,11,11,M,X,0,20260101000000,A,,,1,20260201000000,A,,,1,kWh,,,\n250,A,1,01,11,11,M,E,0,20260101000000,A,,,1,20250201000000,A,,,1,kWh,,,\n900\n", "! f:2 [RecordIndicator]\n! f:3 [DirectionIndicator]\n! f:4 [CurrentRegisterReadDateTime]\n"},
	} {
		t.Run(x.name, func(t *testing.T) {
			formattest.Check(t, formattest.Read(t, "f", []byte(x.file), formats.Options{Format: "nem12"}), x.want)
		})
	}
}

// Market time has no summer time: every day has 24 hours, whatever the zone of the meter.
func TestMarketTime(t *testing.T) {
	sydney, err := time.LoadLocation("Australia/Sydney")
	if err != nil {
		t.Fatal(err)
	}
	file := head + "200,7,E1,,E1,N1,M1,kWh,60,\n300,20260405" + same("1", 24) + ",A,,,,\n900\n"
	r := formattest.Read(t, "f", []byte(file), formats.Options{Zone: sydney})
	if len(r.Readings) != 24 || !r.Readings[0].Start.Equal(time.Date(2026, 4, 4, 14, 0, 0, 0, time.UTC)) || len(r.Rejected) > 0 {
		t.Errorf("%s", r)
	}
}
