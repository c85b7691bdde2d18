package sgcc_test

import (
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

const head = "ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG,DATA_WHOLE_FLAG"

// points are values and then none, 24 in all.
func points(values ...string) string {
	return "," + strings.Join(values, ",") + strings.Repeat(",", 24-len(values))
}

var samples = []formattest.Sample{
	// Total, phases and reactive power of one point; a flag of what was collected; fillers.
	{Name: "e_mp_power_curve.csv", Late: true, Data: head + formattest.Columns("P", 24) + "\n7,2026-01-15,1,3,1101" + strings.Repeat("1", 20) + points("2", "3", "9", "-1") + "\n7,2026-01-15 00:00:00,5,3," + points("1", "1", "1", "1") +
		"\n7,2026-01-15,2,3," + points("1", "1", "1", "1") + "\nA,2026/1/15,2,," + points("0.5", "NULL", "-9999") + "\nA,15-1月 -26,3,3," + points("0.25", "1", "1") + "\n",
		Want: `
		7 01-14T16:00 60 2 1 - A
		7 01-14T17:00 60 3 1 - A
		7 01-14T19:00 60 -1 1 - A
		A 01-14T16:00 60 0.75 - - A
		! e_mp_power_curve.csv:5 [energy_kwh]
		`},
	{Name: "e_mp_read_curve.csv", Data: head + formattest.Columns("R", 24) + "\n7,20260115,1,3," + points("99990", "99999", "3", "", "5", "1") + "\n7,20260115,5,3," + points("1", "2", "2", "2", "2", "2") + "\n",
		Want: `
		7 01-14T16:00 60 8 - - A
		7 01-14T17:00 60 4 - - A
		! e_mp_read_curve.csv:2 [R6]
		! e_mp_read_curve.csv:2 [energy_kwh]
		`},
	// Chinese names, tabs, dates of Oracle.
	{Name: "unload.txt", Data: strings.ReplaceAll("用户名称,测量点标识,数据日期,数据类型,数据点数标志"+formattest.Columns("P", 24)+"\n张三,7,15-JAN-26,1,3"+points("2")+"\n", ",", "\t"),
		Want: "7 01-14T16:00 60 2 - - A\n"},
	{Name: "q.json", Data: `{"id":"1","mpId":"7","meter":"M1","date":"20260115","density":"3","type":"1","start":"3","points":2,"data":"1.5,,2","whole":""}` + "\n" +
		`{"mpId":8,"date":"2026-01-15","density":3,"type":1,"data":[5,null,7]}` + "\n",
		Want: `
		7 01-14T18:00 60 1.5 - - A
		7 01-14T20:00 60 2 - - A
		8 01-14T16:00 60 5 - - A
		8 01-14T18:00 60 7 - - A
		`},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "sgcc", samples...) }

func FuzzSGCC(f *testing.F) { formattest.Fuzz(f, "sgcc", samples...) }
