package csvmap

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// Roles of columns.
const (
	roleMeter = iota
	roleTime
	roleDate
	roleClock
	roleEnergy
	roleExport
	roleRegister
	roleReactive
	roleVoltage
	roleQuality
	roleChannel
	roleVersion
	roleUnit
	roles
)

var roleNames = [roles]string{"meter", "time", "date", "clock", "energy", "export", "register", "reactive", "voltage", "quality", "channel", "version", "unit"}

// usual are names of columns by which a role is found, without case, spaces, "_" or
// brackets.
var usual = [roles][]string{
	roleMeter:    {"meterid", "meter", "nmi", "mpan", "mprn", "servicepoint", "servicepointid", "spid", "usagepoint", "usagepointid", "lclid", "customerid", "serialnumber", "meterno", "meternumber", "meterserial", "id", "表号", "电表号", "电表编号", "户号", "用户编号", "计量点编号"},
	roleTime:     {"start", "starttime", "intervalstart", "time", "timestamp", "datetime", "tstp", "readtime", "readingdatetime", "readingtime", "end", "endtime", "intervalend", "时间", "数据时间"},
	roleDate:     {"date", "day", "datadate", "readingdate", "intervaldate", "日期", "数据日期"},
	roleClock:    {"clock", "timeofday", "hhmm"},
	roleEnergy:   {"energykwh", "kwh", "energy", "consumption", "consumptionkwh", "usage", "usagekwh", "importkwh", "energywh", "wh", "powerkw", "demandkw", "kw", "power", "powerw", "value", "energykwh/hh", "kwh/hhperhalfhour", "kwhhhperhalfhour", "电量", "有功功率", "用电量"},
	roleExport:   {"exportkwh", "export", "generationkwh", "feedinkwh", "exportwh"},
	roleRegister: {"registerkwh", "register", "cumulativekwh", "indexkwh", "readkwh", "示值", "正向有功总"},
	roleReactive: {"reactivekvarh", "kvarh", "reactive"},
	roleVoltage:  {"voltagev", "voltage", "volts", "电压"},
	roleQuality:  {"quality", "qualitycode", "qualityflag", "status", "flag"},
	roleChannel:  {"channel", "suffix", "nmisuffix", "registerid", "obis", "direction"},
	roleVersion:  {"version", "updated", "updatetime"},
	roleUnit:     {"unit", "uom"},
}

// A layout says where in a file what stands.
type layout struct {
	opt       format.Options
	sep       byte
	decimal   byte
	headLines int // to be skipped, with the header
	width     int
	names     []string
	role      [roles]int // column, −1: none
	lost      string     // a column of the mapping that is not there
	unit      format.Unit
	export    format.Unit // of the column of export, where its name has another than energy's; Factor 0: as energy
	end       bool        // times name ends
	order     order

	wide   bool
	first  int // column of the first point
	points int
	step   int64 // seconds between points
	named  int64 // time of day that names the first point, seconds; 0 where none does
	shift  int64 // start of the first point's interval after midnight, seconds

	interval int64 // seconds, as the times of the file suggest; 0 unknown
}

