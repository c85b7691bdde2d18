package pq

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// give gives the first n rows held by every column out.
func (d *decoder) give(o *format.Out, n int) {
	if d.interval == 0 {
		d.interval = d.guess(n)
	}
	meter, start := d.meter.take(n), d.start.take(n)
	energy := d.number[roleEnergy].take(n)
	export, reactive, voltage := d.optional(roleExport, n), d.optional(roleReactive, n), d.optional(roleVoltage, n)
	var quality []flatwatt.Quality
	if d.index[roleQuality] >= 0 {
		quality = d.quality.take(n)
	}
	r := flatwatt.Reading{}
	nan := math.NaN()
	for i := range n {
		row := d.row + int64(i) + 1
		m := meter[i]
		if !d.place(o, m, start[i], row, &r) {
			continue
		}
		r.Quality = flatwatt.Actual
		if quality != nil {
			r.Quality = quality[i]
		}
		v, half := net(energy, export, i)
		if half && r.Quality != format.Missing {
			o.Reject(row, "energy_kwh", fmt.Sprintf("there is no energy beside the export of %v: write 0 where there was none", export[i]), nil)
			continue
		}
		if v != v || r.Quality == format.Missing {
			d.tally.Missing++
			continue
		}
		if r.Quality == badQuality {
			o.Reject(row, "quality", "the quality is not known: use actual, estimated or edited", nil)
			continue
		}
		r.Energy = flatwatt.KWh(v * m.Factor * d.unit.Scale(int64(r.Length/time.Second)))
		r.Reactive, r.Voltage = flatwatt.KVArh(nan), flatwatt.Volt(nan)
		if reactive != nil {
			r.Reactive = flatwatt.KVArh(reactive[i] * m.Factor)
		}
		if voltage != nil {
			r.Voltage = flatwatt.Volt(voltage[i])
		}
		o.Reading(&r, row)
	}
}

// net is energy less export; none is 0. half says that there is export without energy.
func net(energy, export []float64, i int) (v float64, half bool) {
	v = energy[i]
	if export == nil || export[i] != export[i] || export[i] == 0 {
		return v, false
	}
	return v - export[i], v != v
}

func (d *decoder) optional(role, n int) []float64 {
	if d.index[role] < 0 {
		return nil
	}
	return d.number[role].take(n)
}

// place fills in meter, start and length.
func (d *decoder) place(o *format.Out, m *format.Meter, start, row int64, r *flatwatt.Reading) bool {
	switch {
	case m == nil:
		o.Reject(row, "meter_id", "the meter is null: every reading needs one", nil)
		return false
	case m.Fault != "":
		o.Reject(row, "meter_id", m.Fault, []byte(m.ID))
		return false
	case start == noStart:
		o.Reject(row, "start", "the time is null or not like 2026-01-15T08:00:00Z: correct it", nil)
		return false
	}
	if d.local && m.Zone != nil {
		if d.zone == nil || m.Zone != d.zoneOf {
			d.zone, d.zoneOf = format.NewZone(m.Zone), m.Zone
		}
		last := m.Last("")
		unix, ok := d.zone.Local(start, *last)
		if !ok {
			o.Reject(row, "start", fmt.Sprintf("the time does not exist in %s, where clocks were put forward: store instants in UTC", m.Zone), nil)
			return false
		}
		*last, start = unix, unix
	}
	r.Meter, r.Length = m.ID, m.Interval
	if r.Length == 0 {
		r.Length = time.Duration(d.interval) * time.Second
	}
	r.Start = time.Unix(start, 0).UTC()
	if d.opt.Stamp == format.StampEnd {
		r.Start = r.Start.Add(-r.Length)
	}
	return true
}

// guess is the commonest distance between consecutive rows of a meter, or between the
// times where the file goes by time, among the first rows.
func (d *decoder) guess(n int) int64 {
	meter, start := d.meter.peek(n), d.start.peek(n)
	same, any := map[int64]int{}, map[int64]int{}
	last := map[*format.Meter]int64{}
	for i := range n {
		if start[i] == noStart {
			continue
		}
		if at, ok := last[meter[i]]; ok && start[i] > at {
			same[start[i]-at]++
		}
		last[meter[i]] = start[i]
		if i > 0 && start[i] > start[i-1] {
			any[start[i]-start[i-1]]++
		}
	}
	for _, counts := range []map[int64]int{same, any} {
		steps := []int64{60, 300, 600, 900, 1200, 1800, 3600}
		best := slices.MaxFunc(steps, func(a, b int64) int { return counts[a] - counts[b] })
		if counts[best] > 0 {
			return best
		}
	}
	return 0
}
