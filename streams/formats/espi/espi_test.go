package espi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

const open = `<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/xsl" href="GreenButtonDataStyleSheet.xslt"?>
<!-- a comment
 with <tags> in it -->
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">
<id>urn:uuid:feed</id><title>Export</title><updated>2026-02-01T00:00:00Z</updated><link rel="self" href="/Batch/1"/>
`

func point(up, title, kind string) string {
	return fmt.Sprintf(`<entry><id>urn:uuid:%s</id><link rel="self" href="RetailCustomer/9/UsagePoint/%[1]s"/><link rel="up" href="RetailCustomer/9/UsagePoint"/><title>%[2]s</title><content><UsagePoint xmlns="http://naesb.org/espi"><ServiceCategory><kind>%[3]s</kind></ServiceCategory></UsagePoint></content></entry>
<entry><id>urn:uuid:t</id><link rel="self" href="LocalTimeParameters/01"/><content><LocalTimeParameters xmlns="http://naesb.org/espi"><dstEndRule>B40E2000</dstEndRule><tzOffset>-28800</tzOffset></LocalTimeParameters></content></entry>
`, up, title, kind)
}

func meterReading(up, mr, rt string) string {
	return fmt.Sprintf(`<entry><link rel="self" href="RetailCustomer/9/UsagePoint/%s/MeterReading/%s"/><link rel="related" href="RetailCustomer/9/UsagePoint/%[1]s/MeterReading/%[2]s/IntervalBlock"/><link rel="related" href="ReadingType/%[3]s/"/><content><MeterReading xmlns="http://naesb.org/espi"/></content></entry>
`, up, mr, rt)
}

// types are given as name=value.
func readingType(rt string, elements ...string) string {
	var s strings.Builder
	fmt.Fprintf(&s, `<entry><link rel="self" href="ReadingType/%s"/><content><espi:ReadingType>`, rt)
	for _, e := range elements {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&s, "<espi:%s>%s</espi:%[1]s>", name, value)
	}
	return s.String() + "</espi:ReadingType></content></entry>\n"
}

const start = 1768435200 // 2026-01-15T00:00:00Z

func values(length int, of ...string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "<interval><duration>%d</duration><start>%d</start></interval>\n", length*len(of), start)
	for i, v := range of {
		v, quality, _ := strings.Cut(v, ":")
		if quality != "" {
			quality = "<ReadingQuality><quality>" + quality + "</quality></ReadingQuality>"
		}
		fmt.Fprintf(&s, "<IntervalReading><cost>907</cost>%s<timePeriod><duration>%d</duration><start>%d</start></timePeriod><value>%s</value></IntervalReading>\n", quality, length, start+i*length, v)
	}
	return s.String()
}

func block(up, mr, b, updated, values string) string {
	return fmt.Sprintf(`<entry><link rel="self" href="RetailCustomer/9/UsagePoint/%s/MeterReading/%s/IntervalBlock/%s"/><link rel="up" href="RetailCustomer/9/UsagePoint/%[1]s/MeterReading/%[2]s/IntervalBlock"/><title/><updated>%[4]s</updated><content><IntervalBlock xmlns="http://naesb.org/espi">%[5]s</IntervalBlock></content></entry>
`, up, mr, b, updated, values)
}

const (
	wh, forward, delta = "uom=72", "flowDirection=1", "accumulationBehaviour=4"
	updated            = "2026-01-16T00:00:00Z"
)

