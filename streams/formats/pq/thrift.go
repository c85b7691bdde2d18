package pq

import "encoding/binary"

// Types of compact Thrift.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftInt16  = 4
	thriftInt32  = 5
	thriftInt64  = 6
	thriftDouble = 7
	thriftBytes  = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12

	maxThriftDepth   = 20
	maxThriftStructs = 200_000 // of a footer: 30,000 row groups of six columns
)

// A thrift walks over compact Thrift without building anything, to see what a decoder
// would be asked to build. The decoder believes every length that it is told.
type thrift struct {
	b       []byte
	structs int  // met so far, in lists
	short   bool // b ended within a value
	bad     bool
}

func (t *thrift) fail() { t.bad, t.b = true, nil }

func (t *thrift) take(n uint64) {
	if n > uint64(len(t.b)) {
		t.short = true
		t.fail()
		return
	}
	t.b = t.b[n:]
}

func (t *thrift) byte() byte {
	if len(t.b) == 0 {
		t.short = true
		t.fail()
		return 0
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c
}

func (t *thrift) uvarint() uint64 {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		t.short = n == 0
		t.fail()
		return 0
	}
	t.b = t.b[n:]
	return v
}

func (t *thrift) varint() int64 {
	u := t.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// fields walks over a struct. f may read the value of a field and says whether it did.
func (t *thrift) fields(depth int, f func(id int64, kind byte) bool) {
	if depth > maxThriftDepth {
		t.fail()
	}
	for id := int64(0); !t.bad; {
		head := t.byte()
		if head == 0 {
			return
		}
		if delta := head >> 4; delta > 0 {
			id += int64(delta)
		} else {
			id = t.varint()
		}
		if f == nil || !f(id, head&15) {
			t.skip(head&15, depth)
		}
	}
}

// list reads the head of a list: how many of what.
func (t *thrift) list() (n uint64, kind byte) {
	head := t.byte()
	n, kind = uint64(head>>4), head&15
	if n == 15 {
		n = t.uvarint()
	}
	if n > uint64(len(t.b)) { // an element has a byte at least
		t.short = true
		t.fail()
	}
	if kind == thriftStruct {
		t.count(n)
	}
	return n, kind
}

func (t *thrift) count(n uint64) {
	if t.structs += int(min(n, 1<<40)); t.structs > maxThriftStructs {
		t.fail()
	}
}

func (t *thrift) skip(kind byte, depth int) {
	switch kind {
	case thriftTrue, thriftFalse:
	case thriftByte:
		t.take(1)
	case thriftInt16, thriftInt32, thriftInt64:
		t.uvarint()
	case thriftDouble:
		t.take(8)
	case thriftBytes:
		t.take(t.uvarint())
	case thriftList, thriftSet:
		n, of := t.list()
		for i := uint64(0); i < n && !t.bad; i++ {
			t.element(of, depth)
		}
	case thriftMap:
		t.skipMap(depth)
	case thriftStruct:
		t.fields(depth+1, nil)
	default:
		t.fail()
	}
}

func (t *thrift) skipMap(depth int) {
	n := t.uvarint()
	if n == 0 || t.bad {
		return
	}
	kinds := t.byte()
	t.count(n)
	for i := uint64(0); i < n && !t.bad; i++ {
		t.element(kinds>>4, depth)
		t.element(kinds&15, depth)
	}
}

// element skips one of a list or map, where a truth takes a byte.
func (t *thrift) element(kind byte, depth int) {
	if kind == thriftTrue || kind == thriftFalse {
		t.take(1)
		return
	}
	if depth++; depth > maxThriftDepth {
		t.fail()
		return
	}
	t.skip(kind, depth)
}
