package hall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/flatwatt/flatwatt"
)

// stateVersion names the layout; any change of bytes or meaning raises it.
const stateVersion = 1

var errTruncated = errors.New("state of the halls is truncated")

// AppendBinary implements encoding.BinaryAppender. Layout, little endian: version u32 ·
// hash of the halls u64 · per zone: started u8, day i32, lastSeen i64 · per hall: first
// alarm, count, days i32, then the days · slots f32.
func (s *Scorer) AppendBinary(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	b = le.AppendUint64(le.AppendUint32(b, stateVersion), s.hash)
	for i := range s.zones {
		z := &s.zones[i]
		started := byte(0)
		if z.started {
			started = 1
		}
		b = le.AppendUint64(le.AppendUint32(append(b, started), uint32(z.day)), uint64(z.lastSeen))
	}
	var err error
	for i := range s.state {
		st := &s.state[i]
		for _, v := range []int32{st.FirstAlarm, st.Count, int32(len(st.Days))} {
			b = le.AppendUint32(b, uint32(v))
		}
		if b, err = binary.Append(b, le, st.Days); err != nil {
			return nil, fmt.Errorf("state of the halls: %w", err)
		}
	}
	if b, err = binary.Append(b, le, s.slots); err != nil {
		return nil, fmt.Errorf("state of the halls: %w", err)
	}
	return b, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It refuses the state of another
// layout or of other halls. After an error the Scorer must not be used.
func (s *Scorer) UnmarshalBinary(b []byte) error {
	le := binary.LittleEndian
	if len(b) < 12+13*len(s.zones) {
		return errTruncated
	}
	if v := le.Uint32(b); v != stateVersion {
		return fmt.Errorf("state of the halls has layout %d, this program %d: start from the archive", v, stateVersion)
	}
	if le.Uint64(b[4:]) != s.hash {
		return errors.New("state is of other halls: start from the archive")
	}
	b = b[12:]
	for i := range s.zones {
		z := &s.zones[i]
		z.started = b[0] == 1
		z.open(flatwatt.Day(le.Uint32(b[1:])), s.grace)
		z.lastSeen = int64(le.Uint64(b[5:]))
		b = b[13:]
	}
	for i := range s.state {
		var err error
		if b, err = s.state[i].read(b); err != nil {
			return err
		}
	}
	n, err := binary.Decode(b, le, s.slots)
	if err != nil {
		return errTruncated
	}
	if len(b) > n {
		return fmt.Errorf("state of the halls has %d bytes too many", len(b)-n)
	}
	return nil
}

// read takes one hall's state off b.
func (st *state) read(b []byte) (rest []byte, err error) {
	le := binary.LittleEndian
	if len(b) < 12 {
		return nil, errTruncated
	}
	first, count, n := int32(le.Uint32(b)), int32(le.Uint32(b[4:])), int32(le.Uint32(b[8:]))
	if n < 0 || n > History || count < n {
		return nil, errTruncated
	}
	b = b[12:]
	*st = state{FirstAlarm: first, Count: count}
	if n == 0 {
		return b, nil
	}
	st.Days = make([]day, n, History)
	size, err := binary.Decode(b, le, st.Days)
	if err != nil {
		return nil, errTruncated
	}
	return b[size:], nil
}

// hashOf tells halls apart.
func (s *Scorer) hashOf() uint64 {
	h := fnv.New64a()
	for i := range s.halls {
		m := &s.halls[i].meter
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%d\x00%v\x00", m.ID, m.Region, m.Class, m.Zone, m.Interval, m.Contracted)
	}
	fmt.Fprintf(h, "%d", s.grace)
	return h.Sum64()
}
