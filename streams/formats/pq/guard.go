package pq

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	pf "github.com/parquet-go/parquet-go/format"
)

// The decoder allocates what lengths in a file say before it looks whether the bytes are
// there: a file of 600 bytes may ask for gigabytes. So footers and the headers of pages
// are looked at first.
const (
	maxFooterBytes = 32 << 20
	maxSchema      = 10_000
	maxPageBytes   = 64 << 20 // real ones have about one
	maxPageValues  = 4 << 20
	maxPageHeader  = 256 << 10
)

// checkFooter says why the footer of a file must not be decoded.
func checkFooter(at io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return errors.New("it is too short")
	}
	if _, err := at.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > size-12 || n > maxFooterBytes {
		return fmt.Errorf("its footer claims %d bytes; the file has %d, the limit is %d", n, size, maxFooterBytes)
	}
	footer := make([]byte, n)
	if _, err := at.ReadAt(footer, size-8-n); err != nil {
		return err
	}
	t := thrift{b: footer}
	t.fields(0, func(id int64, kind byte) bool {
		if id == 2 && kind == thriftList { // the schema, which is walked recursively
			rest := t.b
			if n, _ := t.list(); n > maxSchema {
				t.fail()
			} else {
				t.b = rest
			}
		}
		return false
	})
	if t.bad {
		return errors.New("its footer is malformed or describes too much")
	}
	return nil
}

// pages looks at the pages of a column chunk just before they are decoded.
type pages struct {
	at       io.ReaderAt
	off, end int64
	codec    pf.CompressionCodec
	header   []byte
	body     []byte
}

// reset begins a chunk.
func (p *pages) reset(at io.ReaderAt, chunk *pf.ColumnMetaData) {
	p.at, p.codec = at, chunk.Codec
	p.off = chunk.DataPageOffset
	if chunk.DictionaryPageOffset != 0 {
		p.off = chunk.DictionaryPageOffset
	}
	p.end = p.off + min(chunk.TotalCompressedSize, 1<<60)
}

// A pageHeader is what the decoder would believe.
type pageHeader struct {
	kind, unpacked, packed, values, levels int64
	size                                   int64 // of the header itself
}

// next looks at the next data page, and at dictionaries before it.
func (p *pages) next() error {
	for {
		h, err := p.read()
		if err != nil {
			return err
		}
		switch {
		case h.packed < 0 || h.packed > p.end-p.off-h.size:
			return errors.New("a page reaches beyond its column")
		case h.unpacked < 0 || h.unpacked > maxPageBytes || h.packed > maxPageBytes:
			return fmt.Errorf("a page has more than %d bytes", maxPageBytes)
		case h.values < 0 || h.values > maxPageValues:
			return fmt.Errorf("a page claims %d values, the limit is %d", h.values, maxPageValues)
		case h.levels < 0 || h.levels > h.packed:
			return errors.New("the levels of a page are longer than the page")
		}
		if err := p.unpack(h); err != nil {
			return err
		}
		p.off += h.size + h.packed
		if pf.PageType(h.kind) != pf.DictionaryPage {
			return nil
		}
	}
}

// read reads the header at off; of most the first 512 bytes hold it.
func (p *pages) read() (h pageHeader, err error) {
	for most := int64(512); ; most = maxPageHeader {
		n := min(most, p.end-p.off)
		if n <= 0 {
			return h, errors.New("a column has fewer rows than its row group")
		}
		p.header = grown(p.header, n)
		got, err := p.at.ReadAt(p.header, p.off)
		if err != nil && err != io.EOF {
			return h, err
		}
		t := thrift{b: p.header[:got]}
		h = t.page()
		h.size = int64(got - len(t.b))
		switch {
		case !t.bad:
			return h, nil
		case !t.short || most == maxPageHeader || int64(got) < most:
			return h, errors.New("the header of a page is malformed or too long")
		}
	}
}

func grown(b []byte, n int64) []byte {
	if int64(cap(b)) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// page reads a page header. Where a number is there twice the larger counts.
func (t *thrift) page() (h pageHeader) {
	number := func(to *int64, kind byte) bool {
		if kind != thriftInt32 {
			return false
		}
		if v := t.varint(); v > *to || v < 0 {
			*to = v
		}
		return true
	}
	t.fields(0, func(id int64, kind byte) bool {
		switch {
		case id == 1 && kind == thriftInt32:
			h.kind = t.varint()
			return true
		case id == 2:
			return number(&h.unpacked, kind)
		case id == 3:
			return number(&h.packed, kind)
		case (id == 5 || id == 7 || id == 8) && kind == thriftStruct:
			t.fields(1, func(field int64, kind byte) bool {
				switch {
				case field == 1:
					return number(&h.values, kind)
				case id == 8 && (field == 5 || field == 6):
					var n int64
					ok := number(&n, kind)
					h.levels += n
					return ok
				}
				return false
			})
			return true
		}
		return false
	})
	return h
}

// unpack looks whether a packed page holds what it says.
func (p *pages) unpack(h pageHeader) error {
	if p.codec == pf.Uncompressed || h.packed == 0 {
		return nil
	}
	p.body = grown(p.body, h.packed)
	if _, err := p.at.ReadAt(p.body, p.off+h.size); err != nil {
		return err
	}
	most := h.unpacked + 1<<20 // estimates are coarse
	if n := unpackedBytes(p.codec, p.body[h.levels:], most); n > most {
		return fmt.Errorf("a page unpacks to more than the %d bytes that it claims", h.unpacked)
	}
	return nil
}

// chunkOf is what the footer says of a column.
func chunkOf(f *parquet.File, group, column int) *pf.ColumnMetaData {
	return &f.Metadata().RowGroups[group].Columns[column].MetaData
}
