package cim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

const (
	forward = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0"   // 15 min, delta, Wh
	bulk    = "0.0.2.9.1.2.12.0.0.0.0.0.0.0.0.3.72.0"   // 15 min, register, kWh, measured at the primary side
	quad1   = "0.0.2.9.15.2.164.0.0.0.0.0.0.0.0.3.73.0" // the same of reactive energy, quadrant 1
)

func meterReadings(inner string) string {
	return `<?xml version="1.0"?>` + "\n" + `<m:MeterReadings xmlns:m="http://iec.ch/TC57/2011/MeterReadings#">` + "\n" + inner + "</m:MeterReadings>\n"
}

// reading writes values of one type as an interval block each, as a head-end in Taiwan
// does: the meter after them, each quality with a time of its own.
func reading(meter, at, kwh, kvarh, quality string) string {
	one := func(value, kind string) string {
		return fmt.Sprintf(`<IntervalBlocks><IntervalReadings><timeStamp>%s</timeStamp><value>%s</value>
<ReadingQualities><source>HES</source><timeStamp>2026-02-01T00:00:00.000+08:00</timeStamp><ReadingQualityType ref="%s"></ReadingQualityType></ReadingQualities>
<ReadingQualities><comment>4057</comment><ReadingQualityType ref="5.4.260"></ReadingQualityType></ReadingQualities></IntervalReadings><ReadingType ref="%s"></ReadingType></IntervalBlocks>
`, at, value, quality, kind)
	}
	return "<MeterReading>" + one(kwh, bulk) + one(kvarh, quad1) +
		"<Meter><mRID>" + meter + "</mRID><Names><name>" + meter + "</name><NameType><name>MeterUniqueID</name></NameType></Names></Meter></MeterReading>\n"
}

var samples = []formattest.Sample{
	{Name: "intervals.xml", Data: meterReadings(`<m:MeterReading><m:Meter><m:mRID>7</m:mRID></m:Meter><m:valuesInterval><m:start>2026-01-01T00:00:00Z</m:start></m:valuesInterval><m:IntervalBlocks>
<m:IntervalReadings><m:timeStamp>2026-01-15T00:15:00Z</m:timeStamp><m:value>250</m:value><m:ReadingQualities><m:ReadingQualityType ref="3.8.0"/></m:ReadingQualities></m:IntervalReadings>
<m:IntervalReadings><m:timeStamp>2026-01-15T08:30:00+08:00</m:timeStamp><m:value>500</m:value></m:IntervalReadings>
<m:IntervalReadings><m:timeStamp>2026-01-15T00:45:00.000Z</m:timeStamp><m:value>750</m:value><m:ReadingQualities><m:ReadingQualityType ref="2.7.1"/></m:ReadingQualities></m:IntervalReadings>
<m:IntervalReadings><m:timeStamp>2026-01-15T01:00:00Z</m:timeStamp><m:value>9</m:value><m:ReadingQualities><m:ReadingQualityType ref="1.5.257"/></m:ReadingQualities></m:IntervalReadings>
<m:ReadingType ref="` + forward + `"/></m:IntervalBlocks></m:MeterReading>
`), Want: `
		7 01-15T00:00 15 0.25 - - E
		7 01-15T00:15 15 0.5 - - A
		7 01-15T00:30 15 0.75 - - M
		`},
	// In an envelope; cumulative registers, a MeterReading for every quarter of an hour.
	{Name: "event.xml", Data: `<EventMessage xmlns="http://iec.ch/TC57/2011/schema/message"><Header><Verb>created</Verb><Noun>MeterReadings</Noun><Timestamp>2026-01-15T08:42:21.539+08:00</Timestamp><Property><Name>ReadingTypeGroup</Name><Value>LP</Value></Property></Header><Payload>
<MeterReadings xmlns="http://iec.ch/TC57/2011/MeterReadings#">
` + reading("WT20", "2026-01-15T08:00:00.000+08:00", "6519.0955", "0.8358", "1.0.0") +
		reading("WT21", "2026-01-15T08:00:00.000+08:00", "10", "1", "1.0.0") +
		reading("WT20", "2026-01-15T08:15:00.000+08:00", "6519.1455", "0.8358", "1.0.0") +
		reading("WT20", "2026-01-15T08:30:00.000+08:00", "6519.2455", "0.8458", "1.4.2002") +
		reading("WT20", "2026-01-15T08:45:00.000+08:00", "6519.3455", "0.8558", "2.8.0") +
		reading("WT20", "2026-01-15T09:00:00.000+08:00", "6519.3455", "None", "1.5.257") +
		reading("WT21", "2026-01-15T09:15:00.000+08:00", "20", "1", "1.0.0") +
		"</MeterReadings></Payload></EventMessage>\n",
		Want: `
		WT20 01-15T00:00 15 0.05 0 - A
		WT20 01-15T00:15 15 0.1 0.01 - A
		WT20 01-15T00:30 15 0.1 0.01 - E
		`},
	// Single readings with periods; tariffs' registers and their total; net; phases; kW.
	{Name: "readings.xml", Late: true, Data: meterReadings(`<m:MeterReading><m:UsagePoint><m:Names><m:name>A</m:name></m:Names></m:UsagePoint><m:Meter><m:mRID>device-1</m:mRID></m:Meter>
` + single("2026-01-15T00:00:00Z", "100", "0.0.0.1.1.1.12.0.0.0.0.1.0.0.0.3.72.0") + single("2026-01-15T00:00:00Z", "300", "0.0.0.1.1.1.12.0.0.0.0.2.0.0.0.3.72.0") +
		single("2026-01-15T01:00:00Z", "102", "0.0.0.1.1.1.12.0.0.0.0.1.0.0.0.3.72.0") + single("2026-01-15T01:00:00Z", "303", "0.0.0.1.1.1.12.0.0.0.0.2.0.0.0.3.72.0") +
		`</m:MeterReading><m:MeterReading><m:UsagePoint><m:mRID>B</m:mRID></m:UsagePoint>
` + period("2026-01-15T00:00:00Z", "2026-01-15T00:30:00Z", "4", "0.0.0.12.1.1.37.0.0.0.0.0.0.0.0.3.38.0") +
		period("2026-01-15T00:00:00Z", "2026-01-15T00:30:00Z", "1", "0.0.0.4.19.1.12.0.0.0.0.0.0.0.0.3.72.0") +
		period("2026-01-15T00:00:00Z", "2026-01-15T00:30:00Z", "7", "0.0.0.4.4.1.12.0.0.0.0.0.0.0.0.3.72.0") +
		period("2026-01-15T00:00:00Z", "2026-01-15T00:30:00Z", "231", "0.2.0.6.0.1.158.0.0.0.0.0.0.0.128.0.29.0") +
		period("2026-01-15T00:00:00Z", "2026-01-15T00:30:00Z", "9", "0.8.0.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0") +
		`</m:MeterReading>
`), Want: `
		A 01-15T00:00 60 5 - - A
		B 01-15T00:00 30 1 - 231 A
		`},
	// The type before the values and named by an element; the length is their distance.
	{Name: "older.xml", Data: `<MeterReadings><MeterReading><MeterAsset><mRID>M1</mRID></MeterAsset><IntervalBlocks><ReadingType><mRID>0.0.0.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0</mRID></ReadingType>
<IReadings><timeStamp>2026-01-15T00:30:00Z</timeStamp><value>1.5</value></IReadings>
<IReadings><timeStamp>2026-01-15T01:00:00Z</timeStamp><value>2.5</value></IReadings></IntervalBlocks></MeterReading></MeterReadings>
`, Want: `
		M1 01-15T00:00 30 1.5 - - A
		M1 01-15T00:30 30 2.5 - - A
		`},
}

