package formats_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

var benchStart = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

func longCSV(meters, each int) []byte {
	var b bytes.Buffer
	b.WriteString("meter_id,start,energy_kwh\n")
	rng := rand.New(rand.NewPCG(1, 2))
	for m := range meters {
		for i := range each {
			fmt.Fprintf(&b, "C-%06d,%s,%.3f\n", m, benchStart.Add(time.Duration(i)*15*time.Minute).Format(time.RFC3339), rng.Float64()*5)
		}
	}
	return b.Bytes()
}

func localCSV(meters, each int) []byte {
	b := bytes.ReplaceAll(longCSV(meters, each), []byte("Z,"), []byte(","))
	return bytes.ReplaceAll(b, []byte("T"), []byte(" "))
}

func points(rng *rand.Rand, n int) string {
	var s strings.Builder
	for range n {
		fmt.Fprintf(&s, ",%.4f", rng.Float64()*20)
	}
	return s.String()
}

func wideCSV(rows int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("meter_id,date" + formattest.Columns("P", 96) + "\n")
	for r := range rows {
		fmt.Fprintf(&b, "C-%06d,2026-01-%02d%s\n", r/25, 1+r%25, points(rng, 96))
	}
	return b.Bytes()
}

func powerCurve(rows int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG,DATA_WHOLE_FLAG" + formattest.Columns("P", 96) + "\n")
	for r := range rows {
		fmt.Fprintf(&b, "8000000%08d,2026-01-%02d,1,1,%s%s\n", r/25, 1+r%25, strings.Repeat("1", 96), points(rng, 96))
	}
	return b.Bytes()
}

func readCurve(rows int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG,DATA_WHOLE_FLAG" + formattest.Columns("R", 96) + "\n")
	total := 1000.0
	for r := range rows {
		fmt.Fprintf(&b, "8000000%08d,2026-01-%02d,1,1,%s", r/25, 1+r%25, strings.Repeat("1", 96))
		for range 96 {
			total += rng.Float64()
			fmt.Fprintf(&b, ",%.2f", total)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

type parquetRow struct {
	Meter  string    `parquet:"meter_id,dict,zstd"`
	Start  time.Time `parquet:"start,timestamp(millisecond),zstd"`
	Energy float64   `parquet:"energy_kwh,zstd"`
}

func parquetFile(tb testing.TB, meters, each int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	w := parquet.NewGenericWriter[parquetRow](&b)
	rows := make([]parquetRow, each)
	for m := range meters {
		for i := range rows {
			rows[i] = parquetRow{fmt.Sprintf("C-%06d", m), benchStart.Add(time.Duration(i) * 15 * time.Minute), float64(rng.IntN(5000)) / 1000}
		}
		if _, err := w.Write(rows); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func lineProtocol(meters, each int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for m := range meters {
		for i := range each {
			fmt.Fprintf(&b, "reading,meter=C-%06d energy_kwh=%.3f,length_s=900i %d\n", m, rng.Float64()*5, benchStart.Add(time.Duration(i)*15*time.Minute).UnixNano())
		}
	}
	return b.Bytes()
}

func nem12File(days int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("100,NEM12,202601010000,MDP,RET\n")
	for d := range days {
		if d%25 == 0 {
			fmt.Fprintf(&b, "200,NMI%07d,E1,1,E1,N1,METER,kWh,15,\n", d/25)
		}
		fmt.Fprintf(&b, "300,202601%02d%s,A,,,20260201000000,\n", 1+d%25, points(rng, 96))
	}
	b.WriteString("900\n")
	return b.Bytes()
}

func cmepFile(days int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for d := range days {
		fmt.Fprintf(&b, "MEPMD01,19970819,UDC,,ESP,,202602010000,M%06d,OK,E,KWH,1,00000015,96,202601%02d0015", d/25, 1+d%25)
		for i := range 96 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, ",R0,%.3f", rng.Float64())
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func espiFile(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString(espiHead)
	for i := range n {
		fmt.Fprintf(&b, "<IntervalReading><timePeriod><duration>900</duration><start>%d</start></timePeriod><value>%d</value></IntervalReading>\n", benchStart.Unix()+int64(i)*900, rng.IntN(5000))
	}
	b.WriteString("</IntervalBlock></content></entry></feed>\n")
	return b.Bytes()
}

const espiHead = `<feed xmlns="http://www.w3.org/2005/Atom">
<entry><id>u</id><link rel="self" href="/UsagePoint/7"/><content><UsagePoint xmlns="http://naesb.org/espi"><ServiceCategory><kind>0</kind></ServiceCategory></UsagePoint></content></entry>
<entry><id>m</id><link rel="self" href="/UsagePoint/7/MeterReading/1"/><link rel="related" href="/ReadingType/1"/><content><MeterReading xmlns="http://naesb.org/espi"/></content></entry>
<entry><id>r</id><link rel="self" href="/ReadingType/1"/><content><ReadingType xmlns="http://naesb.org/espi"><accumulationBehaviour>4</accumulationBehaviour><commodity>1</commodity><flowDirection>1</flowDirection><kind>12</kind><powerOfTenMultiplier>0</powerOfTenMultiplier><uom>72</uom></ReadingType></content></entry>
<entry><id>b</id><link rel="self" href="/UsagePoint/7/MeterReading/1/IntervalBlock/1"/><link rel="up" href="/UsagePoint/7/MeterReading/1/IntervalBlock"/><content><IntervalBlock xmlns="http://naesb.org/espi">
`

func cimFile(meters, each int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString(`<MeterReadings xmlns="http://iec.ch/TC57/2011/MeterReadings#">` + "\n")
	for m := range meters {
		fmt.Fprintf(&b, "<MeterReading><Meter><mRID>M%d</mRID></Meter><IntervalBlocks>\n", m)
		for i := range each {
			fmt.Fprintf(&b, "<IntervalReadings><timeStamp>%s</timeStamp><value>%.3f</value></IntervalReadings>\n", benchStart.Add(time.Duration(i+1)*15*time.Minute).Format(time.RFC3339), rng.Float64())
		}
		b.WriteString(`<ReadingType ref="0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"/></IntervalBlocks></MeterReading>` + "\n")
	}
	b.WriteString("</MeterReadings>\n")
	return b.Bytes()
}

func mustZone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}
