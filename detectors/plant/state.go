package plant

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/flatwatt/flatwatt"
)

// stateVersion names the layout; any change of bytes or meaning raises it.
const stateVersion = 3

var errTruncated = errors.New("state of the plants is truncated")

// AppendBinary implements encoding.BinaryAppender. Layout, little endian: version u32 ·
// hash of the plants u64 · per zone: started u8, day i32, lastSeen i64, count i32 ·
// plantStates · hours, peers, flows f32 each · lags i16 · slots f32.
func (s *Scorer) AppendBinary(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	b = le.AppendUint64(le.AppendUint32(b, stateVersion), s.hash)
	for i := range s.zones {
		z := &s.zones[i]
		started := byte(0)
		if z.started {
			started = 1
		}
		b = append(b, started)
		b = le.AppendUint32(le.AppendUint64(le.AppendUint32(b, uint32(z.day)), uint64(z.lastSeen)), uint32(z.count))
	}
	for _, part := range []any{s.state, s.hours, s.peers, s.flows, s.lags, s.slots} {
		var err error
		if b, err = binary.Append(b, le, part); err != nil {
			return nil, fmt.Errorf("state of the plants: %w", err)
		}
	}
	return b, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It refuses the state of another
// layout or of other plants.
func (s *Scorer) UnmarshalBinary(b []byte) error {
	le := binary.LittleEndian
	if len(b) < 12+17*len(s.zones) {
		return errTruncated
	}
	if v := le.Uint32(b); v != stateVersion {
		return fmt.Errorf("state of the plants has layout %d, this program %d: start from the archive", v, stateVersion)
	}
	if le.Uint64(b[4:]) != s.hash {
		return errors.New("state is of other plants: start from the archive")
	}
	b = b[12:]
	for i := range s.zones {
		z := &s.zones[i]
		z.started = b[0] == 1
		z.open(flatwatt.Day(le.Uint32(b[1:])), s.grace)
		z.lastSeen, z.count = int64(le.Uint64(b[5:])), int32(le.Uint32(b[13:]))
		if z.count < 0 {
			return errTruncated
		}
		b = b[17:]
	}
	for _, part := range []any{s.state, s.hours, s.peers, s.flows, s.lags, s.slots} {
		n, err := binary.Decode(b, le, part)
		if err != nil {
			return errTruncated
		}
		b = b[n:]
	}
	if len(b) > 0 {
		return fmt.Errorf("state of the plants has %d bytes too many", len(b))
	}
	return nil
}

// hashOf tells plants apart.
func (s *Scorer) hashOf() uint64 {
	h := fnv.New64a()
	for i := range s.plants {
		m := &s.plants[i].meter
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%d\x00%v\x00", m.ID, m.Region, m.Class, m.Zone, m.Interval, m.Contracted)
	}
	fmt.Fprintf(h, "%d", s.grace)
	return h.Sum64()
}
