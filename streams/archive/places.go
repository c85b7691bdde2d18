package archive

import (
	"fmt"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A place is where a meter's readings go.
type place struct {
	id        flatwatt.MeterID
	number    int32 // in Writer.ids
	partition int
	zone      *civil
	clock     string
}

// A civil is a time zone, with the local day that was last looked at.
type civil struct {
	loc        *time.Location
	start, end int64
}

// dayEnd is the end of the local day of t.
func (c *civil) dayEnd(t int64) int64 {
	if t < c.start || t >= c.end {
		d := flatwatt.DayOf(time.Unix(t, 0), c.loc)
		c.start, c.end = d.Start(c.loc).Unix(), (d + 1).Start(c.loc).Unix()
	}
	return c.end
}

func (w *Writer) placeMeters() error {
	for _, m := range w.opt.Meters {
		p := 0
		if w.opt.Partition != nil {
			p = w.opt.Partition(m)
		}
		if p < 0 || p >= w.opt.Partitions {
			return fmt.Errorf("open archive: meter %s is in partition %d of %d", m.ID, p, w.opt.Partitions)
		}
		zone := m.Zone
		if zone == nil {
			zone = time.UTC
		}
		kind := flatwatt.Customer
		if m.Kind != "" && m.Kind != flatwatt.Customer {
			kind = "other"
		}
		w.place(m.ID, p, zone, string(kind))
	}
	return nil
}

// place files a meter. Its clock is that of the meters whose days end with its own: same
// partition, zone and kind, as for a Scorer.
func (w *Writer) place(id flatwatt.MeterID, partition int, loc *time.Location, kind string) *place {
	zone := w.zones[loc.String()]
	if zone == nil {
		zone = &civil{loc: loc}
		w.zones[loc.String()] = zone
	}
	p := &place{id: id, number: int32(len(w.ids)), partition: partition, zone: zone,
		clock: fmt.Sprintf("%d %s %s", partition, loc, kind)}
	w.ids = append(w.ids, id)
	w.places[id] = p
	return p
}
