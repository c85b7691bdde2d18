package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/klauspost/compress/gzip"
)

// pieceBytes is how much CSV makes a job: large enough to hide the hand-over, small
// enough to keep every core busy on a small fleet.
const pieceBytes = 1 << 20

// Roles of the columns of a file of readings.
const (
	roleNone = iota
	roleMeter
	roleStart
	roleEnergy
	roleReactive
	roleVoltage
	roleQuality
	roles
)

var roleNames = [roles]string{"", "meter_id", "start", "energy_kwh", "reactive_kvarh", "voltage_v", "quality"}

func roleOf(column string) int {
	column = strings.ToLower(strings.TrimSpace(column))
	for r := roleMeter; r < roles; r++ {
		if roleNames[r] == column {
			return r
		}
	}
	return roleNone
}

// csvFile is what parsing a piece needs to know of its file.
type csvFile struct {
	*loader
	name string // as shown
	role []uint8
}

// countingReader counts what was read of the file as stored.
type countingReader struct {
	in *os.File
	n  int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	c.n += int64(n)
	return n, err
}

func (f *feeder) feedCSV(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return err
	}
	counting := &countingReader{in: file}
	cut := &cutter{feeder: f, name: f.show(path), stored: counting, in: counting, size: st.Size()}
	if formatOf(path) == gzipFormat {
		z, err := gzip.NewReader(counting)
		if err != nil {
			return f.reject("damaged file", st.Size(), flatwatt.Rejected{Where: cut.name,
				Reason: fmt.Sprintf("not a gzip file (%v): compress it again or store it as .csv", err)})
		}
		defer z.Close()
		cut.in, cut.packed = z, true
	}
	return cut.run()
}

// A cutter cuts one CSV file into pieces at line ends.
type cutter struct {
	*feeder
	name   string
	in     io.Reader
	packed bool // errors of in are damage of the file, not of the disk
	stored *countingReader
	told   int64 // of the stored bytes, how many were reported as progress
	size   int64

	file  *csvFile // nil before the header
	carry []byte   // a line's beginning that the next read continues
	line  int      // lines cut off so far
	skip  bool     // in the rest of a line that is too long
}

func (c *cutter) run() error {
	for {
		buf := make([]byte, len(c.carry), pieceBytes+MaxLineBytes)
		copy(buf, c.carry)
		n, err := io.ReadFull(c.in, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		ended := err != nil
		damaged := ended && !errors.Is(err, io.EOF) && !(errors.Is(err, io.ErrUnexpectedEOF) && c.ended())
		if damaged && !c.packed {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if stop, err := c.cut(buf, ended && !damaged); stop || err != nil {
			return err
		}
		if damaged {
			return c.reject("damaged file", c.progress(true), flatwatt.Rejected{
				Where: fmt.Sprintf("%s:%d", c.name, c.line+1), Raw: c.carry,
				Reason: fmt.Sprintf("the compressed file is cut off or damaged here (%v): the lines before are kept; copy the file again", err)})
		}
		if ended {
			return c.end()
		}
	}
}

// ended asks whether a short read was the regular end: ReadFull reports a compressed
// stream that breaks off and a buffer that was not filled by the same error.
func (c *cutter) ended() bool {
	var one [1]byte
	_, err := c.in.Read(one[:])
	return errors.Is(err, io.EOF)
}

// cut sends the whole lines of buf; the rest waits in carry, or belongs to it at the end.
func (c *cutter) cut(buf []byte, last bool) (stop bool, err error) {
	if c.skip {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 {
			c.carry = nil
			return false, nil
		}
		c.line++
		c.skip, buf = false, buf[i+1:]
	}
	if c.file == nil {
		if buf, stop, err = c.header(buf, last); stop || err != nil || c.file == nil {
			return stop, err
		}
	}
	whole := bytes.LastIndexByte(buf, '\n') + 1
	if last {
		whole = len(buf)
	}
	if whole > 0 {
		lines, first, file := buf[:whole], c.line+1, c.file
		c.line += bytes.Count(lines, []byte("\n"))
		if err := c.send(c.progress(last), func(p *piece) { file.parse(p, lines, first) }); err != nil {
			return true, err
		}
	}
	c.carry = buf[whole:]
	if len(c.carry) <= MaxLineBytes {
		return false, nil
	}
	c.skip = true
	raw := c.carry[:MaxLineBytes]
	c.carry = nil
	return false, c.reject("line too long", 0, flatwatt.Rejected{Where: fmt.Sprintf("%s:%d", c.name, c.line+1), Raw: raw,
		Reason: tooLong})
}

var tooLong = fmt.Sprintf("the line is longer than %d bytes: the file is damaged here, export it again", MaxLineBytes)

// end deals with a file that ended without a header.
func (c *cutter) end() error {
	if c.file != nil {
		return nil
	}
	return c.reject("empty file", c.progress(true), flatwatt.Rejected{Where: c.name + ":1",
		Reason: "the file is empty: the first line must name the columns, e.g. meter_id,start,energy_kwh; remove the file if it is not needed"})
}

// progress is how many more stored bytes were read since it was last asked.
func (c *cutter) progress(all bool) int64 {
	n := c.stored.n
	if all {
		n = c.size
	}
	d := n - c.told
	c.told = n
	return d
}

// header reads the first line that is not blank. stop is true if the file cannot be used.
func (c *cutter) header(buf []byte, last bool) (rest []byte, stop bool, err error) {
	for {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 && !last || len(buf) == 0 {
			c.carry = buf
			if len(buf) > MaxLineBytes {
				return nil, true, c.reject("wrong header", c.size-c.told, flatwatt.Rejected{Where: c.name + ":1", Raw: buf, Reason: tooLong})
			}
			return nil, false, nil
		}
		line := buf
		if i >= 0 {
			line = buf[:i+1]
		}
		buf = buf[len(line):]
		c.line++
		if line = trimEOL(bytes.TrimPrefix(line, []byte("\ufeff"))); len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		file := &csvFile{loader: c.loader, name: c.name}
		field, reason := file.setRoles(string(line))
		if reason != "" {
			return nil, true, c.reject("wrong header", c.size-c.told, flatwatt.Rejected{
				Where: fmt.Sprintf("%s:%d", c.name, c.line), Field: field, Raw: line, Reason: reason})
		}
		c.file = file
		return buf, false, nil
	}
}

// setRoles finds the columns in the header; reason is not empty if one is missing.
func (f *csvFile) setRoles(header string) (field, reason string) {
	var found [roles]bool
	for _, h := range splitFields(nil, header) {
		r := roleOf(h)
		if r != roleNone && found[r] {
			return roleNames[r], "the column is there twice: the file is left out; remove one"
		}
		found[r] = true
		f.role = append(f.role, uint8(r))
	}
	for _, r := range []int{roleMeter, roleStart, roleEnergy} {
		if !found[r] {
			return roleNames[r], fmt.Sprintf("the header has no column %s: the file is left out; name the columns meter_id,start,energy_kwh[,reactive_kvarh,voltage_v,quality], separated by commas", roleNames[r])
		}
	}
	return "", ""
}
