package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/klauspost/compress/gzip"
)

// MaxLineBytes bounds a line of any CSV file. A longer one is rejected and skipped
// without being held in memory.
const MaxLineBytes = 64 << 10

// A table reads a small CSV file with a header row by row: everything but the readings.
type table struct {
	path   string
	name   string // as it is shown: relative to the fleet
	in     *bufio.Reader
	closer []io.Closer
	header []string
	column map[string]int
	line   int
	raw    []byte   // the current line
	fields []string // of the current line
	rej    *rejects
}

// openTable opens path or path.gz. Without either, the error is fs.ErrNotExist.
func openTable(path string, rej *rejects) (*table, error) {
	f, err := os.Open(path)
	if err != nil {
		gz, err2 := os.Open(path + ".gz")
		if err2 != nil {
			return nil, err
		}
		path, f = path+".gz", gz
	}
	t := &table{path: path, name: filepath.Base(path), closer: []io.Closer{f}, rej: rej}
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: not a gzip file (%w): compress it again or store it plain", t.name, err)
		}
		in = z
		t.closer = append(t.closer, z)
	}
	t.in = bufio.NewReaderSize(in, MaxLineBytes)
	return t, nil
}

func (t *table) close() {
	for _, c := range t.closer {
		c.Close()
	}
}

// readHeader reads the first line and wants the named columns in it.
func (t *table) readHeader(want ...string) error {
	if !t.nextLine() {
		return fmt.Errorf("%s: is empty: the first line must name the columns, e.g. %s", t.name, strings.Join(want, ","))
	}
	t.header = splitFields(nil, string(bytes.TrimPrefix(t.raw, []byte("\ufeff"))))
	t.column = map[string]int{}
	for i, h := range t.header {
		h = strings.ToLower(strings.TrimSpace(h))
		t.header[i] = h
		if _, ok := t.column[h]; ok {
			return fmt.Errorf("%s:%d: column %q is there twice: rename or remove one", t.name, t.line, h)
		}
		t.column[h] = i
	}
	for _, w := range want {
		if _, ok := t.column[w]; !ok {
			return fmt.Errorf("%s:%d: column %q is missing: found %q: add the column or correct the header",
				t.name, t.line, w, strings.Join(t.header, ","))
		}
	}
	return nil
}

// next reads the next row with as many fields as the header; others are rejected here.
func (t *table) next() bool {
	for t.nextLine() {
		if len(t.raw) == 0 {
			continue
		}
		if bytes.IndexByte(t.raw, 0) >= 0 {
			t.reject("NUL bytes", "", "the line has NUL bytes: the file is damaged here, export it again")
			continue
		}
		t.fields = splitFields(t.fields[:0], string(t.raw))
		if len(t.fields) != len(t.header) {
			t.reject("number of fields", "", fmt.Sprintf("has %d fields, the header has %d: quote fields that contain commas",
				len(t.fields), len(t.header)))
			continue
		}
		return true
	}
	return false
}

// get is the field of the named column without blanks around it; "" without the column.
func (t *table) get(name string) string {
	i, ok := t.column[name]
	if !ok {
		return ""
	}
	return strings.TrimSpace(t.fields[i])
}

// number is the field as a finite number; an empty field is def. Otherwise the row is
// rejected.
func (t *table) number(name string, def float64) (float64, bool) {
	s := t.get(name)
	if s == "" {
		return def, true
	}
	v, ok := parseNumber([]byte(s))
	if !ok || v != v || v > 1e12 || v < -1e12 {
		t.reject("bad number", name, fmt.Sprintf("%q is not a finite number: write it like 12.5", s))
		return 0, false
	}
	return v, true
}

func (t *table) reject(kind, field, reason string) {
	t.rej.add(kind, flatwatt.Rejected{Where: fmt.Sprintf("%s:%d", t.name, t.line), Field: field, Reason: reason, Raw: t.raw})
}

// nextLine reads a line into t.raw, without its end. Too long ones are rejected.
func (t *table) nextLine() bool {
	for {
		raw, err := t.in.ReadSlice('\n')
		if len(raw) == 0 && err != nil {
			t.damaged(err)
			return false
		}
		t.line++
		t.raw = trimEOL(raw)
		if err == nil {
			return true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			t.damaged(err)
			return errors.Is(err, io.EOF) // a damaged file's last line is cut: not taken
		}
		t.raw = slices.Clone(raw)
		t.reject("line too long", "", fmt.Sprintf("the line is longer than %d bytes: the file is damaged here, export it again", MaxLineBytes))
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = t.in.ReadSlice('\n')
		}
		if err != nil {
			t.damaged(err)
			return false
		}
	}
}

func (t *table) damaged(err error) {
	if !errors.Is(err, io.EOF) {
		t.reject("damaged file", "", fmt.Sprintf("cannot be read on (%v): what came before is kept; copy the file again", err))
	}
}

func trimEOL(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// splitFields appends the fields of a line to dst. A field in double quotes may hold
// commas, and double quotes written twice; it cannot hold a line break.
func splitFields(dst []string, line string) []string {
	for {
		if strings.HasPrefix(line, `"`) {
			field, rest := unquote(line[1:])
			dst = append(dst, field)
			if rest == "" {
				return dst
			}
			line = rest[1:] // the comma
			continue
		}
		i := strings.IndexByte(line, ',')
		if i < 0 {
			return append(dst, line)
		}
		dst = append(dst, line[:i])
		line = line[i+1:]
	}
}

// unquote reads a quoted field from behind its opening quote. rest begins with the comma
// that follows, or is empty at the end of the line.
func unquote(s string) (field, rest string) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			b.WriteString(s) // the closing quote is missing: take the line as it is
			return b.String(), ""
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if !strings.HasPrefix(s, `"`) {
			break
		}
		b.WriteByte('"')
		s = s[1:]
	}
	if i := strings.IndexByte(s, ','); i >= 0 {
		b.WriteString(s[:i]) // stray text behind the quote stays part of the field
		return b.String(), s[i:]
	}
	b.WriteString(s)
	return b.String(), ""
}
