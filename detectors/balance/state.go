package balance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"

	"github.com/flatwatt/flatwatt"
)

// stateVersion names the layout; any change of bytes or meaning raises it.
const stateVersion = 3

var errTruncated = errors.New("balance state is truncated")

// AppendBinary implements encoding.BinaryAppender. Layout, little endian:
//
//	version u32 · hash of nodes and members u64 · per zone: started u8, filled u8, day i32,
//	lastSeen i64 · nodes · members · slots u32 each · volts: u8, then f32 beside the slots
//	if 1 · the inner fleet
func (s *Scorer) AppendBinary(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	b = le.AppendUint64(le.AppendUint32(b, stateVersion), s.hash())
	for i := range s.zones {
		z := &s.zones[i]
		b = append(b, asByte(z.started), asByte(z.filled))
		b = le.AppendUint64(le.AppendUint32(b, uint32(z.day)), uint64(z.lastSeen))
	}
	for _, part := range []any{s.state, s.memory, s.slots} {
		var err error
		if b, err = binary.Append(b, le, part); err != nil {
			return nil, fmt.Errorf("state of the balance: %w", err)
		}
	}
	b = append(b, asByte(s.volts != nil))
	b, err := binary.Append(b, le, s.volts)
	if err != nil {
		return nil, fmt.Errorf("state of the balance: %w", err)
	}
	return s.inner.AppendBinary(b)
}

// StateSize is about how many bytes AppendBinary appends.
func (s *Scorer) StateSize() int {
	return binary.Size(s.state) + binary.Size(s.memory) + binary.Size(s.slots) + binary.Size(s.volts) + s.inner.StateSize()
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It refuses the state of another
// layout or network.
func (s *Scorer) UnmarshalBinary(b []byte) error {
	le := binary.LittleEndian
	if len(b) < 12+14*len(s.zones) {
		return errTruncated
	}
	if v := le.Uint32(b); v != stateVersion {
		return fmt.Errorf("balance state has layout %d, this program %d: start from the archive", v, stateVersion)
	}
	if le.Uint64(b[4:]) != s.hash() {
		return errors.New("balance state is of another network: start from the archive")
	}
	b = b[12:]
	for i := range s.zones {
		z := &s.zones[i]
		z.started, z.filled = b[0] == 1, b[1] == 1
		z.open(flatwatt.Day(le.Uint32(b[2:])), s.grace)
		z.lastSeen = int64(le.Uint64(b[6:]))
		b = b[14:]
	}
	for _, part := range []any{s.state, s.memory, s.slots} {
		n, err := binary.Decode(b, le, part)
		if err != nil {
			return errTruncated
		}
		b = b[n:]
	}
	if len(b) < 1 {
		return errTruncated
	}
	has := b[0] == 1
	b, s.volts = b[1:], nil
	if has {
		s.volts = make([]float32, len(s.slots))
		n, err := binary.Decode(b, le, s.volts)
		if err != nil {
			return errTruncated
		}
		b = b[n:]
	}
	return s.inner.UnmarshalBinary(b)
}

// hash tells networks apart: nodes with their members, from when to when, in order.
func (s *Scorer) hash() uint64 {
	h := fnv.New64a()
	var b []byte
	number := func(x int64) { b = append(strconv.AppendInt(b, x, 10), 0) }
	for i := range s.nodes {
		n := &s.nodes[i]
		b = append(append(b[:0], s.meters[n.meter].ID...), 0)
		number(int64(n.step))
		for _, m := range s.members[n.lo:n.hi] {
			b = append(append(b, s.meters[m.meter].ID...), 0)
			number(int64(s.meters[m.meter].Interval))
			number(m.from)
			number(m.to)
		}
		h.Write(b)
	}
	fmt.Fprintf(h, "%d", s.grace)
	return h.Sum64()
}

func asByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
