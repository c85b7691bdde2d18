package format

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

func (j *Joiner) oldest(o *Out) {
	b := j.queue[j.head]
	j.queue[j.head] = nil
	j.head++
	if j.head > 1024 && 2*j.head > len(j.queue) {
		j.queue = append(j.queue[:0], j.queue[j.head:]...)
		j.head = 0
	}
	delete(j.blocks, b.blockKey)
	if j.last == b {
		j.last = nil
	}
	j.leave(b)
	b.give(o, j.offset)
	for i := range b.channels {
		j.held -= len(b.channels[i].value)
		b.channels[i].Channel = Channel{}
	}
	b.channels = b.channels[:0]
	b.blockKey = blockKey{}
	j.free = append(j.free, b)
}

// leave takes a block out of its day. Of intervals and registers of one meter and day,
// which may have other lengths, only the intervals count: both would be the energy twice.
func (j *Joiner) leave(b *block) {
	of := dayKey{b.meter, b.day}
	rest := slices.DeleteFunc(j.days[of], func(x *block) bool { return x == b })
	if len(rest) == 0 {
		delete(j.days, of)
		return
	}
	j.days[of] = rest
	for _, x := range rest {
		x.shadowed = x.shadowed || b.lowest(Import) < RankRegister && x.registers()
		b.shadowed = b.shadowed || x.lowest(Import) < RankRegister && b.registers()
	}
}

// registers says that the energy of a block is that of registers alone.
func (b *block) registers() bool {
	rank := min(b.lowest(Import), b.lowest(Export))
	return rank >= RankRegister && rank != noRank
}

const noRank = math.MaxUint8

// lowest is the lowest rank of a quantity's channels, noRank where there are none.
func (b *block) lowest(q Quantity) (rank uint8) {
	rank = noRank
	for i := range b.channels {
		if s := &b.channels[i]; s.Quantity == q {
			rank = min(rank, s.Rank)
		}
	}
	return rank
}

// preferEnergy leaves channels of power out where there is energy of the same quantity and
// rank: it is the same once more.
func (b *block) preferEnergy() {
	for i := range b.channels {
		s := &b.channels[i]
		if s.Power && slices.ContainsFunc(b.channels, func(x series) bool {
			return !x.Power && x.Quantity == s.Quantity && x.Rank <= s.Rank
		}) {
			s.Rank = noRank
		}
	}
}

// oneTariffAtATime says that channels are those of tariffs, each with values only while it
// holds: of no interval two have one.
func oneTariffAtATime(of []*series) bool {
	for slot := range of[0].value {
		n := 0
		for _, s := range of {
			if s.Rank != RankTariff || s.Quantity != of[0].Quantity {
				return false
			}
			if s.value[slot] == s.value[slot] {
				n++
			}
		}
		if n > 1 {
			return false
		}
	}
	return true
}

// give writes the readings of a block in the order of time.
func (b *block) give(o *Out, offset int64) {
	if now := o.name; b.file != "" {
		o.name = b.file
		defer func() { o.name = now }()
	}
	b.preferEnergy()
	energy := b.ofLowestRank(Import, Export)
	if b.shadowed {
		o.Tally.Skip("registers of a meter and day that have intervals too", b.count())
		return
	}
	if len(energy) == 0 {
		// Valid, but no reading: a reading is of active energy.
		o.Tally.Skip("reactive energy or voltage without active energy for the same meter, day and interval", b.count())
		return
	}
	b.tellExportLeftOut(o)
	reactive := b.ofLowestRank(ReactiveImport, ReactiveExport)
	voltage := b.ofLowestRank(Voltage, Voltage)
	r := flatwatt.Reading{Meter: b.meter, Length: time.Duration(b.length) * time.Second}
	start := b.day*86400 - offset + int64(b.phase)
	partial, lacking, tariffs := 0, "", oneTariffAtATime(energy)
	for slot := range energy[0].value {
		sum, q, n, missing := net(energy, slot)
		if n == 0 {
			continue
		}
		if n < len(energy) && !tariffs && !otherSets(energy, slot) {
			partial, lacking = partial+1, missing
			continue
		}
		r.Start = time.Unix(start+int64(slot)*int64(b.length), 0).UTC()
		r.Energy, r.Quality = flatwatt.KWh(sum), q
		r.Reactive, r.Voltage = flatwatt.KVArh(nan), flatwatt.Volt(nan)
		if len(reactive) > 0 {
			if sum, _, n, _ := net(reactive, slot); n == len(reactive) {
				r.Reactive = flatwatt.KVArh(sum)
			}
		}
		if len(voltage) > 0 {
			if sum, _, n, _ := net(voltage, slot); n > 0 {
				r.Voltage = flatwatt.Volt(sum / float64(n))
			}
		}
		o.Reading(&r, b.line)
	}
	if partial > 0 {
		o.Reject(b.line, "energy_kwh", fmt.Sprintf("%d intervals of meter %q on the day from %s have no value on channel %s but on others: their energy is not known and they are left out",
			partial, b.meter, utc(start), lacking), nil)
	}
}