// newLayout finds the layout of the file that begins with head.
func newLayout(head []byte, opt format.Options) (*layout, error) {
	m := opt.Mapping
	l := &layout{opt: opt, headLines: m.SkipLines}
	rest := bytes.TrimPrefix(head, []byte("\ufeff"))
	for range m.SkipLines {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	header, body, _ := bytes.Cut(rest, []byte("\n"))
	header = bytes.TrimRight(header, "\r")
	if sep, ok := bytes.CutPrefix(header, []byte("sep=")); ok && len(sep) == 1 { // a spreadsheet's hint
		l.sep, l.headLines = sep[0], l.headLines+1
		header, body, _ = bytes.Cut(body, []byte("\n"))
		header = bytes.TrimRight(header, "\r")
	}
	if len(bytes.TrimSpace(header)) == 0 {
		return nil, fmt.Errorf("the file is empty, or begins with an empty line where its header is due: remove the line or set skip_lines in the mapping")
	}
	if m.Separator != "" {
		l.sep = m.Separator[0]
	} else if l.sep == 0 {
		l.sep = separator(header)
	}
	fields, ok := format.SplitFields(nil, append([]byte(nil), header...), l.sep)
	if !ok {
		return nil, fmt.Errorf("a name in the header has quotes without an end: correct it")
	}
	l.width = len(fields)
	for i, f := range fields {
		if f, _ = format.Repair(f); m.NoHeader {
			f = []byte("#" + strconv.Itoa(i+1))
		}
		l.names = append(l.names, string(f))
	}
	if m.NoHeader {
		body = rest
	} else {
		l.headLines++
	}
	l.findPoints()
	l.findRoles()
	l.decimal = l.findDecimal(body)
	l.findUnit()
	named := strings.TrimSuffix(l.plainName(roleTime), "time")
	l.end = opt.Stamp == format.StampEnd || opt.Stamp == format.StampDefault && strings.HasSuffix(named, "end")
	l.findOrder(body)
	if l.fault() == "" && !l.wide {
		l.interval = l.guessInterval(body)
	}
	return l, nil
}

func separator(header []byte) byte {
	best, most := byte(','), 0
	for _, c := range []byte(",;\t|") {
		if n := bytes.Count(header, []byte{c}); n > most {
			best, most = c, n
		}
	}
	return best
}

// findDecimal takes what the mapping says, else a comma where values hold one after any
// point. Where commas separate columns it is a point.
func (l *layout) findDecimal(body []byte) byte {
	if said := l.opt.Mapping.Decimal; said != "" {
		return said[0]
	}
	if l.sep == ',' {
		return '.'
	}
	commas, points := 0, 0
	count := func(f []byte) {
		if i := bytes.LastIndexAny(f, ",."); i >= 0 && f[i] == ',' {
			commas++
		} else if i >= 0 {
			points++
		}
	}
	var fields [][]byte
	for n := 0; n < 1000 && len(body) > 0; n++ {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		body = rest
		fields, _ = format.SplitFields(fields[:0], append([]byte(nil), line...), l.sep)
		for _, role := range []int{roleEnergy, roleExport, roleRegister, roleReactive, roleVoltage} {
			if i := l.role[role]; i >= 0 && i < len(fields) {
				count(fields[i])
			}
		}
		for i := l.first; i < min(l.first+l.points, len(fields)); i++ {
			count(fields[i])
		}
	}
	if commas > points {
		return ','
	}
	return '.'
}

func plain(name string) string {
	name = strings.ToLower(name)
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" _-()[].\u00a0", r) {
			return -1
		}
		return r
	}, name)
}

func (l *layout) plainName(role int) string {
	if i := l.role[role]; i >= 0 {
		return plain(l.names[i])
	}
	return ""
}

func (l *layout) findRoles() {
	m := l.opt.Mapping
	said := [roles]string{m.Meter, m.Time, m.Date, m.Clock, m.Energy, m.Export, m.Register, m.Reactive, m.Voltage, m.Quality, m.Channel, m.Version, m.UnitColumn}
	taken := map[int]bool{}
	for i := range l.points {
		taken[l.first+i] = true
	}
	for r := range l.role {
		l.role[r] = -1
		if said[r] == "" {
			continue
		}
		if l.role[r] = l.column(said[r]); l.role[r] < 0 && l.lost == "" {
			l.lost = fmt.Sprintf("there is no column %.60q, which the mapping gives for %s: the header has %.300s", said[r], roleNames[r], strings.Join(l.names, ", "))
		}
		taken[l.role[r]] = true
	}
	for r := range l.role {
		for _, u := range usual[r] {
			for i, name := range l.names {
				if l.role[r] < 0 && said[r] == "" && !taken[i] && plain(name) == u {
					l.role[r], taken[i] = i, true
				}
			}
		}
	}
	if l.role[roleTime] < 0 && l.role[roleClock] < 0 && l.role[roleDate] >= 0 && !l.wide {
		l.role[roleTime], l.role[roleDate] = l.role[roleDate], -1
	}
	if l.role[roleDate] >= 0 && l.role[roleClock] < 0 && l.plainName(roleTime) == "time" && m.Time == "" {
		l.role[roleClock], l.role[roleTime] = l.role[roleTime], -1
	}
	switch {
	case l.role[roleRegister] < 0 || l.role[roleEnergy] < 0:
	case m.Register != "" && m.Energy == "":
		l.role[roleEnergy] = -1
	case m.Register == "": // both are there: the energy of an interval needs no differences
		l.role[roleRegister] = -1
	}
}

// column finds a column by its name or as "#3".
func (l *layout) column(name string) int {
	if n, err := strconv.Atoi(strings.TrimPrefix(name, "#")); err == nil && strings.HasPrefix(name, "#") {
		if n < 1 || n > l.width {
			return -1
		}
		return n - 1
	}
	for i, have := range l.names {
		if strings.EqualFold(have, name) {
			return i
		}
	}
	return -1
}
