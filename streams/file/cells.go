package file

import (
	"strconv"
	"strings"
	"time"
)

// cells builds a line of CSV cell by cell in a buffer that is used again. Formatting is
// deterministic: the shortest decimal that reads back the same, RFC 3339 in UTC.
type cells struct {
	buf   []byte
	begun bool // a cell was written on this line
}

func (c *cells) sep() {
	if c.begun {
		c.buf = append(c.buf, ',')
	}
	c.begun = true
}

// text writes s, in quotes where CSV needs them. A line break in it becomes a blank:
// readers of these files take them line by line.
func (c *cells) text(s string) {
	c.sep()
	if !strings.ContainsAny(s, ",\"\r\n\x00") && s == strings.TrimSpace(s) {
		c.buf = append(c.buf, s...)
		return
	}
	c.buf = append(c.buf, '"')
	for i := range len(s) {
		switch b := s[i]; b {
		case '"':
			c.buf = append(c.buf, '"', '"')
		case '\r', '\n', 0:
			c.buf = append(c.buf, ' ')
		default:
			c.buf = append(c.buf, b)
		}
	}
	c.buf = append(c.buf, '"')
}

// number writes v; nothing for NaN and the infinities, which no reader takes.
func (c *cells) number(v float64) {
	c.sep()
	if v-v == 0 {
		c.buf = strconv.AppendFloat(c.buf, v, 'f', -1, 64)
	}
}

// single writes v with the digits of single precision, in which it was kept.
func (c *cells) single(v float64) {
	c.sep()
	if v-v == 0 {
		c.buf = strconv.AppendFloat(c.buf, v, 'f', -1, 32)
	}
}

func (c *cells) integer(v int64) {
	c.sep()
	c.buf = strconv.AppendInt(c.buf, v, 10)
}

// time writes t in UTC; nothing for the zero time. Seconds are all there is.
func (c *cells) time(t time.Time) {
	c.sep()
	if !t.IsZero() {
		c.buf = t.UTC().AppendFormat(c.buf, time.RFC3339)
	}
}

// end ends the line.
func (c *cells) end() {
	c.buf = append(c.buf, '\n')
	c.begun = false
}

// take returns what was built and begins anew in the same memory.
func (c *cells) take() []byte {
	b := c.buf
	c.buf = c.buf[:0]
	return b
}
