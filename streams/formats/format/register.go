package format

import (
	"fmt"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A register is the last state of one cumulative register of a meter.
type register struct {
	name string
	at   int64 // Unix seconds
	kWh  float64
	low  bool // estimated
}

// maxRegisterStep is the longest distance of two register readings that makes an interval.
const maxRegisterStep = int64(time.Hour / time.Second)

// A Delta is what went through it between two readings.
type Delta struct {
	Start, End int64 // Unix seconds
	Energy     float64
	Estimated  bool // one of its ends was
}

// Register takes a reading of a cumulative register and returns what went through since
// the one before. ok is false for the first one, and where the difference says nothing:
// then reason, if not empty, says why. modulus is where the register starts over, such
// as 1e6 kWh; 0 finds it from the number of digits before.
//
// A register that fell has gone over its highest number if it stood in the last tenth
// before and stands in the first tenth now; otherwise it was swapped or set back, and
// the interval is lost. That a new meter stands higher than the old one cannot be seen
// here.
func (m *Meter) Register(t *Tally, name string, at int64, value, modulus float64, estimated bool) (d Delta, ok bool, reason string) {
	r := m.register(name)
	if r == nil {
		m.registers = append(m.registers, register{name, at, value, estimated})
		return Delta{}, false, ""
	}
	before := *r
	switch {
	case at == before.at:
		if value == before.kWh {
			t.Duplicates++
			return Delta{}, false, ""
		}
		t.Corrections++
		r.kWh, r.low = value, estimated
		return Delta{}, false, fmt.Sprintf("the register is there twice at one time, with %v and %v: the second is believed from here on", before.kWh, value)
	case at < before.at:
		return Delta{}, false, fmt.Sprintf("the register reading of %s comes after that of %s: sort the file by meter and time", utc(at), utc(before.at))
	}
	r.at, r.kWh, r.low = at, value, estimated
	d = Delta{Start: before.at, End: at, Energy: value - before.kWh, Estimated: estimated || before.low}
	if d.Energy < 0 {
		if modulus <= 0 {
			for modulus = 10; modulus <= before.kWh; { // digits before the point: 99999.5 has five
				modulus *= 10
			}
		}
		if before.kWh < 0.9*modulus || value > 0.1*modulus || before.kWh >= modulus {
			t.Resets++
			return Delta{}, false, fmt.Sprintf("the register fell from %v to %v: the meter was swapped or set back, and what went through since %s is not known", before.kWh, value, utc(before.at))
		}
		t.Rollovers++
		d.Energy += modulus
	}
	if at-before.at > maxRegisterStep {
		t.Gaps++
		return d, false, ""
	}
	return d, true, ""
}

func (m *Meter) register(name string) *register {
	for i := range m.registers {
		if m.registers[i].name == name {
			return &m.registers[i]
		}
	}
	return nil
}

func utc(sec int64) string { return time.Unix(sec, 0).UTC().Format(time.RFC3339) }

// A RegisterReading is what a register of all the energy delivered to a meter showed, with
// its unit and ratios applied.
type RegisterReading struct {
	Meter flatwatt.MeterID
	At    time.Time
	Total flatwatt.KWh
}

// Showed tells Options.OnRegister of a register reading in kWh, if the channel is that of
// all delivered energy.
func (o *Out) Showed(m *Meter, ch Channel, at int64, kWh float64) {
	if o.opt.OnRegister != nil && ch.Quantity == Import && ch.Rank == RankRegister {
		o.opt.OnRegister(RegisterReading{m.ID, time.Unix(at, 0).UTC(), flatwatt.KWh(kWh)})
	}
}
