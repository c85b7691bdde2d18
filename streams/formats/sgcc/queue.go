package sgcc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// A message is the JSON twin of a row, as the collection system publishes it.
type message struct {
	ID      text            `json:"id"`
	Date    text            `json:"date"`
	Density text            `json:"density"` // DATA_POINT_FLAG
	Meter   text            `json:"meter"`
	MpID    text            `json:"mpId"`
	Type    text            `json:"type"`  // DATA_TYPE
	Start   text            `json:"start"` // number of the first point, from 1
	Points  text            `json:"points"`
	Data    json.RawMessage `json:"data"` // "1.5,,2" or [1.5,null,2]
	Whole   text            `json:"whole"`
}

// A text is a JSON string or number as its characters: an identifier must not pass
// through a float.
type text []byte

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = nil
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(s)
	case b[0] == '{' || b[0] == '[':
		return errors.New("not a text or number")
	default:
		*t = append((*t)[:0], b...)
	}
	return nil
}

// A queue reads messages: objects one after the other, or one array of them.
type queue struct {
	json *json.Decoder
	in   *budget
	open bool // the bracket of an array was read
}

func newQueue(r io.Reader, lim format.Limits) *queue {
	most := lim.LineBytes
	if most <= 0 {
		most = format.DefaultLineBytes
	}
	in := &budget{r: r, most: most + 64<<10, line: 1}
	in.left = in.most
	return &queue{json: json.NewDecoder(in), in: in}
}

// A budget bounds what is read for one value and knows the line of an offset.
type budget struct {
	r          io.Reader
	left, most int
	offset     int64
	ends       []int64 // offsets of line ends not yet passed
	line       int64
	err        error
}

var errHuge = errors.New("message too long")

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.err = errHuge
		return 0, errHuge
	}
	n, err := b.r.Read(p[:min(len(p), b.left, 16<<10)])
	for i := range n {
		if p[i] == '\n' {
			b.ends = append(b.ends, b.offset+int64(i))
		}
	}
	b.left -= n
	b.offset += int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

func (b *budget) lineAt(offset int64) int64 {
	n := 0
	for n < len(b.ends) && b.ends[n] < offset {
		n++
	}
	b.ends = append(b.ends[:0], b.ends[n:]...)
	b.line += int64(n)
	return b.line
}

// next returns the raw text of the next message and the line on which it ends.
func (q *queue) next() (raw []byte, line int64, err error) {
	q.in.left = q.in.most
	if !q.open {
		q.open = true
		if c, err := q.first(); err != nil || c == '[' {
			return nil, 0, err
		}
	}
	if !q.json.More() {
		if _, err := q.json.Token(); err != nil && err != io.EOF {
			return nil, 0, q.fault(err)
		}
		return nil, 0, io.EOF
	}
	var value json.RawMessage
	if err := q.json.Decode(&value); err != nil {
		return nil, 0, q.fault(err)
	}
	return value, q.in.lineAt(q.json.InputOffset()), nil
}

// first takes the bracket of an array, if there is one.
func (q *queue) first() (byte, error) {
	r := bufio.NewReader(q.in.r)
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			q.in.line++
		case ' ', '\t', '\r', 0xef, 0xbb, 0xbf: // and a byte order mark
		default:
			r.UnreadByte()
			q.in.r = r
			if c != '[' {
				return c, nil
			}
			_, err = q.json.Token()
			if err != nil {
				err = q.fault(err)
			}
			return c, err
		}
	}
}

func (q *queue) fault(err error) error {
	line := q.in.lineAt(q.json.InputOffset())
	var d *format.Damage
	switch {
	case errors.Is(q.in.err, errHuge):
		return &format.Damage{Line: line, Reason: fmt.Sprintf("a message is longer than %d bytes: the file is refused", q.in.most)}
	case errors.As(q.in.err, &d):
		return &format.Damage{Line: line, Reason: d.Reason}
	case q.in.err != nil:
		return q.in.err
	case err == io.EOF:
		return err
	}
	return &format.Damage{Line: line, Reason: fmt.Sprintf("the JSON is malformed or cut off here (%v): export the file again", err)}
}

// messages handles some messages.
func (d *decoder) messages(o *format.Out) error {
	for range 64 {
		raw, line, err := d.queue.next()
		if err != nil {
			return err
		}
		if raw == nil {
			continue
		}
		var m message
		if err := json.Unmarshal(raw, &m); err != nil {
			o.Reject(line, "", fmt.Sprintf("not a message of the power curve (%v): it is left out", err), raw)
			continue
		}
		d.message(o, &m, line, raw)
	}
	return nil
}

func (d *decoder) message(o *format.Out, m *message, line int64, raw []byte) {
	c := curve{kind: 'P', id: m.MpID, date: m.Date, dataType: m.Type, flag: m.Density, whole: m.Whole, line: line, raw: raw}
	switch d.opt.Mapping.Meter {
	case "":
		if len(c.id) == 0 {
			c.id = m.ID
		}
	case "id":
		c.id = m.ID
	case "meter":
		c.id = m.Meter
	case "mpId":
	}
	list, err := points(m.Data)
	if err != nil {
		o.Reject(line, "data", fmt.Sprintf("data is neither a list of numbers nor a text of them (%v): it is left out", err), raw)
		return
	}
	c.points, c.columns = list, len(list)
	if n := format.Digits(m.Start); n > 1 {
		c.from = n - 1
	} else if len(m.Start) > 0 && n < 0 {
		o.Reject(line, "start", fmt.Sprintf("start %.20q is not the number of a point: from 1 on", m.Start), raw)
		return
	}
	if count, _ := pointFlag(c.flag); count > 0 && c.from+len(list) > count {
		o.Reject(line, "data", fmt.Sprintf("%d points from point %d on, where density %.4s has %d a day", len(list), c.from+1, m.Density, count), raw)
		return
	}
	d.curve(o, &c)
}

func points(data json.RawMessage) ([][]byte, error) {
	if len(data) == 0 {
		return nil, errors.New("it is missing")
	}
	if data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, err
		}
		return bytes.Split([]byte(s), []byte(",")), nil
	}
	var list []text
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	of := make([][]byte, len(list))
	for i, t := range list {
		of[i] = t
	}
	return of, nil
}

// peekByte returns the first byte that is no space or byte order mark, and a reader of
// everything.
func peekByte(r io.Reader) (byte, io.Reader, error) {
	b := bufio.NewReaderSize(r, 4096)
	head, err := b.Peek(512)
	head = bytes.TrimLeft(head, " \t\r\n\ufeff")
	if len(head) == 0 {
		return 0, b, err
	}
	return head[0], b, nil
}
