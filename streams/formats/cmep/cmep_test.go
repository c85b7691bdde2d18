package cmep_test

import (
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

func record(meter, commodity, units, factor, interval, data string) string {
	return "MEPMD01,19970819,UDC,,ESP,,202601160000," + meter + ",OK," + commodity + "," + units + "," + factor + "," + interval + "," + data + "\n"
}

var samples = []formattest.Sample{
	{Name: "intervals.cmep", Data: record("7", "E", "KWH", "2.0", "00000015", "4,202601150015,R0,0.25,,E,0.5,,N,,,A1,1") +
		record("7", "E", "KVARH", "1", "00000015", "1,202601150015,R,0.1") +
		record("7", "E", "KWHREC", "1", "00000015", "2,202601150015,R,0.1,202601150030,R,0") +
		"MEPAD01,whatever\n" + record("7", "G", "CCF", "1", "00000100", "1,202601150100,R,5"),
		Want: `
		7 01-15T00:00 15 0.4 0.1 - A
		7 01-15T00:15 15 1 - - E
		! intervals.cmep:1 [energy_kwh]
		`},
	// A register beside intervals: its differences are the same energy again.
	{Name: "both.cmep", Data: record("7", "E", "KWH", "1", "00000015", "2,202601150015,R,0.25,202601150030,R,0.5") +
		record("7", "E", "KWHREG", "1", "00010000", "2,202601140000,R,90,202601150000,R,100") +
		record("7", "E", "KWHREG", "1", "00000030", "2,202601150000,R,100,202601150030,R,100.75"),
		Want: `
		7 01-15T00:00 15 0.25 - - A
		7 01-15T00:15 15 0.5 - - A
		`},
	// Demand beside the energy.
	{Name: "demand.cmep", Data: record("7", "E", "KWH", "1", "00000015", "1,202601150015,R,0.25") + record("7", "E", "KW", "1", "00000015", "1,202601150015,R,1"),
		Want: "7 01-15T00:00 15 0.25 - - A\n"},
	// A register that goes over, is swapped and was estimated once; received from G.
	{Name: "registers.txt", Data: record("7", "E", "KWHREG", "10", "00000000", "5,202601150000,R,9990,202601150015,R,9999,202601150030,E,4,202601150045,R,2,202601150100,R,3") +
		record("8", "E", "GKWHREG", "1", "00000100", "2,202601150000,A,10,202601150100,A,12") +
		record("8", "E", "KWHREG", "1", "00000100", "2,202601150000,R,0,202601150100,R,5"),
		Want: `
		7 01-15T00:00 15 90 - - A
		7 01-15T00:15 15 50 - - E
		7 01-15T00:45 15 10 - - A
		8 01-15T00:00 60 3 - - M
		! registers.txt:1 [value]
		`},
	// An empty field before the meter, as one vendor writes it, and no meter but a customer.
	{Name: "shifted.dat", Data: "MEPMD01,20080501,VENDOR,UTIL:1,1234,5678,202601151845,,99,OK,E,KWH,1.0,00000100,1,202601150500,R0,2\n" +
		"MEPMD01,20080501,SENSUS,UTIL:1,1234,B747,202601151515,,OK,E,KWH,1.0,00000100,1,202601150500,R0,3\n",
		Want: `
		99 01-15T04:00 60 2 - - A
		B747 01-15T04:00 60 3 - - A
		`},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "cmep", samples...) }

func FuzzCMEP(f *testing.F) { formattest.Fuzz(f, "cmep", samples...) }

func TestRejects(t *testing.T) {
	file := record("", "E", "KWH", "1", "00000015", "1,202601150015,R,1") +
		record("7", "E", "KWH", "x", "00000015", "1,202601150015,R,1") +
		record("7", "E", "KWH", "1", "15", "1,202601150015,R,1") +
		record("7", "E", "KWH", "1", "00000000", "1,202601150015,R,1") +
		record("7", "E", "KWH", "1", "00000015", "3,202601150015,R,1") +
		record("7", "E", "KWH", "1", "00000015", "1,,R,1") +
		record("7", "E", "KWH", "1", "00000015", "3,202613150015,R,1,202601150030,Z,1,202601150045,R,one") +
		"MEPMD01,19970819,UDC\nSOMETHING,1\n\"MEPMD01,1\n"
	r := formattest.Read(t, "f.cmep", []byte(file), formats.Options{Format: "cmep"})
	formattest.Check(t, r, `
	! f.cmep:1 [meter id]
	! f.cmep:2 [calculation constant]
	! f.cmep:3 [interval]
	! f.cmep:4 [interval]
	! f.cmep:5 [count]
	! f.cmep:6 [time]
	! f.cmep:7 [time]
	! f.cmep:7 [quality]
	! f.cmep:7 [value]
	! f.cmep:8 []
	! f.cmep:9 [record type]
	! f.cmep:10 []
	`)
}

// Senders that stamp local time: London's 2026-10-25 has 25 hours, its 2026-03-29 has 23.
func TestLocalTime(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	file := record("7", "E", "KWH", "1", "00000100", "4,202610250100,R,1,202610250100,R,2,202610250200,R,3,202610250300,R,4") +
		record("7", "E", "KWH", "1", "00000100", "2,202603290000,R,5,202603290200,R,6")
	r := formattest.Read(t, "f.cmep", []byte(file), formats.Options{Zone: london})
	formattest.Check(t, r, `
	7 10-24T23:00 60 1 - - A
	7 10-25T00:00 60 2 - - A
	7 10-25T01:00 60 3 - - A
	7 10-25T02:00 60 4 - - A
	7 03-28T23:00 60 5 - - A
	7 03-29T00:00 60 6 - - A
	`)
	r = formattest.Read(t, "f.cmep", []byte(record("7", "E", "KW", "1", "00000030", "1,202601150000,R,3")), formats.Options{Stamp: formats.StampStart})
	formattest.Check(t, r, "7 01-15T00:00 30 1.5 - - A\n")
}
