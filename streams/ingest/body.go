package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ErrTooLarge says that an input, or what it unpacks to, passes its limit.
var ErrTooLarge = errors.New("input is too large")

// ErrEncoding says that a body is packed in a way that is not known.
var ErrEncoding = errors.New("unknown content encoding")

// maxZstdWindow bounds what one zstd body may take of memory.
const maxZstdWindow = 32 << 20

// unpack undoes a Content-Encoding and bounds what comes out.
func unpack(r io.Reader, encoding string, limit int64) (io.Reader, func(), error) {
	done := func() {}
	switch encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, done, fmt.Errorf("gzip: %w", err)
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, done, fmt.Errorf("zstd: %w", err)
		}
		r, done = z, z.Close
	default:
		return nil, done, fmt.Errorf("%w %.40q: use gzip, zstd or none", ErrEncoding, encoding)
	}
	return &bounded{r: r, left: limit, limit: limit}, done, nil
}

// bounded fails after limit bytes, where io.LimitReader would pretend that the input ended
// there: half a file must not look like a whole one.
type bounded struct {
	r           io.Reader
	left, limit int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more, to tell a body that just fits from one that does not
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		n = int(b.left)
		err = fmt.Errorf("%w: more than %d bytes unpacked; send it in parts", ErrTooLarge, b.limit)
	}
	b.left -= int64(n)
	return n, err
}

// wholeLines hands out whole lines only until the input has ended well. A connection that
// breaks within "0.412" must not leave a reading of 0.4, which many readers of lines
// would take: they treat any error like the end. Input without line breaks, which is
// not a format of lines, passes once the buffer is full.
type wholeLines struct {
	r    io.Reader
	buf  []byte // read, not handed out
	free int    // of buf may be handed out
	err  error
}

const lineBuffer = 128 << 10 // two of the longest lines

func (w *wholeLines) Read(p []byte) (int, error) {
	for w.free == 0 {
		if w.err != nil {
			return 0, w.err
		}
		w.fill()
	}
	n := copy(p, w.buf[:w.free])
	w.buf, w.free = w.buf[n:], w.free-n
	return n, nil
}

func (w *wholeLines) fill() {
	if cap(w.buf)-len(w.buf) < lineBuffer/2 {
		w.buf = append(make([]byte, 0, 2*lineBuffer), w.buf...)
	}
	n, err := w.r.Read(w.buf[len(w.buf):cap(w.buf)])
	w.buf = w.buf[:len(w.buf)+n]
	w.free = bytes.LastIndexByte(w.buf, '\n') + 1
	if w.free == 0 && len(w.buf) >= lineBuffer {
		w.free = len(w.buf)
	}
	if err != nil {
		w.err = err
		if errors.Is(err, io.EOF) {
			w.free = len(w.buf)
		}
	}
}
