package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Lines cuts a text into lines without copying them. A line ends in LF, CRLF or with
// the text; a byte order mark before the first is skipped.
type Lines struct {
	r        io.Reader
	buf      []byte
	from, to int
	max      int
	line     int64
	err      error
	ended    bool
}

// DefaultLineBytes bounds a line. The longest real ones are State Grid rows (1.5 kB)
// and CMEP months (60 kB).
const DefaultLineBytes = 1 << 20

// NewLines reads lines of r of at most limits.LineBytes.
func NewLines(r io.Reader, limits Limits) *Lines {
	return &Lines{r: r, max: orDefault(limits.LineBytes, DefaultLineBytes), buf: make([]byte, 256<<10)}
}

func orDefault(v, def int) int {
	if v <= 0 {
		return def
	}
	return v
}

// Number is that of the last line, counted from one.
func (l *Lines) Number() int64 { return l.line }

// Ended says whether the last line had a line end. One without may have been cut off.
func (l *Lines) Ended() bool { return l.ended }

// ErrLongLine says that a line was left out for its length; the next can be read.
var ErrLongLine = errors.New("line too long")

// Next returns the next line without its end. It is valid until the next call. The
// error is io.EOF after the last line, ErrLongLine, or what the reader said; a Damage
// of the reader gets its line.
func (l *Lines) Next() ([]byte, error) {
	l.line++
	scanned := l.from
	for {
		if i := bytes.IndexByte(l.buf[scanned:l.to], '\n'); i >= 0 {
			line := l.buf[l.from : scanned+i]
			l.from, l.ended = scanned+i+1, true
			return l.trim(line)
		}
		scanned = l.to
		if l.to-l.from > l.max {
			return nil, l.skip()
		}
		if l.err != nil {
			return l.rest()
		}
		moved := l.fill()
		scanned -= moved
	}
}

// fill makes room behind the bytes held and reads once; it says how far it moved them.
func (l *Lines) fill() (moved int) {
	if l.to == len(l.buf) {
		if moved = l.from; moved > 0 {
			copy(l.buf, l.buf[l.from:l.to])
			l.from, l.to = 0, l.to-moved
		} else {
			l.buf = append(l.buf, make([]byte, len(l.buf))...)
		}
	}
	for range 100 { // a reader may give nothing a few times, not for ever
		n, err := l.r.Read(l.buf[l.to:])
		l.to += n
		if l.err = err; n > 0 || err != nil {
			return moved
		}
	}
	l.err = io.ErrNoProgress
	return moved
}

func (l *Lines) trim(line []byte) ([]byte, error) {
	if n := len(line); n > l.max {
		return nil, ErrLongLine
	} else if n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if l.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	return line, nil
}

// rest returns what stands after the last line end, or the reason for the end.
func (l *Lines) rest() ([]byte, error) {
	if l.from < l.to && l.err == io.EOF {
		line := l.buf[l.from:l.to]
		l.from, l.ended = l.to, false
		return l.trim(line)
	}
	var d *Damage
	if errors.As(l.err, &d) {
		return nil, &Damage{Line: l.line, Reason: d.Reason}
	}
	if l.err == io.EOF {
		l.line--
	}
	return nil, l.err
}

// skip drops the rest of a line that is too long.
func (l *Lines) skip() error {
	for {
		if i := bytes.IndexByte(l.buf[l.from:l.to], '\n'); i >= 0 {
			l.from += i + 1
			return ErrLongLine
		}
		l.from, l.to = 0, 0
		if l.err != nil {
			return ErrLongLine
		}
		l.fill()
	}
}

// LongLine is the reason for rejecting a line that was too long.
func (l *Lines) LongLine() string {
	return fmt.Sprintf("the line is longer than %d bytes: the file is damaged here, export it again", l.max)
}
