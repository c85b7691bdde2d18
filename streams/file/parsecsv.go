package file

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"github.com/flatwatt/flatwatt"
)

// A fault is what is wrong with a row: a short kind for the statistics, the field, and
// the reason with its remedy.
type fault struct{ kind, field, reason string }

// csvParser parses one piece of a CSV file.
type csvParser struct {
	*csvFile
	*piece
	line    int
	field   [roles][]byte
	lastID  []byte // the row before had this meter …
	lastNum int32  // … with this number
	where   func() string
}

// parse takes lines, the first of which is number first of the file. It does not
// allocate per row.
func (f *csvFile) parse(p *piece, lines []byte, first int) {
	c := &csvParser{csvFile: f, piece: p, line: first - 1}
	c.where = func() string { return fmt.Sprintf("%s:%d", c.name, c.line) }
	c.reserve(len(lines) / 40)
	for len(lines) > 0 {
		line := lines
		if i := bytes.IndexByte(lines, '\n'); i >= 0 {
			line, lines = lines[:i], lines[i+1:]
		} else {
			lines = nil
		}
		c.line++
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(line) == 0 {
			continue
		}
		c.seen++
		if bad := c.row(line); bad != nil {
			c.rejects.add(bad.kind, flatwatt.Rejected{Where: c.where(), Field: bad.field, Reason: bad.reason, Raw: line})
		}
	}
}

// reserve makes room for n rows, so that the columns do not grow by copying.
func (c *csvParser) reserve(n int) {
	c.meter = make([]int32, 0, n)
	c.at = make([]int32, 0, n)
	c.energy = make([]float64, 0, n)
}

// row takes one line, or says what is wrong with it.
func (c *csvParser) row(line []byte) *fault {
	if len(line) > MaxLineBytes {
		return &fault{"line too long", "", tooLong}
	}
	if n := c.split(line); n != len(c.role) {
		return c.wrongFields(line, n)
	}
	meter, ok := c.meterNumber(c.field[roleMeter])
	if !ok {
		return c.unknownMeter(string(c.field[roleMeter]))
	}
	r := row{reactive: nan32, voltage: nan32}
	unix, ok := parseTime(c.field[roleStart])
	if !ok {
		return &fault{"bad time", "start", badTime(string(c.field[roleStart]))}
	}
	var bad *fault
	if r.at, bad = checkStart(unix); bad != nil {
		return bad
	}
	if r.quality, ok = parseQuality(c.field[roleQuality]); !ok {
		return badQuality(c.field[roleQuality])
	}
	if len(c.field[roleEnergy]) == 0 || r.quality == missing {
		c.missing++
		return nil
	}
	v, ok := parseNumber(c.field[roleEnergy])
	if !ok || !(math.Abs(v) <= maxEnergyKWh) {
		return badNumber(roleEnergy, c.field[roleEnergy])
	}
	r.energy = v
	if bad := c.optional(&r); bad != nil {
		return bad
	}
	c.note(c.loader, meter, r, c.where)
	return nil
}

// optional reads the columns that a file need not have; an empty field is missing.
func (c *csvParser) optional(r *row) *fault {
	if b := c.field[roleReactive]; len(b) > 0 {
		v, ok := parseNumber(b)
		if !ok || !(math.Abs(v) <= maxEnergyKWh) {
			return badNumber(roleReactive, b)
		}
		r.reactive = float32(v)
	}
	if b := c.field[roleVoltage]; len(b) > 0 {
		v, ok := parseNumber(b)
		if !ok || !(v >= 0 && v <= maxVolt) {
			return badNumber(roleVoltage, b)
		}
		r.voltage = float32(v)
	}
	return nil
}

// maxVolt is above the highest transmission voltage there is.
const maxVolt = 2e6

// split puts the fields that have a role into c.field and returns how many fields there
// are. Quotes and blanks around fields are rare and cost only those who have them.
func (c *csvParser) split(line []byte) int {
	n, from := 0, 0
	for i, b := range line {
		if b == ',' {
			if n < len(c.role) {
				c.field[c.role[n]] = line[from:i]
			}
			n, from = n+1, i+1
		} else if b == '"' || b == ' ' && (i == from || i+1 == len(line) || line[i+1] == ',') {
			return c.splitQuoted(line)
		}
	}
	if n < len(c.role) {
		c.field[c.role[n]] = line[from:]
	}
	return n + 1
}

func (c *csvParser) splitQuoted(line []byte) int {
	fields := splitFields(nil, string(line))
	for i, s := range fields[:min(len(fields), len(c.role))] {
		c.field[c.role[i]] = []byte(strings.TrimSpace(s))
	}
	return len(fields)
}

// meterNumber looks the meter up. Consecutive rows are often of one meter.
func (c *csvParser) meterNumber(id []byte) (int32, bool) {
	if len(id) > 0 && bytes.Equal(id, c.lastID) {
		return c.lastNum, true
	}
	n, ok := c.index[string(id)]
	if ok {
		c.lastID, c.lastNum = id, n
	}
	return n, ok
}

func (c *csvParser) wrongFields(line []byte, n int) *fault {
	if bytes.IndexByte(line, 0) >= 0 {
		return &fault{"NUL bytes", "", "the line has NUL bytes: the file is damaged here, export it again"}
	}
	return &fault{"number of fields", "", fmt.Sprintf("has %d fields, the header has %d: is the line cut off, or a decimal comma used?", n, len(c.role))}
}

func (l *loader) unknownMeter(id string) *fault {
	switch {
	case strings.IndexByte(id, 0) >= 0:
		return &fault{"NUL bytes", "meter_id", "has NUL bytes: the file is damaged here, export it again"}
	case id == "":
		return &fault{"no meter id", "meter_id", "is empty: every reading needs its meter"}
	case l.refused[id]:
		return &fault{"refused meter", "meter_id", fmt.Sprintf("meter %q was rejected in meters.csv: correct it there", id)}
	}
	return &fault{"unknown meter", "meter_id", fmt.Sprintf("meter %q is not in meters.csv: add it there", id)}
}

// checkStart brings a start to the minute and refuses broken clocks.
func checkStart(unix int64) (int32, *fault) {
	if unix < minUnix || unix >= maxUnix {
		return 0, &fault{"bad clock", "start", fmt.Sprintf("%s is before %d or after %d: the meter's clock is wrong; correct the times if they can be known",
			showUnix(unix), firstYear, lastYear)}
	}
	m, ok := minuteOf(unix)
	if !ok {
		return 0, &fault{"off the grid", "start", fmt.Sprintf("%s is more than %d seconds off a full minute: an interval is named by its start, e.g. 12:15:00",
			showUnix(unix), snapSeconds)}
	}
	return m, nil
}

func badNumber(role int, b []byte) *fault {
	why := "is not a number with a decimal point"
	if v, ok := parseNumber(b); ok {
		switch {
		case v != v:
			why = "is not a number: leave the field empty where nothing was metered"
		case role == roleVoltage:
			why = "is not between 0 and 2,000,000 V"
		default:
			why = "is beyond ±100,000,000 in one interval: check the unit"
		}
	} else if bytes.IndexByte(b, 0) >= 0 {
		why = "has NUL bytes: the file is damaged here, export it again"
	}
	return &fault{"bad number", roleNames[role], fmt.Sprintf("%q %s", cutText(b), why)}
}

func badQuality(b []byte) *fault {
	return &fault{"bad quality", "quality", fmt.Sprintf("%q is not actual, estimated or edited (A, E, F), nor N for missing", cutText(b))}
}

// cutText keeps messages short whatever the field holds.
func cutText(b []byte) []byte { return b[:min(len(b), 64)] }
