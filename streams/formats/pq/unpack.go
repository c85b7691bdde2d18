package pq

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	pf "github.com/parquet-go/parquet-go/format"
)

// unpackedBytes says how much a packed page becomes at most, without holding it; counting
// may end beyond most. What cannot be understood is 0: the decoder will say why.
func unpackedBytes(codec pf.CompressionCodec, b []byte, most int64) int64 {
	switch codec {
	case pf.Snappy:
		n, used := binary.Uvarint(b)
		if used <= 0 || n > 1<<40 {
			return 1 << 40
		}
		return int64(n)
	case pf.Zstd:
		return zstdBytes(b, most)
	case pf.Lz4Raw:
		return lz4Bytes(b, most)
	case pf.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return 0
		}
		return count(z, most)
	case pf.Brotli:
		return count(brotli.NewReader(bytes.NewReader(b)), most)
	}
	return 0
}

func count(r io.Reader, most int64) int64 {
	n, _ := io.CopyN(io.Discard, r, most+1)
	return n
}

// zstdBytes adds up what the frames and blocks say. A block holds 128 KiB at most.
func zstdBytes(b []byte, most int64) (sum int64) {
	const block = 128 << 10
	for len(b) > 0 && sum <= most {
		var h zstd.Header
		rest, err := h.DecodeAndStrip(b)
		if err != nil {
			return sum
		}
		if h.Skippable {
			if uint64(h.SkippableSize) > uint64(len(rest)) {
				return sum
			}
			b = rest[h.SkippableSize:]
			continue
		}
		if h.HasFCS {
			sum += int64(min(h.FrameContentSize, 1<<40))
		}
		for last := false; !last; {
			if len(rest) < 3 {
				return sum
			}
			v := uint32(rest[0]) | uint32(rest[1])<<8 | uint32(rest[2])<<16
			last = v&1 == 1
			size, kind := int64(v>>3), v>>1&3
			rest = rest[3:]
			if !h.HasFCS && kind == 2 {
				sum += block
			} else if !h.HasFCS {
				sum += min(size, block)
			}
			if kind == 1 { // one byte, repeated
				size = 1
			}
			if size > int64(len(rest)) {
				return sum
			}
			rest = rest[size:]
		}
		if h.HasCheckSum {
			rest = rest[min(4, len(rest)):]
		}
		b = rest
	}
	return sum
}

// lz4Bytes adds up the literals and copies of an LZ4 block.
func lz4Bytes(b []byte, most int64) (sum int64) {
	length := func(n int64) int64 {
		for more := n == 15; more && len(b) > 0; b = b[1:] {
			n += int64(b[0])
			more = b[0] == 255
		}
		return n
	}
	for len(b) > 0 && sum <= most {
		token := b[0]
		b = b[1:]
		n := length(int64(token >> 4))
		sum += n
		if n > int64(len(b)) {
			return sum
		}
		if b = b[n:]; len(b) < 2 {
			return sum
		}
		b = b[2:]
		sum += 4 + length(int64(token&15))
	}
	return sum
}
