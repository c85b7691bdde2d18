package csvmap_test

import (
	"fmt"
	"strings"
	"testing"

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
	{Name: "a.csv", Data: "meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality\n7,2026-01-15T08:00:00+08:00,0.5,0.1,230,\nA,2026-01-15T00:15:00Z,0.6,,,E\n\"A\",2026-01-15 00:30,,,,N\n"},
	{Name: "b.csv", Data: "sep=;\nnmi;date;time;channel;value;version;unit\n7;15/01/2026;00:30;E1;1,5;1;Wh\n7;15/01/2026;01:00;B1;0,5;2;Wh\n"},
	{Name: "c.csv", Data: "MPAN,Date" + hours(24) + "\n7,2026-01-15" + strings.Repeat(",0.5", 24) + "\nA,2026-03-29" + strings.Repeat(",1", 24) + "\n"},
	{Name: "d.csv", Data: "meter,time,register_kwh\n7,202601150000,99990\n7,202601150015,99999\n7,202601150030,4\n=\"0012\",1.2E+11,\"1,234.5\"\n"},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "csv", samples...) }

func FuzzCSV(f *testing.F) { formattest.Fuzz(f, "csv", samples...) }