func single(at, value, kind string) string {
	return "<m:Readings><m:timeStamp>" + at + "</m:timeStamp><m:value>" + value + `</m:value><m:ReadingType ref="` + kind + `"/></m:Readings>` + "\n"
}

func period(from, to, value, kind string) string {
	return "<m:Readings><m:value>" + value + "</m:value><m:timePeriod><m:end>" + to + "</m:end><m:start>" + from + `</m:start></m:timePeriod><m:ReadingType ref="` + kind + `"/></m:Readings>` + "\n"
}

func TestSuite(t *testing.T) { formattest.Suite(t, "cim", samples...) }

func FuzzCIM(f *testing.F) { formattest.Fuzz(f, "cim", samples...) }

func TestRejects(t *testing.T) {
	file := meterReadings("<m:MeterReading>\n" + single("2026-01-15T00:15:00Z", "1", forward) + "</m:MeterReading>\n<m:MeterReading><m:Meter><m:mRID>7</m:mRID></m:Meter>\n" +
		single("2026-01-15T00:15:00Z", "1", "3.0.129.160") + single("2026-01-15T00:15:00Z", "1", "") + single("2026-01-15T00:15:00Z", "one", forward) +
		single("15/01/2026", "1", forward) + period("2026-01-15T01:00:00Z", "2026-01-15T00:00:00Z", "1", forward) +
		single("2026-01-15T00:15:00Z", "1", strings.Replace(forward, "0.72", "99.72", 1)) + single("2026-01-15T00:15:00Z", "1", strings.Replace(forward, "0.0.2.", "0.0.0.", 1)) + "</m:MeterReading>\n")
	r := formattest.Read(t, "f.xml", []byte(file), formats.Options{})
	formattest.Check(t, r, `
	! f.xml:3 [Meter]
	! f.xml:7 [ReadingType]
	! f.xml:8 [ReadingType]
	! f.xml:9 [value]
	! f.xml:10 [timeStamp]
	! f.xml:11 [timePeriod]
	! f.xml:12 [ReadingType]
	! f.xml:13 [ReadingType]
	`)
}

// Times without a zone are the meter's; the hour that London's clock shows twice is told
// apart by order.
func TestLocalTimeAndNames(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	for _, at := range []string{"2026-10-25T01:00:00", "2026-10-25T01:00:00", "2026-10-25T02:00:00"} {
		s.WriteString(single(at, "1000", strings.Replace(forward, "0.0.2.", "0.0.7.", 1)))
	}
	file := meterReadings("<m:MeterReading><m:UsagePoint><m:mRID>SP</m:mRID></m:UsagePoint><m:Meter><m:mRID>DEV</m:mRID></m:Meter>" + s.String() + "</m:MeterReading>")
	opt := formats.Options{Register: map[flatwatt.MeterID]flatwatt.Meter{"DEV": {ID: "SP-9", Zone: london}}, Mapping: &formats.Mapping{Meter: "meter"}}
	formattest.Check(t, formattest.Read(t, "f.xml", []byte(file), opt), `
	SP-9 10-24T23:00 60 1 - - A
	SP-9 10-25T00:00 60 1 - - A
	SP-9 10-25T01:00 60 1 - - A
	`)
}
