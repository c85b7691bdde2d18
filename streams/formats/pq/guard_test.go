package pq

import (
	"bytes"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	pf "github.com/parquet-go/parquet-go/format"
)

// header writes a page header: kind, unpacked, packed, values.
func header(numbers ...int) []byte {
	var b []byte
	put := func(v int) {
		for u := uint64(v<<1) ^ uint64(v>>63); ; u >>= 7 {
			if u < 0x80 {
				b = append(b, byte(u))
				return
			}
			b = append(b, byte(u)|0x80)
		}
	}
	for _, v := range numbers[:3] {
		b = append(b, 0x15)
		put(v)
	}
	b = append(b, 0x2c, 0x15) // field 5, a struct; its field 1
	put(numbers[3])
	return append(b, 0, 0)
}

func TestPagesThatClaimTooMuch(t *testing.T) {
	for _, x := range []struct {
		name    string
		header  []byte
		because string
	}{
		{"good", header(0, 8, 8, 1), ""},
		{"unpacked", header(0, 1<<30, 8, 1), "more than"},
		{"packed", header(0, 8, 1<<30, 1), "beyond its column"},
		{"below zero", header(0, 8, -8, 1), "beyond its column"},
		{"values", header(0, 8, 8, 1<<30), "claims 1073741824 values"},
		{"cut off", header(0, 8, 8, 1)[:5], "malformed"},
		{"a list without an end", []byte{0x15, 0, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 1}, "malformed"},
		{"nothing", nil, "fewer rows"},
	} {
		data := append(x.header, make([]byte, 8)...)
		if x.name == "nothing" || x.name == "cut off" {
			data = x.header
		}
		var p pages
		p.reset(bytes.NewReader(data), &pf.ColumnMetaData{TotalCompressedSize: int64(len(data))})
		err := p.next()
		if (err == nil) != (x.because == "") || err != nil && !strings.Contains(err.Error(), x.because) {
			t.Errorf("%s: %v, want %q", x.name, err, x.because)
		}
		if err == nil && p.off != int64(len(data)) {
			t.Errorf("%s: at %d of %d", x.name, p.off, len(data))
		}
	}
}

// What pages unpack to is never taken for less than it is, and zeros by the megabyte are
// seen without unpacking them.
func TestUnpackedBytes(t *testing.T) {
	const most = 1 << 20
	zeros := make([]byte, 32<<20)
	var stream, whole, gz bytes.Buffer
	w, err := zstd.NewWriter(&stream, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	g := gzip.NewWriter(&gz)
	_, _ = w.Write(zeros)
	_, _ = g.Write(zeros)
	if w.Close() != nil || g.Close() != nil {
		t.Fatal("close")
	}
	whole.Write(w.EncodeAll(zeros[:2*most], nil))
	lz4 := append([]byte{0x1f, 0, 1, 0}, bytes.Repeat([]byte{255}, 32<<20/255)...) // one literal, and a copy that goes on
	for name, x := range map[string]struct {
		codec pf.CompressionCodec
		data  []byte
		least int64
	}{
		"zstd as a stream": {pf.Zstd, stream.Bytes(), most + 1},
		"zstd of a size":   {pf.Zstd, whole.Bytes(), 2 * most},
		"two frames":       {pf.Zstd, append(w.EncodeAll([]byte("x"), nil), whole.Bytes()...), 2 * most},
		"gzip":             {pf.Gzip, gz.Bytes(), most + 1},
		"snappy":           {pf.Snappy, []byte{0x80, 0x80, 0x80, 0x80, 8}, 1 << 31},
		"lz4":              {pf.Lz4Raw, lz4, most + 1},
	} {
		if n := unpackedBytes(x.codec, x.data, most); n < x.least {
			t.Errorf("%s: %d, want at least %d", name, n, x.least)
		}
	}
	for codec, data := range map[pf.CompressionCodec][]byte{pf.Zstd: w.EncodeAll(zeros[:1000], nil), pf.Snappy: {0xe8, 7}} {
		if n := unpackedBytes(codec, data, most); n != 1000 {
			t.Errorf("%v: %d, want 1000", codec, n)
		}
	}
}
