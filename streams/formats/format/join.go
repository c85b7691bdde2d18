package format

import (
	"math"

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
// lowest rank are added up and the others ignored: a total makes its phases superfluous,
// and values of intervals the differences of registers.
type Channel struct {
	Name     string
	Quantity Quantity
	Rank     uint8

	// Power says that kW were made kWh: superfluous where the energy itself is given.
	Power bool

	// Set names the channels that are read together, where a format says so. A channel
	// may be without a value as long as its whole set is, and another set is complete: the
	// meter was exchanged.
	Set string
}

// Ranks of channels.
const (
	RankTotal    = 0
	RankPhase    = 1 // one of the phases, or of equal parts
	RankTariff   = 2 // what one tariff's register counted
	RankNet      = 3 // delivered less received: export is in it already
	RankRegister = 8 // added to the rank of differences of a cumulative register
)

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
	days   map[dayKey][]*block // of one meter and day, several lengths of interval
	queue  []*block            // from head on, oldest first
	head   int
	free   []*block
	last   *block
	held   int
	file   string // that values come from now; "": the source's own
}

type blockKey struct {
	meter  flatwatt.MeterID
	day    int64
	length int32
	phase  int32
}

type dayKey struct {
	meter flatwatt.MeterID
	day   int64
}

type block struct {
	blockKey
	file     string
	line     int64 // where it began
	channels []series
	shadowed bool // intervals of another length say what these registers do
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
	return &Joiner{opt: opt, window: orDefault(opt.Window, DefaultWindow), offset: offset, blocks: map[blockKey]*block{}, days: map[dayKey][]*block{}}
}

// Begin says that the values that follow are from another file.
func (j *Joiner) Begin(name string) { j.file = name }

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
		b.blockKey, b.file, b.line, b.shadowed = key, j.file, line, false
		j.blocks[key] = b
		of := dayKey{key.meter, key.day}
		j.days[of] = append(j.days[of], b)
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
