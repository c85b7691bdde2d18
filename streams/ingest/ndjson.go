package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
)

const (
	// NDJSON is the name of the format: an object a line, or one array, of the members
	// that package wire documents.
	NDJSON = "ndjson"

	// maxLine bounds a line. Like a CSV file's, see docs/formats.md.
	maxLine = 64 << 10

	// batchReadings is how many readings a batch has at least, but for the last.
	batchReadings = 4096
)

// anyMeters bounds the names of meters that one input may bring.
const anyMeters = 2_000_000

// OpenNDJSON reads JSON, an object a line, or one array of at most wire.MaxBodyBytes.
// A bad line costs that line. known tells registered meters and their intervals; nil takes
// any meter, which must then send the length of its intervals.
func OpenNDJSON(name string, r io.Reader, known wire.Known) (flatwatt.Source, error) {
	if known == nil {
		known = wire.AnyMeter(0, anyMeters)
	}
	in := bufio.NewReaderSize(r, maxLine)
	n := &ndjson{name: name, in: in, decoder: wire.Decoder{Known: known, MaxBodyBytes: wire.MaxBodyBytes}}
	head, err := in.Peek(3)
	if string(head) == "\ufeff" {
		_, _ = in.Discard(3)
	} else if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return n, nil
}

// ndjson is an open source of JSON. One goroutine owns it.
type ndjson struct {
	name    string
	in      *bufio.Reader
	decoder wire.Decoder
	line    int
	batch   flatwatt.Batch
	begun   bool
	err     error
}

// Read implements flatwatt.Source. A Position counts lines.
func (n *ndjson) Read(ctx context.Context) (flatwatt.Batch, error) {
	n.batch.Readings, n.batch.Rejected = n.batch.Readings[:0], n.batch.Rejected[:0]
	if !n.begun && n.err == nil {
		n.begun = true
		n.array()
	}
	for n.err == nil && len(n.batch.Readings) < batchReadings && len(n.batch.Rejected) < batchReadings {
		if err := ctx.Err(); err != nil {
			return flatwatt.Batch{}, err
		}
		n.err = n.readLine()
	}
	if len(n.batch.Readings)+len(n.batch.Rejected) > 0 {
		n.batch.Next = flatwatt.Position(n.line)
		return n.batch, nil
	}
	return flatwatt.Batch{}, n.err
}

// array reads an input that is one JSON array.
func (n *ndjson) array() {
	for {
		c, err := n.in.Peek(1)
		if err != nil || c[0] != ' ' && c[0] != '\t' && c[0] != '\r' && c[0] != '\n' {
			if err == nil && c[0] == '[' {
				n.whole()
			}
			return
		}
		if c[0] == '\n' {
			n.line++
		}
		_, _ = n.in.Discard(1)
	}
}

func (n *ndjson) whole() {
	body, err := io.ReadAll(io.LimitReader(n.in, wire.MaxBodyBytes+1))
	if err != nil {
		n.err = err
		return
	}
	if len(body) > wire.MaxBodyBytes {
		n.err = fmt.Errorf("%w: a JSON array of more than %d bytes; send an object a line instead", ErrTooLarge, wire.MaxBodyBytes)
		return
	}
	n.decoder.Append(&n.batch, wire.Message{Format: wire.JSON, Body: body, Where: n.name})
	n.err = io.EOF
}

// readLine takes one line. The rest of a line that is too long is skipped.
func (n *ndjson) readLine() error {
	line, err := n.in.ReadSlice('\n')
	n.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		n.batch.Rejected = append(n.batch.Rejected, flatwatt.Rejected{
			Where: n.where(), Reason: fmt.Sprintf("the line has more than %d bytes: write one reading a line", maxLine), Raw: bytes.Clone(line[:1024]),
		})
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = n.in.ReadSlice('\n')
		}
		return err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err // what is left of a line that broke off is no line
	}
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return err
	}
	from := len(n.batch.Rejected)
	n.decoder.Append(&n.batch, wire.Message{Format: wire.JSON, Body: line, Where: n.where()})
	for i := from; i < len(n.batch.Rejected); i++ {
		r := &n.batch.Rejected[i]
		r.Where = strings.TrimSuffix(r.Where, " row 1")
		if at := strings.LastIndex(r.Where, " byte "); at > 0 {
			r.Where = r.Where[:at]
		}
		r.Raw = bytes.Clone(r.Raw) // the line's memory is used again
	}
	return err
}

func (n *ndjson) where() string { return fmt.Sprintf("%s:%d", n.name, n.line) }
