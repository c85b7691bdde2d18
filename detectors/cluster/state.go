package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
)

const stateVersion = 3

var errTruncated = errors.New("state of the clusters is truncated")

// AppendBinary implements encoding.BinaryAppender. Layout, little endian: version u32 ·
// hash of meters and network u64 · members · cases · tracks and operators, each with its
// number u32 before it · the inner scorer's state.
func (s *Scorer) AppendBinary(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	b = le.AppendUint64(le.AppendUint32(b, stateVersion), s.hash())
	for _, part := range []any{s.members, s.cases} {
		var err error
		if b, err = binary.Append(b, le, part); err != nil {
			return nil, fmt.Errorf("state of the clusters: %w", err)
		}
	}
	if b, err := s.appendDistant(b); err != nil {
		return nil, fmt.Errorf("state of the clusters: %w", err)
	} else {
		return s.inner.AppendBinary(b)
	}
}

// StateSize is about how many bytes AppendBinary appends.
func (s *Scorer) StateSize() int {
	n := binary.Size(s.members) + binary.Size(s.cases)
	if inner, ok := s.inner.(interface{ StateSize() int }); ok {
		n += inner.StateSize()
	}
	return n
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It refuses the state of another
// layout or network. After an error the Scorer must not be used.
func (s *Scorer) UnmarshalBinary(b []byte) error {
	le := binary.LittleEndian
	if len(b) < 12 {
		return errTruncated
	}
	if v := le.Uint32(b); v != stateVersion {
		return fmt.Errorf("state of the clusters has layout %d, this program %d: start from the archive", v, stateVersion)
	}
	if le.Uint64(b[4:]) != s.hash() {
		return errors.New("state of the clusters is of another network: start from the archive")
	}
	b = b[12:]
	for _, part := range []any{s.members, s.cases} {
		n, err := binary.Decode(b, le, part)
		if err != nil {
			return errTruncated
		}
		b = b[n:]
	}
	b, err := s.readDistant(b)
	if err != nil {
		return err
	}
	s.active, s.next = s.active[:0], 0
	for i := range s.members {
		if s.members[i].Odds != 0 {
			s.active = append(s.active, int32(i))
		}
	}
	return s.inner.UnmarshalBinary(b)
}

// hash tells registers and networks apart.
func (s *Scorer) hash() uint64 {
	h := fnv.New64a()
	var b []byte
	for i, id := range s.ids {
		b = append(append(b[:0], id...), 0)
		for _, u := range s.ups[s.upOf[i]:s.upOf[i+1]] {
			b = append(append(b, s.nodes[u.node].id...), 0)
			b = append(strconv.AppendInt(b, u.from, 10), 0)
			b = append(strconv.AppendInt(b, u.to, 10), 0)
		}
		h.Write(b)
	}
	return h.Sum64()
}
