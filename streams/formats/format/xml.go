package format

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

const (
	defaultDepth = 32
	maxAttrs     = 256
)

// XML reads the tokens of a document under limits: depth, length of a token, no
// document type and so no entities. Line numbers are kept.
type XML struct {
	d    *xml.Decoder
	in   *meteredReader
	open []xml.Name // names are as written: Space is the prefix
	most int
}

// meteredReader bounds what one token may take and remembers the reader's error.
type meteredReader struct {
	r         *bufio.Reader
	left, max int
	err       error
}

var errHugeToken = errors.New("token too long")

func (m *meteredReader) ReadByte() (byte, error) {
	if m.left--; m.left < 0 {
		m.err = errHugeToken
		return 0, errHugeToken
	}
	c, err := m.r.ReadByte()
	if err != nil {
		m.err = err
	}
	return c, err
}

func (m *meteredReader) Read(b []byte) (int, error) { return m.r.Read(b[:min(len(b), 1)]) }

// NewXML reads UTF-8 from r, whatever the document declares: it was converted before.
func NewXML(r io.Reader, lim Limits) *XML {
	m := &meteredReader{r: bufio.NewReaderSize(r, 64<<10), max: orDefault(lim.LineBytes, DefaultLineBytes)}
	d := xml.NewDecoder(m)
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	return &XML{d: d, in: m, most: orDefault(lim.Depth, defaultDepth)}
}

// Line is where the last token ended, counted from one.
func (x *XML) Line() int64 {
	line, _ := x.d.InputPos()
	return int64(line)
}

// Next returns the next start, end or text; a prefix is left on names, in Space. The
// error is io.EOF at the end of a whole document, a Damage where it is malformed or
// beyond a limit, or the reader's. Texts are valid until the next call.
func (x *XML) Next() (xml.Token, error) {
	for {
		x.in.left = x.in.max
		t, err := x.d.RawToken() // Token would look up name spaces, at half the speed
		if err != nil {
			return nil, x.fault(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			x.open = append(x.open, t.Name)
			if len(x.open) > x.most {
				return nil, &Damage{x.Line(), fmt.Sprintf("elements are nested deeper than %d: no format of meter data is; the file is refused", x.most)}
			}
			if len(t.Attr) > maxAttrs {
				return nil, &Damage{x.Line(), fmt.Sprintf("an element has %d attributes, the limit is %d: the file is refused", len(t.Attr), maxAttrs)}
			}
			return t, nil
		case xml.EndElement:
			n := len(x.open)
			if n == 0 || x.open[n-1] != t.Name {
				return nil, &Damage{x.Line(), fmt.Sprintf("the XML is malformed here (</%.40s> closes nothing): export the file again", t.Name.Local)}
			}
			x.open = x.open[:n-1]
			return t, nil
		case xml.CharData:
			return t, nil
		case xml.Directive:
			return nil, &Damage{x.Line(), "the file declares a document type, which may hide entities: remove the line <!DOCTYPE …>"}
		}
	}
}

func (x *XML) fault(err error) error {
	var d *Damage
	var syntax *xml.SyntaxError
	switch {
	case errors.As(x.in.err, &d):
		return &Damage{x.Line(), d.Reason}
	case errors.Is(x.in.err, errHugeToken):
		return &Damage{x.Line(), fmt.Sprintf("a piece of text or a tag is longer than %d bytes: the file is refused", x.in.max)}
	case errors.As(err, &syntax):
		return &Damage{int64(syntax.Line), fmt.Sprintf("the XML is malformed or cut off here (%s): export the file again", syntax.Msg)}
	case err == io.EOF && len(x.open) > 0:
		return &Damage{x.Line(), fmt.Sprintf("the file ends within <%.40s>: it is cut off; copy or export it again", x.open[len(x.open)-1].Local)}
	case err == io.EOF:
		return io.EOF
	case x.in.err != nil && x.in.err != io.EOF:
		return x.in.err
	}
	return &Damage{x.Line(), fmt.Sprintf("the XML is malformed here (%v): export the file again", err)}
}
