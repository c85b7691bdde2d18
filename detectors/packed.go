package detectors

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/flatwatt/flatwatt/models"
)

// chunkMeters is how many meters' memories are packed, and unpacked for the close of a
// day, at once. They fit a core's own cache.
const chunkMeters = 32

// A chunk is the memory of up to chunkMeters meters, one after another, each without the
// words that say nothing: those of an episode while there is none, of reactive power and
// voltage where these are not metered. Empty: nothing is remembered of any of them.
//
// A memory is a u32 that says which blocks of 32 words follow and, for each of these, a
// u32 that says which words are not as in blank, and those words, xor blank. It is exact,
// and equal memories give equal bytes.
type chunk []byte

const (
	customerWords = int(unsafe.Sizeof(customer{}) / 4)
	blockWords    = 32
	blocks        = (customerWords + blockWords - 1) / blockWords
)

// blank is the memory that takes no room: all 0, reactive power not known.
var blank = func() (w [blocks * blockWords]uint32) {
	var c customer
	for d := range c.hist.days {
		c.hist.days[d].active, c.hist.days[d].reactive = models.HalfNaN, models.HalfNaN
	}
	copy(w[:], c.words())
	return w
}()

// words is c's own memory. A customer has no pointers; a test checks.
func (c *customer) words() []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(c)), customerWords)
}

// load unpacks k into list, which has as many meters.
func (k chunk) load(list []customer) (ok bool) {
	if len(k) == 0 {
		clear(list)
		return true
	}
	rest := []byte(k)
	for i := range list {
		if rest, ok = unpack(list[i].words(), rest); !ok {
			return false
		}
	}
	return len(rest) == 0
}

// store packs list into k, by way of buf, which it returns for the next call.
func (k *chunk) store(list []customer, buf []byte) []byte {
	buf = buf[:0]
	for i := range list {
		buf = pack(buf, list[i].words())
	}
	if n := len(buf); n > cap(*k) || n < cap(*k)/2 {
		*k = make(chunk, 0, n+n/32)
	}
	*k = append((*k)[:0], buf...)
	return buf
}

// pack appends w to b.
func pack(b []byte, w []uint32) []byte {
	le := binary.LittleEndian
	head, which := len(b), uint32(0)
	b = append(b, 0, 0, 0, 0)
	for first := 0; first < len(w); first += blockWords {
		at, mask := len(b), uint32(0)
		b = append(b, 0, 0, 0, 0)
		for k, v := range w[first:min(first+blockWords, len(w))] {
			if v ^= blank[first+k]; v != 0 {
				mask |= 1 << k
				b = le.AppendUint32(b, v)
			}
		}
		if mask == 0 {
			b = b[:at]
			continue
		}
		le.PutUint32(b[at:], mask)
		which |= 1 << (first / blockWords)
	}
	le.PutUint32(b[head:], which)
	return b
}

// unpack takes w off the front of b; not ok where b is no packed memory.
func unpack(w []uint32, b []byte) (rest []byte, ok bool) {
	le := binary.LittleEndian
	copy(w, blank[:])
	if len(b) < 4 {
		return nil, false
	}
	which := le.Uint32(b)
	b = b[4:]
	for ; which != 0; which &= which - 1 {
		first := bits.TrailingZeros32(which) * blockWords
		if len(b) < 4 {
			return nil, false
		}
		mask := le.Uint32(b)
		b = b[4:]
		if len(b) < 4*bits.OnesCount32(mask) || first+bits.Len32(mask) > len(w) {
			return nil, false
		}
		for ; mask != 0; mask &= mask - 1 {
			w[first+bits.TrailingZeros32(mask)] ^= le.Uint32(b)
			b = b[4:]
		}
	}
	return b, true
}