var samples = []formattest.Sample{
	{Name: "plain.xml", Data: open + point("01", "Home", "0") + meterReading("01", "01", "07") +
		readingType("07", delta, "commodity=1", "dataQualifier=12", forward, "intervalLength=900", "kind=12", "phase=769", "powerOfTenMultiplier=0", wh) +
		block("01", "01", "1", updated, values(900, "250", "500:8", "750:7", "0:17")) + "</feed>\n",
		Want: `
		01 01-15T00:00 15 0.25 - - A
		01 01-15T00:15 15 0.5 - - E
		01 01-15T00:30 15 0.75 - - M
		01 01-15T00:45 15 0 - - A
		`},
	// Types after the blocks; delivered, received, reactive, voltage; kW; a later version.
	{Name: "channels.xml", Data: open +
		block("A", "in", "1", updated, values(1800, "12", "14")) + block("A", "in", "2", "2026-01-17T00:00:00Z", values(1800, "10")) + block("A", "in", "3", "2026-01-15T00:00:00Z", values(1800, "99")) +
		block("A", "out", "1", updated, values(1800, "2", "0")) + block("A", "q", "1", updated, values(1800, "1", "2")) + block("A", "v", "1", updated, values(1800, "2301", "2299")) +
		block("A", "gas", "1", updated, values(1800, "5", "5")) +
		meterReading("A", "in", "1") + meterReading("A", "out", "2") + meterReading("A", "q", "3") + meterReading("A", "v", "4") + meterReading("A", "gas", "5") +
		readingType("1", forward, "powerOfTenMultiplier=3", "uom=38") + readingType("2", "flowDirection=19", "powerOfTenMultiplier=2", wh) +
		readingType("3", forward, "powerOfTenMultiplier=3", "uom=73") + readingType("4", "powerOfTenMultiplier=-1", "uom=29") + readingType("5", "commodity=7", "uom=169") +
		point("A", "Home", "0") + "</feed>\n",
		Want: `
		A 01-15T00:00 30 4.8 1 230.1 A
		A 01-15T00:30 30 7 2 229.9 A
		`},
	// No links at all: the type before the blocks, which stand in one entry, holds.
	{Name: "nolinks.xml", Data: open + `<entry><id>urn:uuid:0c</id><title>Energy Delivered (WH)</title><content><ReadingType xmlns="http://naesb.org/espi"><accumulationBehaviour>0</accumulationBehaviour><flowDirection>0</flowDirection><intervalLength>3600</intervalLength><uom>72</uom></ReadingType></content></entry>
<entry><id>urn:uuid:e7</id><content><IntervalBlock xmlns="http://naesb.org/espi">` + values(3600, "385", "365") + `</IntervalBlock><IntervalBlock xmlns="http://naesb.org/espi"><interval><duration>7200</duration><start>1768442400</start></interval>
<IntervalReading><value>425</value></IntervalReading><IntervalReading><value>None</value></IntervalReading></IntervalBlock></content></entry></feed>
`, Want: `
		urn:uuid:feed 01-15T00:00 60 0.385 - - A
		urn:uuid:feed 01-15T01:00 60 0.365 - - A
		urn:uuid:feed 01-15T02:00 60 0.425 - - A
		`},
	// A register beside intervals, net beside forward and reverse: nothing counts twice.
	{Name: "twice.xml", Late: true, Data: open + point("B", "Home", "0") + meterReading("B", "r", "1") + meterReading("B", "f", "2") + meterReading("B", "n", "3") +
		readingType("1", "accumulationBehaviour=1", forward, wh) + readingType("2", delta, forward, wh) + readingType("3", delta, "flowDirection=4", wh) +
		block("B", "r", "1", updated, values(3600, "100000", "100700")) + block("B", "f", "1", updated, values(900, "100", "200", "300", "400")) + block("B", "n", "1", updated, values(900, "90", "200", "300", "400")) + "</feed>\n",
		Want: `
		B 01-15T00:00 15 0.1 - - A
		B 01-15T00:15 15 0.2 - - A
		B 01-15T00:30 15 0.3 - - A
		B 01-15T00:45 15 0.4 - - A
		`},
	// A register alone; it is read at the end of its interval.
	{Name: "register.xml", Data: open + point("C", "Home", "0") + meterReading("C", "r", "1") + readingType("1", "accumulationBehaviour=1", forward, wh) +
		block("C", "r", "1", updated, values(900, "99998900", "99999900", "400", "900:10")) + "</feed>\n",
		Want: `
		C 01-15T00:15 15 1 - - A
		C 01-15T00:30 15 0.5 - - A
		C 01-15T00:45 15 0.5 - - E
		`},
	// Demand in kW beside the energy, as two series; apparent energy as a third.
	{Name: "demand.xml", Data: open + point("F", "Home", "0") + readingType("1", delta, forward, "powerOfTenMultiplier=3", wh) + readingType("2", "accumulationBehaviour=12", forward, "powerOfTenMultiplier=3", "uom=38") + readingType("3", delta, forward, "powerOfTenMultiplier=3", "uom=61") +
		meterReading("F", "e", "1") + meterReading("F", "p", "2") + meterReading("F", "s", "3") +
		block("F", "e", "1", updated, values(3600, "1", "2")) + block("F", "p", "1", updated, values(3600, "1.5", "2.5")) + block("F", "s", "1", updated, values(3600, "1.6", "2.6")) + "</feed>\n",
		Want: `
		F 01-15T00:00 60 1 - - A
		F 01-15T01:00 60 2 - - A
		`},
	// Tariffs of their own meter readings, each with the hours in which it holds.
	{Name: "tariffs.xml", Data: open + point("G", "Home", "0") + readingType("1", delta, forward, wh, "tou=1") + readingType("2", delta, forward, wh, "tou=2") +
		meterReading("G", "off", "1") + meterReading("G", "on", "2") + block("G", "off", "1", updated, values(3600, "1000", "2000")) +
		block("G", "on", "1", updated, strings.ReplaceAll(values(3600, "3000"), "1768435200", "1768442400")) + "</feed>\n",
		Want: `
		G 01-15T00:00 60 1 - - A
		G 01-15T01:00 60 2 - - A
		G 01-15T02:00 60 3 - - A
		`},
	// Declared a register, but the values are those of intervals.
	{Name: "declared.xml", Data: open + point("D", "Home", "0") + meterReading("D", "r", "1") + readingType("1", "accumulationBehaviour=1", forward, wh) +
		block("D", "r", "1", updated, values(900, "300", "200", "400", "100", "500")) + "</feed>\n",
		Want: `
		D 01-15T00:00 15 0.3 - - A
		D 01-15T00:15 15 0.2 - - A
		D 01-15T00:30 15 0.4 - - A
		D 01-15T00:45 15 0.1 - - A
		D 01-15T01:00 15 0.5 - - A
		`},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "espi", samples...) }

