package outside

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// stateVersion names the layout; any change of bytes or meaning raises it.
const stateVersion = 1

var errTruncated = errors.New("state of outside evidence is truncated")

// AppendBinary implements encoding.BinaryAppender. Layout, little endian: version u32 ·
// number of first alarms u32 · each: meter and detector as u16 length and bytes, day i32 ·
// the inner scorer's state. What was said is no part of it: the book tells that again.
func (s *Scorer) AppendBinary(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	b = le.AppendUint32(le.AppendUint32(b, stateVersion), uint32(len(s.first)))
	keys := slices.SortedFunc(maps.Keys(s.first), func(x, y key) int {
		return cmp.Or(cmp.Compare(x.meter, y.meter), cmp.Compare(x.detector, y.detector))
	})
	for _, k := range keys {
		for _, text := range []string{string(k.meter), k.detector} {
			b = append(le.AppendUint16(b, uint16(len(text))), text...)
		}
		b = le.AppendUint32(b, uint32(s.first[k]))
	}
	return s.inner.AppendBinary(b)
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. After an error the Scorer must not
// be used.
func (s *Scorer) UnmarshalBinary(b []byte) error {
	le := binary.LittleEndian
	if len(b) < 8 {
		return errTruncated
	}
	if v := le.Uint32(b); v != stateVersion {
		return fmt.Errorf("state of outside evidence has layout %d, this program %d: start from the archive", v, stateVersion)
	}
	n := le.Uint32(b[4:])
	b = b[8:]
	clear(s.first)
	for range n {
		var text [2]string
		for i := range text {
			if len(b) < 2 || len(b) < 2+int(le.Uint16(b)) {
				return errTruncated
			}
			text[i] = string(b[2 : 2+le.Uint16(b)])
			b = b[2+le.Uint16(b):]
		}
		if len(b) < 4 {
			return errTruncated
		}
		s.first[key{flatwatt.MeterID(text[0]), text[1]}] = flatwatt.Day(le.Uint32(b))
		b = b[4:]
	}
	return s.inner.UnmarshalBinary(b)
}
