package lineproto_test

import (
	"math/rand/v2"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

var samples = []formattest.Sample{
	{Name: "own.lp", Data: "# a comment\nreading,meter=7,host=gw-1,topic=ami/7 energy_kwh=0.25,length_s=900i,voltage_v=230.5,reactive_kvarh=0.1 1768435200000000000\n" +
		"reading,meter=A\\ 1 energy_kwh=5i,length_s=900,quality=\"estimated\",note=\"a, b\" 1768436100000000000\n",
		Want: `
		7 01-15T00:00 15 0.25 0.1 230.5 A
		A 1 01-15T00:15 15 5 - - E
		`},
	// As Telegraf writes what it polls from Modbus: another measurement, power in W, the
	// meter in a tag, other measurements between.
	{Name: "telegraf.lp", Opt: formats.Options{Interval: 900e9, Mapping: &formats.Mapping{Measure: "modbus", Meter: "name", Energy: "power", Export: "back", Unit: "W", Voltage: "u", Quality: "state", Qualities: map[string]string{"0": "actual", "9": "missing", "3": "estimated"}}},
		Data: "modbus,host=gw,name=7,type=holding power=4000,back=0,u=230,state=0i 1768435200000000000\ncpu,host=gw usage_idle=99 1768435200000000000\n" +
			"modbus,host=gw,name=7 power=2000u,back=400i,u=231,state=3i 1768436100000000000\nmodbus,host=gw,name=7 power=0,back=0,state=9i 1768437000000000000\n",
		Want: `
		7 01-15T00:00 15 1 - 230 A
		7 01-15T00:15 15 0.4 - 231 E
		`},
	// A register; times in seconds, stamped when it was read.
	{Name: "register.lp", Opt: formats.Options{Mapping: &formats.Mapping{Measure: "energy", Register: "total", Precision: "s"}},
		Data: "energy,meter=7 total=99999 1768435200\nenergy,meter=7 total=4 1768436100\nenergy,meter=8 total=1 1768436100\nenergy,meter=7 total=2 1768437000\nenergy,meter=7 total=3 1768437900\n",
		Want: `
		7 01-15T00:00 15 5 - - A
		7 01-15T00:30 15 1 - - A
		! register.lp:4 [total]
		`},
}

func TestSuite(t *testing.T) { formattest.Suite(t, "lineprotocol", samples...) }

func FuzzLineProtocol(f *testing.F) { formattest.Fuzz(f, "lineprotocol", samples...) }

func TestRejects(t *testing.T) {
	const at = " 1768435200000000000\n"
	file := "reading,meter=7 energy_kwh=x,length_s=900i" + at + "reading,meter=7 energy_kwh=1" + at + "reading energy_kwh=1,length_s=900i" + at + "reading,meter=7 energy_kwh=1,length_s=900i\n" +
		"reading,meter=7 voltage_v=1,length_s=900i" + at + "reading,meter=7 energy_kwh=1,length_s=7i" + at + "reading,meter=7 energy_kwh=1,length_s=900i,quality=\"so-so\"" + at + "{}\n"
	r := formattest.Read(t, "f", []byte(file), formats.Options{Format: "lineprotocol"})
	if len(r.Readings) != 0 || len(r.Rejected) != 8 {
		t.Errorf("%s", r)
	}
	for i, x := range r.Rejected {
		if want := "f:" + string(rune('1'+i)); x.Where != want || len(x.Reason) < 20 {
			t.Errorf("%+v, want it at %s", x, want)
		}
	}
	mapping := &formats.Mapping{Measure: "m", Meter: "id", Energy: "e", Quality: "q"}
	file = "m,id=7 e=\"x\"" + at + "m,id=7 f=1" + at + "m e=1" + at + "m,id=7 e=1\n" + "m,id=7 e=1,q=\"odd\"" + at + "m,id= e=1" + at + "m,id=9 e=1" + at
	r = formattest.Read(t, "f", []byte(file), formats.Options{Format: "lineprotocol", Mapping: mapping, Register: map[flatwatt.MeterID]flatwatt.Meter{"7": {ID: "7", Interval: 900e9}}})
	formattest.Check(t, r, `
	! f:1 [e]
	! f:2 [e]
	! f:3 [id]
	! f:4 [time]
	! f:5 [q]
	! f:6 [tags]
	! f:7 [id]
	`)
}

// Whatever stands on a line, the lines beside it are read, and it is read as if it were
// alone: lines are decoded many at a time.
func TestLinesDoNotDisturbEachOther(t *testing.T) {
	const good = "m,id=7,host=a e=1,f=2i,g=t 1768435200000000000"
	opt := formats.Options{Format: "lineprotocol", Encoding: "utf-8", Interval: 900e9, Mapping: &formats.Mapping{Measure: "m", Meter: "id", Energy: "e"}}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		odd := []byte(good)
		for range 1 + rng.IntN(4) {
			i := rng.IntN(len(odd))
			switch odd[i] = " ,=\\\"#\tem0\x00\xff"[rng.IntN(12)]; rng.IntN(4) {
			case 0:
				odd = odd[:i+1]
			case 1:
				odd = append(odd[:i], odd[i+1:]...)
			}
			if len(odd) == 0 {
				break
			}
		}
		alone := formattest.Read(t, "f", append(odd, '\n'), opt)
		three := formattest.Read(t, "f", []byte(good+"\n"+string(odd)+"\n"+good+"\n"), opt)
		if len(three.Readings) != 2+len(alone.Readings) || len(three.Rejected) != len(alone.Rejected) {
			t.Fatalf("%q: alone %s between others %s", odd, alone, three)
		}
		for i, x := range three.Rejected {
			if x.Where != "f:2" || x.Reason != alone.Rejected[i].Reason {
				t.Fatalf("%q: %s %s, alone %s", odd, x.Where, x.Reason, alone.Rejected[i].Reason)
			}
		}
	}
}
