// Package suite has several detectors judge the same readings as one Scorer.
package suite

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// A Suite is a flatwatt.Scorer of scorers. Like them it is owned by one goroutine.
type Suite struct{ scorers []flatwatt.Scorer }

var _ flatwatt.Scorer = (*Suite)(nil)

// New returns a suite of scorers, which must judge under different detector names. A
// suite of none yields no scores.
func New(scorers ...flatwatt.Scorer) *Suite { return &Suite{scorers} }

// Score implements flatwatt.Scorer: every scorer sees the same readings. Scores come by
// day, those of a day in the order in which the scorers were given, so that the order
// does not depend on how the readings were cut into calls.
func (s *Suite) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	from := len(dst)
	for _, scorer := range s.scorers {
		dst = scorer.Score(dst, readings)
	}
	byDay(dst[from:])
	return dst
}

// Close implements flatwatt.Scorer.
func (s *Suite) Close(dst []flatwatt.Score) []flatwatt.Score {
	from := len(dst)
	for _, scorer := range s.scorers {
		dst = scorer.Close(dst)
	}
	byDay(dst[from:])
	return dst
}

// byDay sorts scores by day; most calls close no day or one, and then nothing moves.
func byDay(scores []flatwatt.Score) {
	earlier := func(a, b flatwatt.Score) int { return cmp.Compare(a.Day, b.Day) }
	for i := 1; i < len(scores); i++ {
		if scores[i].Day < scores[i-1].Day {
			slices.SortStableFunc(scores, earlier)
			return
		}
	}
}

// magic begins a suite's state; its last byte is the layout.
const magic = "suite\x00\x00\x01"

// AppendBinary implements encoding.BinaryAppender. Layout, little endian: magic (8
// bytes) · scorers u32 · per scorer: bytes u64, its state.
func (s *Suite) AppendBinary(b []byte) ([]byte, error) {
	size := len(magic) + 4 + 8*len(s.scorers)
	for _, scorer := range s.scorers {
		if sized, ok := scorer.(interface{ StateSize() int }); ok {
			size += sized.StateSize()
		}
	}
	// At once: grown by and by, the state of a million meters is copied a dozen times.
	b = slices.Grow(b, size+size/64)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.scorers)))
	for i, scorer := range s.scorers {
		at := len(b)
		b = append(b, make([]byte, 8)...)
		var err error
		if b, err = scorer.AppendBinary(b); err != nil {
			return nil, fmt.Errorf("state of detector %d: %w", i, err)
		}
		binary.LittleEndian.PutUint64(b[at:], uint64(len(b)-at-8))
	}
	return b, nil
}

var errTruncated = errors.New("state of the detectors is truncated")

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It refuses the state of another
// number of detectors. After an error the suite must not be used.
func (s *Suite) UnmarshalBinary(b []byte) error {
	if len(b) < len(magic)+4 {
		return errTruncated
	}
	if string(b[:len(magic)]) != magic {
		return errors.New("state is not of a suite of detectors but of another program: start from the archive")
	}
	n := binary.LittleEndian.Uint32(b[len(magic):])
	if int(n) != len(s.scorers) {
		return fmt.Errorf("state is of %d detectors, this program has %d: start from the archive", n, len(s.scorers))
	}
	b = b[len(magic)+4:]
	for i, scorer := range s.scorers {
		if len(b) < 8 {
			return errTruncated
		}
		size := binary.LittleEndian.Uint64(b)
		if b = b[8:]; size > uint64(len(b)) {
			return errTruncated
		}
		if err := scorer.UnmarshalBinary(b[:size]); err != nil {
			return fmt.Errorf("detector %d: %w", i, err)
		}
		b = b[size:]
	}
	if len(b) != 0 {
		return fmt.Errorf("state of the detectors has %d bytes too many", len(b))
	}
	return nil
}