// net adds the channels of one slot up, exports negatively. n counts the values there,
// missing names a channel without one.
func net(of []*series, slot int) (sum float64, q flatwatt.Quality, n int, missing string) {
	for _, s := range of {
		x := s.value[slot]
		if x != x {
			missing = s.Name
			continue
		}
		n++
		if s.Quantity == Export || s.Quantity == ReactiveExport {
			sum -= x
		} else {
			sum += x
		}
		q = Worse(q, s.quality[slot])
	}
	return sum, q, n, missing
}

// otherSets says that the channels without a value in a slot are those of a meter that is
// no longer, or not yet, in place: no channel of their set has a value, and every channel
// of another set has one.
func otherSets(of []*series, slot int) bool {
	for _, s := range of {
		if s.value[slot] == s.value[slot] {
			continue
		}
		for _, x := range of {
			if x.Set == s.Set && x.value[slot] == x.value[slot] {
				return false
			}
		}
	}
	return true
}

// Worse is the quality of a sum: missing if any part is, else estimated, else edited.
func Worse(a, b flatwatt.Quality) flatwatt.Quality {
	if a == Missing || b == Missing {
		return Missing
	}
	if a == flatwatt.Estimated || b == flatwatt.Actual {
		return a
	}
	return b
}

// ofLowestRank returns the channels of two quantities, one the reverse of the other. Beside
// intervals of a, registers of the reverse are left out like those of a: what a curve of
// power with a sign says is in them once more, and they know one interval a delivery less.
func (b *block) ofLowestRank(a, reverse Quantity) []*series {
	lowest, lowestReverse := b.lowest(a), b.lowest(reverse)
	alone := lowest != noRank && lowest%RankRegister >= RankNet || lowest < RankRegister && lowestReverse >= RankRegister
	var of []*series
	for i := range b.channels {
		s := &b.channels[i]
		if s.Rank == noRank {
			continue
		}
		if s.Quantity == a && s.Rank == lowest || s.Quantity == reverse && s.Rank == lowestReverse && !alone {
			of = append(of, s)
		}
	}
	return of
}

// tellExportLeftOut counts the differences of export that ofLowestRank leaves out: beside
// intervals that only count what is delivered they are not in them.
func (b *block) tellExportLeftOut(o *Out) {
	if b.lowest(Import) >= RankRegister || b.lowest(Export) < RankRegister {
		return
	}
	for i := range b.channels {
		if s := &b.channels[i]; s.Quantity == Export && s.Rank >= RankRegister && s.Rank != noRank {
			o.Tally.Skip("registers of export beside intervals of import", s.count())
		}
	}
}

func (b *block) count() (n int64) {
	for i := range b.channels {
		n += b.channels[i].count()
	}
	return n
}

func (s *series) count() (n int64) {
	for _, v := range s.value {
		if v == v {
			n++
		}
	}
	return n
}