func FuzzESPI(f *testing.F) { formattest.Fuzz(f, "espi", samples...) }

func TestRejects(t *testing.T) {
	file := open + point("E", "Home", "0") + meterReading("E", "1", "1") + meterReading("E", "2", "2") + meterReading("E", "3", "none") + readingType("1", forward, wh) + readingType("2", forward, "powerOfTenMultiplier=99", wh) +
		block("E", "1", "1", updated, values(900, "1000", "x", "1e300")+"<IntervalReading><timePeriod><duration>900</duration><start>soon</start></timePeriod><value>1</value></IntervalReading><IntervalReading><timePeriod><duration>900</duration><start>99999999999</start></timePeriod><value>1</value></IntervalReading><IntervalReading><timePeriod><duration>900</duration><start>1768440000</start></timePeriod></IntervalReading>") +
		block("E", "2", "1", updated, values(900, "1")) + block("E", "3", "1", updated, values(900, "1"))
	r := formattest.Read(t, "f.xml", []byte(file), formats.Options{})
	formattest.Check(t, r, `
	E 01-15T00:00 15 1 - - A
	! f.xml:16 [IntervalReading]
	! f.xml:18 [IntervalReading]
	! f.xml:18 [start]
	! f.xml:18 [IntervalReading]
	! f.xml:19 [ReadingType]
	! f.xml:25 []
	! f.xml:22 [ReadingType]
	! f.xml:15 [energy_kwh]
	`)
}

// A block outside of any entry is not passed over in silence.
func TestBlockWithoutFeed(t *testing.T) {
	r := formattest.Read(t, "f.xml", []byte(`<IntervalBlock xmlns="http://naesb.org/espi">`+values(900, "1", "2")+"</IntervalBlock>"), formats.Options{})
	formattest.Check(t, r, "! f.xml:1 [ReadingType]\n")
}

func TestMeterIsTheTitleByOption(t *testing.T) {
	r := formattest.Read(t, "f.xml", []byte(samples[0].Data), formats.Options{Mapping: &formats.Mapping{Meter: "title"}})
	formattest.Check(t, r.First(1), "Home 01-15T00:00 15 0.25 - - A\n")
}
