package lineproto_test

import (
	"testing"

	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

var samples = []formattest.Sample{
	{Name: "a.lp", Data: "reading,meter=7 energy_kwh=0.25,length_s=900i 1768435200000000000\nreading,meter=A energy_kwh=0.5,length_s=900i,quality=\"estimated\" 1768436100000000000\n# c\n"},
	{Name: "b.lp", Data: "reading,7=A,host=x energy_kwh=5i,voltage_v=230 1768435200000000000\nother,7=A a=1 1768435200000000000\nreading,7=7 energy_kwh=1u 1768436100000000000\n"},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "lineprotocol", samples...) }

func FuzzLineProtocol(f *testing.F) { formattest.Fuzz(f, "lineprotocol", samples...) }
