package sgcc_test

import (
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

const head = "ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG,DATA_WHOLE_FLAG"

var samples = []formattest.Sample{
	{Name: "e_mp_power_curve.csv", Data: head + formattest.Columns("P", 24) + "\n7,2026-01-15,1,3," + strings.Repeat("1", 23) + "0" + strings.Repeat(",2", 24) + "\nA,2026/1/15,2,," + strings.Repeat(",0.5", 20) + ",,,null,-9999\n"},
	{Name: "e_mp_read_curve.csv", Data: head + formattest.Columns("R", 24) + "\n7,20260115,1,3,,99990,99999,3" + strings.Repeat(",", 21) + "\n"},
	{Name: "q.json", Data: `{"id":"1","mpId":"7","meter":"M1","date":"20260115","density":"3","type":"1","start":"3","points":2,"data":"1.5,,2","whole":""}` + "\n" +
		`{"mpId":8,"date":"2026-01-15","density":3,"type":1,"data":[5,null,7]}` + "\n"},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "sgcc", samples...) }

func FuzzSGCC(f *testing.F) { formattest.Fuzz(f, "sgcc", samples...) }
