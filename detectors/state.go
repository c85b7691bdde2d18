package detectors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"unsafe"

	"github.com/flatwatt/flatwatt"
)

// stateVersion names the layout of a fleet's state. Any change to customer, zone or
// slot that changes bytes or meaning raises it.
const stateVersion = 6

var errTruncated = errors.New("fleet state is truncated")

// AppendBinary implements encoding.BinaryAppender. Layout, little endian:
//
//	version u32 · size of one customer u32 · meters u32 · hash of the register u64
//	zones u32 · per zone: started u8, filled u8, day i32, lastSeen i64
//	per zone: its chunks (packed.go), each with its bytes u32 before it · slots u32 each
//	reactive: u8, then f32 beside the slots if 1 · voltage: the same
//
// Memories are written packed, as they are kept (pointer-free, without padding: a test
// checks), so a million meters take a second, not a minute. Equal fleets give equal bytes.
func (f *Fleet) AppendBinary(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	b = le.AppendUint32(b, stateVersion)
	b = le.AppendUint32(b, uint32(unsafe.Sizeof(customer{})))
	b = le.AppendUint32(b, uint32(len(f.register.ids)))
	b = le.AppendUint64(b, f.registerHash())
	b = le.AppendUint32(b, uint32(len(f.zones)))
	for i := range f.zones {
		z := &f.zones[i]
		b = append(b, boolByte(z.started), boolByte(z.filled))
		b = le.AppendUint32(b, uint32(z.day))
		b = le.AppendUint64(b, uint64(z.lastSeen))
	}
	for i := range f.zones {
		for _, k := range f.zones[i].packed {
			b = le.AppendUint32(b, uint32(len(k)))
			b = append(b, k...)
		}
	}
	b = append(b, bytesOf(f.slots)...)
	for _, column := range [][]float32{f.reactive, f.voltage} {
		b = append(b, boolByte(column != nil))
		b = append(b, bytesOf(column)...)
	}
	return b, nil
}

// StateSize is how many bytes AppendBinary appends.
func (f *Fleet) StateSize() int {
	n := 24 + 14*len(f.zones) + len(bytesOf(f.slots)) + len(bytesOf(f.reactive)) + len(bytesOf(f.voltage)) + 2
	for i := range f.zones {
		for _, k := range f.zones[i].packed {
			n += 4 + len(k)
		}
	}
	return n
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. It refuses the state of
// another register of meters or another layout and says which.
func (f *Fleet) UnmarshalBinary(b []byte) error {
	le := binary.LittleEndian
	if len(b) < 24 {
		return errTruncated
	}
	if v, size := le.Uint32(b), le.Uint32(b[4:]); v != stateVersion || size != uint32(unsafe.Sizeof(customer{})) {
		return fmt.Errorf("fleet state has layout %d of %d bytes a meter, this program %d of %d: start from the archive", v, size, stateVersion, unsafe.Sizeof(customer{}))
	}
	if n, h := le.Uint32(b[8:]), le.Uint64(b[12:]); int(n) != len(f.register.ids) || h != f.registerHash() {
		return fmt.Errorf("fleet state is of another register of %d meters, this one has %d: start from the archive", n, len(f.register.ids))
	}
	zones := int(le.Uint32(b[20:]))
	b = b[24:]
	if zones != len(f.zones) || len(b) < 14*zones {
		return errTruncated
	}
	for i := range f.zones {
		z := &f.zones[i]
		z.started, z.filled = b[0] == 1, b[1] == 1
		z.open(flatwatt.Day(le.Uint32(b[2:])), f.grace)
		z.lastSeen = int64(le.Uint64(b[6:]))
		b = b[14:]
	}
	var ok bool
	if b, ok = f.takePacked(b); !ok {
		return errTruncated
	}
	if b, ok = take(f.slots, b); !ok {
		return errTruncated
	}
	for _, column := range []*[]float32{&f.reactive, &f.voltage} {
		if len(b) < 1 {
			return errTruncated
		}
		has := b[0] == 1
		b = b[1:]
		*column = nil
		if has {
			*column = make([]float32, len(f.slots))
			if b, ok = take(*column, b); !ok {
				return errTruncated
			}
		}
	}
	if len(b) != 0 {
		return fmt.Errorf("fleet state has %d bytes too many", len(b))
	}
	return nil
}

// takePacked takes the chunks of all zones off the front of b.
func (f *Fleet) takePacked(b []byte) (rest []byte, ok bool) {
	for i := range f.zones {
		z := &f.zones[i]
		for k := range z.packed {
			if len(b) < 4 {
				return nil, false
			}
			n := uint64(binary.LittleEndian.Uint32(b))
			if b = b[4:]; uint64(len(b)) < n {
				return nil, false
			}
			z.packed[k] = append(chunk(nil), b[:n]...)
			if b = b[n:]; !z.packed[k].load(f.unpacked[:min(chunkMeters, len(z.meters)-k*chunkMeters)]) {
				return nil, false
			}
		}
	}
	return b, true
}

// registerHash tells registers apart: ids, intervals and zones, in order.
func (f *Fleet) registerHash() uint64 {
	h := fnv.New64a()
	for i := range f.register.ids {
		m := f.register.kind(int32(i))
		fmt.Fprintf(h, "%s\x00%d\x00%s\x00", f.register.ids[i], m.Interval, m.Zone)
	}
	fmt.Fprintf(h, "%d", f.grace)
	return h.Sum64()
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// bytesOf is the memory of x. All supported machines are little endian.
func bytesOf[T slot | float32](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// take fills x from the front of b.
func take[T slot | float32](x []T, b []byte) (rest []byte, ok bool) {
	dst := bytesOf(x)
	if len(b) < len(dst) {
		return b, false
	}
	copy(dst, b)
	return b[len(dst):], true
}
