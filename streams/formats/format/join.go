package format

import (
	"fmt"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// DefaultWindow is how many values are held back to join channels where
// Options.Window is zero: about 20 MB.
const DefaultWindow = 1 << 20

// A Quantity is what a channel of a meter measures over an interval.
type Quantity uint8

const (
	Import         Quantity = iota // kWh delivered to the customer
	Export                         // kWh taken from the customer
	ReactiveImport                 // kVArh
	ReactiveExport
	Voltage // V, mean over the interval
)

// A Channel is one series of a meter. Of the channels of one quantity those of the
// lowest rank are added up and the others ignored: a total (0) makes its phases (1)
// superfluous.
type Channel struct {
	Name     string
	Quantity Quantity
	Rank     uint8
}

// A Joiner makes readings of channels: energy is import less export, phases are added,
// of several values for one interval and channel that of the highest version stays, and
// of equal versions the last one in the file.
//
// It holds the values of a meter and day together in a block, and gives the oldest
// blocks out when it holds too many. What comes for a block after that makes a new one,
// and so a second reading for the same interval.
type Joiner struct {
	opt    Options
	window int
	offset int64 // days begin that many seconds before UTC's
	blocks map[blockKey]*block
	queue  []*block // from head on, oldest first
	head   int
	free   []*block
	last   *block
	held   int
}

type blockKey struct {
	meter  flatwatt.MeterID
	day    int64
	length int32
	phase  int32
}

type block struct {
	blockKey
	line     int64 // where it began
	channels []series
}

type series struct {
	Channel
	value   []float64 // NaN: none
	quality []flatwatt.Quality
	version []int64
}

// NewJoiner makes one for days that begin offset seconds before those of UTC, such as
// 28800 for China: a day of the meters should not fall into two blocks.
func NewJoiner(opt Options, offset int64) *Joiner {
	return &Joiner{opt: opt, window: orDefault(opt.Window, DefaultWindow), offset: offset, blocks: map[blockKey]*block{}}
}

// Values is a run of consecutive values of one channel.
type Values struct {
	Start   int64 // of the first interval, Unix seconds
	Length  int64 // of an interval in seconds, a divisor of a day or a multiple
	V       []float64
	Quality []flatwatt.Quality // of each value; nil: All
	All     flatwatt.Quality
	Version int64
	Line    int64
}

// Add takes values, in kWh, kVArh or V. NaN says that there is none.
func (j *Joiner) Add(t *Tally, id flatwatt.MeterID, ch Channel, v *Values) {
	const day = 86400
	for i := 0; i < len(v.V); {
		at := v.Start + int64(i)*v.Length + j.offset
		d := floorDiv(at, day)
		slot := (at - d*day) / v.Length
		key := blockKey{id, d, int32(v.Length), int32((at - d*day) % v.Length)}
		b := j.block(key, v.Line)
		slots := max(1, (day-int64(key.phase)+v.Length-1)/v.Length)
		n := min(int(slots-slot), len(v.V)-i)
		s := j.series(b, ch, int(slots))
		s.put(t, v, int(slot), i, n)
		i += n
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (j *Joiner) block(key blockKey, line int64) *block {
	if j.last != nil && j.last.blockKey == key {
		return j.last
	}
	b := j.blocks[key]
	if b == nil {
		if n := len(j.free); n > 0 {
			b, j.free = j.free[n-1], j.free[:n-1]
		} else {
			b = &block{}
		}
		b.blockKey, b.line = key, line
		j.blocks[key] = b
		j.queue = append(j.queue, b)
	}
	j.last = b
	return b
}

func (j *Joiner) series(b *block, ch Channel, slots int) *series {
	for i := range b.channels {
		if s := &b.channels[i]; s.Quantity == ch.Quantity && s.Name == ch.Name {
			return s
		}
	}
	if len(b.channels) < cap(b.channels) { // memory of a block given out before
		b.channels = b.channels[:len(b.channels)+1]
	} else {
		b.channels = append(b.channels, series{})
	}
	s := &b.channels[len(b.channels)-1]
	s.Channel = ch
	if cap(s.value) < slots {
		s.value, s.quality = make([]float64, slots), make([]flatwatt.Quality, slots)
	}
	s.value, s.quality, s.version = s.value[:slots], s.quality[:slots], nil
	for i := range s.value {
		s.value[i] = nan
	}
	j.held += slots
	return s
}

var nan = math.NaN()

func (s *series) put(t *Tally, v *Values, slot, from, n int) {
	if v.Version != 0 && s.version == nil {
		s.version = make([]int64, len(s.value))
	}
	for i := range n {
		x, at := v.V[from+i], slot+i
		if x != x {
			continue
		}
		if old := s.value[at]; old == old {
			if s.version != nil && v.Version < s.version[at] {
				t.Corrections++
				continue
			}
			if old == x {
				t.Duplicates++
			} else {
				t.Corrections++
			}
		}
		s.value[at], s.quality[at] = x, v.All
		if v.Quality != nil {
			s.quality[at] = v.Quality[from+i]
		}
		if s.version != nil {
			s.version[at] = v.Version
		}
	}
}

// Drain gives out the oldest blocks while more is held than the window allows.
func (j *Joiner) Drain(o *Out) {
	for j.held > j.window && !o.Full() {
		j.oldest(o)
	}
}

// Flush gives out all blocks, as far as o takes them; done says that none is left.
func (j *Joiner) Flush(o *Out) (done bool) {
	for j.head < len(j.queue) && !o.Full() {
		j.oldest(o)
	}
	return j.head == len(j.queue)
}

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
	b.give(o, j.offset)
	for i := range b.channels {
		j.held -= len(b.channels[i].value)
		b.channels[i].Channel = Channel{}
	}
	b.channels = b.channels[:0]
	b.blockKey = blockKey{}
	j.free = append(j.free, b)
}

// give writes the readings of a block in the order of time.
func (b *block) give(o *Out, offset int64) {
	energy := b.ofLowestRank(Import, Export)
	if len(energy) == 0 {
		// Valid, but no reading: a reading is of active energy.
		o.Tally.Skip("reactive energy or voltage without active energy for the same meter, day and interval", b.count())
		return
	}
	reactive := b.ofLowestRank(ReactiveImport, ReactiveExport)
	voltage := b.ofLowestRank(Voltage, Voltage)
	r := flatwatt.Reading{Meter: b.meter, Length: time.Duration(b.length) * time.Second}
	start := b.day*86400 - offset + int64(b.phase)
	partial, lacking := 0, ""
	for slot := range energy[0].value {
		sum, q, n, missing := net(energy, slot)
		if n == 0 {
			continue
		}
		if n < len(energy) {
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

// Worse is the quality of a sum: estimated if any part is, else edited if any part is.
func Worse(a, b flatwatt.Quality) flatwatt.Quality {
	if a == flatwatt.Estimated || b == flatwatt.Actual {
		return a
	}
	return b
}

func (b *block) ofLowestRank(a, c Quantity) []*series {
	var lowest [Voltage + 1]uint8
	for i := range lowest {
		lowest[i] = math.MaxUint8
	}
	for i := range b.channels {
		s := &b.channels[i]
		lowest[s.Quantity] = min(lowest[s.Quantity], s.Rank)
	}
	var of []*series
	for i := range b.channels {
		s := &b.channels[i]
		if (s.Quantity == a || s.Quantity == c) && s.Rank == lowest[s.Quantity] {
			of = append(of, s)
		}
	}
	return of
}

func (b *block) count() (n int64) {
	for i := range b.channels {
		for _, v := range b.channels[i].value {
			if v == v {
				n++
			}
		}
	}
	return n
}
