package main

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/vee"
)

// maxSurveyRegisters bounds the register readings that wait for the intervals of their meter.
const maxSurveyRegisters = 2_000_000

// A registerLog holds what registers of a file showed until intervals of their meter come
// out of the decoder, which knows meters by these.
type registerLog struct {
	waiting map[flatwatt.MeterID][]vee.Register
	last    map[flatwatt.MeterID]vee.Register
	held    int
}

// registerSpacing is how far apart the readings of a register that are checked lie at
// least: what adds up over a quarter of a day adds up.
const registerSpacing = 6 * time.Hour

// take is formats.Options.OnRegister.
func (l *registerLog) take(r formats.RegisterReading) {
	if l.waiting == nil {
		l.waiting, l.last = map[flatwatt.MeterID][]vee.Register{}, map[flatwatt.MeterID]vee.Register{}
	}
	v := vee.Register{Meter: r.Meter, At: r.At, Total: r.Total}
	if before, ok := l.last[r.Meter]; ok && r.Total < before.Total {
		// Over its highest number, not back, if it fell from the last tenth to the first.
		modulus := flatwatt.KWh(math.Pow(10, math.Ceil(math.Log10(max(float64(before.Total), 1)+1))))
		if before.Total >= 0.9*modulus && r.Total <= 0.1*modulus {
			v.Rollover = modulus
		}
	} else if ok && r.At.Sub(before.At) < registerSpacing || l.held >= maxSurveyRegisters {
		return
	}
	l.last[r.Meter] = v
	l.waiting[r.Meter] = append(l.waiting[r.Meter], v)
	l.held++
}

// add hands readings to the checker, and after each of a meter what its registers showed
// until then.
func (l *registerLog) add(c *vee.Checker, out *vee.Report, readings []flatwatt.Reading) {
	from := 0
	for i := range readings {
		if l.held == 0 {
			break
		}
		r := &readings[i]
		of := l.waiting[r.Meter]
		n := 0
		for n < len(of) && !of[n].At.After(r.End()) {
			n++
		}
		if n > 0 {
			c.Add(out, readings[from:i+1])
			from = i + 1
			c.AddRegister(of[:n])
			l.held -= n
			l.waiting[r.Meter] = of[n:]
		}
	}
	c.Add(out, readings[from:])
}
