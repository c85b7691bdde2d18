package csvmap

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// findUnit takes the unit from the mapping, the options, the name of the column, or
// takes kWh. Export has that of energy, unless its name has one that energy's has not.
func (l *layout) findUnit() {
	m := l.opt.Mapping
	name := l.plainName(roleEnergy)
	if l.wide && name == "" {
		name = plain(strings.Join(l.names[:l.first], " "))
	}
	var named bool
	if l.unit, named = unitIn(name); !named {
		l.unit = format.Unit{Factor: 1}
	}
	if u, ok := unitIn(l.plainName(roleExport)); ok && !(named && u == l.unit) {
		l.export = u
	}
	for _, said := range []string{m.Unit, l.opt.Unit} {
		if u, ok := format.ParseUnit(said); ok {
			l.unit = u
			return
		}
	}
}

// unitIn finds the unit in the plain name of a column.
func unitIn(name string) (u format.Unit, ok bool) {
	for _, word := range []string{"mwh", "kwh", "wh", "mw", "kw"} {
		if strings.HasSuffix(name, word) || strings.HasPrefix(name, word) {
			return format.ParseUnit(word)
		}
	}
	if strings.HasPrefix(name, "power") || name == "demand" || name == "有功功率" {
		u = format.Unit{Factor: 1, Power: true}
		if strings.HasSuffix(name, "w") {
			u.Factor = 1e-3
		}
		return u, true
	}
	return u, false
}

// fault says why a file cannot be read; empty where it can.
func (l *layout) fault() string {
	const remedy = ": name it in the mapping, or name the columns as in docs/formats.md"
	has := func(role int) bool { return l.role[role] >= 0 }
	switch {
	case l.lost != "":
		return l.lost
	case !has(roleMeter):
		return fmt.Sprintf("no column of %.300s looks like the meter's identifier", strings.Join(l.names, ", ")) + remedy
	case l.opt.Mapping.Layout == "wide" && !l.wide:
		return "the mapping says wide, but there are no columns of points: name the first one in the mapping"
	case l.wide && !has(roleDate) && !has(roleTime):
		return "no column looks like the date" + remedy
	case l.wide:
		return ""
	case !has(roleTime) && !(has(roleDate) && has(roleClock)):
		return "no column looks like the time" + remedy
	case !has(roleEnergy) && !has(roleRegister):
		return "no column looks like the energy" + remedy
	}
	return ""
}

// mayDiffer allows lines that end in separators for empty fields, or lack them.
func (l *layout) mayDiffer(fields [][]byte) bool {
	if len(fields) > l.width {
		for _, f := range fields[l.width:] {
			if len(bytes.TrimSpace(f)) > 0 {
				return false
			}
		}
		return true
	}
	if l.wide {
		return len(fields) > l.first // trailing points left out: missing
	}
	for _, role := range []int{roleMeter, roleTime, roleDate, roleClock, roleEnergy, roleRegister} {
		if l.role[role] >= len(fields) {
			return false
		}
	}
	return false
}

// guessInterval is the commonest distance between consecutive times of a meter in the
// sample, in seconds, or between the times at all where the file goes by time.
func (l *layout) guessInterval(body []byte) int64 {
	last := map[string]int64{}
	perMeter, perTime := map[int64]int{}, map[int64]int{}
	before := int64(0)
	var fields [][]byte
	for n := 0; n < 20_000 && len(body) > 0; n++ {
		line, rest, whole := bytes.Cut(body, []byte("\n"))
		if body = rest; !whole && n > 0 {
			break
		}
		var ok bool
		fields, ok = format.SplitFields(fields[:0], append([]byte(nil), bytes.TrimRight(line, "\r")...), l.sep)
		if !ok || len(fields) != l.width {
			continue
		}
		wall, _, _, ok := l.stamp(fields)
		if !ok {
			continue
		}
		id := string(fields[l.role[roleMeter]])
		if l.role[roleChannel] >= 0 {
			id += "\x00" + string(fields[l.role[roleChannel]])
		}
		if at, ok := last[id]; ok && wall > at {
			perMeter[wall-at]++
		}
		if before != 0 && wall > before {
			perTime[wall-before]++
		}
		last[id], before = wall, wall
	}
	if best := commonest(perMeter); best > 0 {
		return best
	}
	return commonest(perTime)
}

// commonest is the interval that is there most often; of equals the shorter one.
func commonest(of map[int64]int) (best int64) {
	for _, s := range []int64{60, 300, 600, 900, 1200, 1800, 3600} {
		if of[s] > of[best] {
			best = s
		}
	}
	return best
}
