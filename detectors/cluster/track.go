package cluster

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
)

const (
	trackDays   = 4   // of floors that are looked at for steps
	trackHours  = 24  //
	stepsMost   = 16  // the latest are kept
	trackFrom   = .01 // probability from which a meter's floors are followed
	stepLeast   = .05 // of the block: smaller steps are not told from use
	stepMost    = .6
	stepClarity = 3.5 // standard errors
)

// A track is the floor of a meter with a block, and the steps in it. It holds no pointers.
type track struct {
	Floor [trackDays * trackHours]float32 // kW by local hour, oldest day first
	Last  int32                           // latest day in it
	N     int32                           // steps so far
	Steps [stepsMost]step                 // ring
}

// A step is a lasting change of a meter's floor.
type step struct {
	Hour  int32   // hours since 1970 at local midnight's zone: the day's number × 24 + local hour
	Seen  int32   // day on which it was told
	Ratio float32 // change as a share of the block
	_     int32
}

// Floors takes the hourly floors behind a customer's score: see detectors.Fleet.SeeFloors.
// Without it no distant operators are seen.
func (s *Scorer) Floors(sc *flatwatt.Score, floors *[trackHours]float64) {
	if !(sc.Probability >= trackFrom) || sc.Onset.At.IsZero() || !(sc.Block.Value > 0) || !sc.Ended.IsZero() {
		return
	}
	i, ok := s.number(sc.Meter)
	if !ok {
		return
	}
	t := s.tracks[i]
	if t == nil {
		t = &track{}
		for k := range t.Floor {
			t.Floor[k] = nan32
		}
		s.tracks[i] = t
	}
	t.push(int32(sc.Day), floors)
	t.look(int32(sc.Day), sc.Block.Value)
}

var nan32 = float32(nan)

// push moves the floors on to a day; days between are unknown.
func (t *track) push(day int32, floors *[trackHours]float64) {
	for by := min(day-t.Last, trackDays); by > 0; by-- {
		copy(t.Floor[:], t.Floor[trackHours:])
		for h := range trackHours {
			t.Floor[(trackDays-1)*trackHours+h] = nan32
		}
	}
	t.Last = day
	for h, kw := range floors {
		t.Floor[(trackDays-1)*trackHours+h] = float32(kw)
	}
}

// look notes a step in the middle of the remembered days. An hour against the same hour of
// the day before is free of the day's shape; the sum of these differences over a day's
// hours from k on is greatest where k is the hour of the step.
func (t *track) look(day int32, block float64) {
	best, at, spread := 0.0, 0, 0.0
	for k := trackHours + 4; k <= 3*trackHours-4; k++ {
		if mean, se, ok := t.change(k); ok && math.Abs(mean) > math.Abs(best) {
			best, at, spread = mean, k, se
		}
	}
	inside := at >= trackHours+trackHours/2 && at < 2*trackHours+trackHours/2
	ratio := best / block
	if !inside || math.Abs(ratio) < stepLeast || math.Abs(ratio) > stepMost || math.Abs(best) < stepClarity*spread {
		return
	}
	hour := (day-trackDays+1)*trackHours + int32(at)
	if t.N > 0 && hour-t.Steps[(t.N-1)%stepsMost].Hour < trackHours/2 {
		return // told already
	}
	t.Steps[t.N%stepsMost] = step{Hour: hour, Seen: day, Ratio: float32(ratio)}
	t.N++
}

// change is the mean difference to the day before over the day from hour k on, its outer
// quarters left out, with its standard error.
func (t *track) change(k int) (mean, se float64, ok bool) {
	var buf [trackHours]float64
	n := 0
	for h := k; h < min(k+trackHours, len(t.Floor)); h++ {
		if d := float64(t.Floor[h] - t.Floor[h-trackHours]); d == d {
			buf[n] = d
			n++
		}
	}
	if n < trackHours*2/3 {
		return 0, 0, false
	}
	x := buf[:n]
	slices.Sort(x)
	cut := n / 8
	x = x[cut : n-cut]
	var m2 float64
	for i, v := range x {
		e := v - mean
		mean += e / float64(i+1)
		m2 += e * (v - mean)
	}
	return mean, math.Sqrt(m2/float64(len(x))/float64(len(x))) + 1e-3, true
}

// steps calls f for each step known on a day, of hours from a moment on, oldest first.
func (t *track) steps(day, from int32, f func(step)) {
	for k := max(0, t.N-stepsMost); k < t.N; k++ {
		if st := t.Steps[k%stepsMost]; st.Seen <= day && st.Hour >= from {
			f(st)
		}
	}
}

// appendDistant appends tracks and operators.
func (s *Scorer) appendDistant(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	var keys []int32
	for i := range s.tracks {
		keys = append(keys, i)
	}
	slices.Sort(keys)
	b = le.AppendUint32(b, uint32(len(keys)))
	var err error
	for _, i := range keys {
		if b, err = binary.Append(le.AppendUint32(b, uint32(i)), le, s.tracks[i]); err != nil {
			return nil, err
		}
	}
	return binary.Append(le.AppendUint32(b, uint32(len(s.operators))), le, s.operators)
}

// readDistant reads what appendDistant wrote.
func (s *Scorer) readDistant(b []byte) (rest []byte, err error) {
	le := binary.LittleEndian
	if len(b) < 4 {
		return nil, errTruncated
	}
	n := le.Uint32(b)
	b = b[4:]
	clear(s.tracks)
	for range n {
		if len(b) < 4 || le.Uint32(b) >= uint32(len(s.ids)) {
			return nil, errTruncated
		}
		t := &track{}
		size, err := binary.Decode(b[4:], le, t)
		if err != nil {
			return nil, errTruncated
		}
		s.tracks[int32(le.Uint32(b))] = t
		b = b[4+size:]
	}
	if len(b) < 4 || le.Uint32(b) > uint32(len(s.ids)) {
		return nil, errTruncated
	}
	s.operators = make([]operator, le.Uint32(b))
	size, err := binary.Decode(b[4:], le, s.operators)
	if err != nil {
		return nil, errTruncated
	}
	return b[4+size:], nil
}
