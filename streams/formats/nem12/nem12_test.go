package nem12_test

import (
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

// half is a day of half hours, each v.
func half(v string) string { return strings.Repeat(","+v, 48) }

var samples = []formattest.Sample{
	{Name: "a.csv", Data: "100,NEM12,202601010000,MDP,RET\n200,7,E1B1Q1,1,E1,N1,M1,kWh,30,\n300,20260115" + half("0.5") + ",A,,,20260116000000,\n" +
		"200,7,E1B1Q1,,B1,N1,M1,Wh,30,\n300,20260115" + half("100") + ",V,,,20260116000000,20260117000000\n400,1,20,A,,\n400,21,48,S14,32,\n500,O,S1,20260115000000,\n900\n"},
	{Name: "b.csv", Data: "100,NEM13,202601010000,MDP,RET\n250,A,1141,01,11,11,METER,E,12.5,20260101000000,A,,,20,20260201000000,A,,,7.5,kWh,,20260202000000,\n550,N,,A,\n900\n"},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "nem12", samples...) }

func FuzzNEM12(f *testing.F) { formattest.Fuzz(f, "nem12", samples...) }
