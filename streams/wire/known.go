package wire

import (
	"time"

	"github.com/flatwatt/flatwatt"
)

// Registered knows the meters of a register and no others. It does not allocate.
func Registered(meters []flatwatt.Meter) Known {
	type entry struct {
		name     flatwatt.MeterID
		interval time.Duration
	}
	byID := make(map[flatwatt.MeterID]entry, len(meters))
	for _, m := range meters {
		byID[m.ID] = entry{m.ID, m.Interval}
	}
	return func(id []byte) (flatwatt.MeterID, time.Duration, bool) {
		e, ok := byID[flatwatt.MeterID(id)]
		return e.name, e.interval, ok
	}
}

// AnyMeter knows every meter, with the interval given (0: readings must carry their
// length), up to limit meters: past it, garbage for names would fill the memory.
// It allocates once a meter, and one goroutine may use it at a time.
func AnyMeter(interval time.Duration, limit int) Known {
	seen := map[flatwatt.MeterID]flatwatt.MeterID{}
	return func(id []byte) (flatwatt.MeterID, time.Duration, bool) {
		if name, ok := seen[flatwatt.MeterID(id)]; ok {
			return name, interval, true
		}
		if len(seen) >= limit {
			return "", 0, false
		}
		name := flatwatt.MeterID(id)
		seen[name] = name
		return name, interval, true
	}
}
