package csvmap

import (
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// findPoints looks for the points of a wide file: names that are times of day in steps,
// or a word with numbers that count up.
func (l *layout) findPoints() {
	m := l.opt.Mapping
	if m.Layout == "long" {
		return
	}
	for from := range l.names {
		if m.Points != "" && from != l.column(m.Points) {
			continue
		}
		n, named := l.clockRun(from)
		if n == 0 {
			n = l.countRun(from)
		}
		if m.PointCount > 0 && m.Points != "" {
			n = min(m.PointCount, l.width-from)
		}
		if n > l.points && (n >= 23 || m.Points != "") {
			l.first, l.points, l.named = from, n, named
		}
	}
	l.wide = l.points > 0
	if !l.wide {
		return
	}
	switch perDay := l.points; {
	case l.opt.Interval > 0:
		l.step = int64(l.opt.Interval / time.Second)
	case perDay <= 25:
		l.step = 3600
	case perDay <= 50:
		l.step = 1800
	case perDay <= 100:
		l.step = 900
	case perDay <= 150:
		l.step = 600
	default:
		l.step = 300
	}
	l.shift = int64(l.opt.FirstPoint / time.Second)
	switch {
	case l.named > 0 && l.opt.Stamp != format.StampStart: // named by the end of its interval
		l.shift += l.named - l.step
	case l.opt.Stamp == format.StampEnd:
		l.shift -= l.step
	default:
		l.shift += l.named
	}
}

// clockRun counts columns named by rising times of day from column from on. named is
// the first of these times, in seconds after midnight.
func (l *layout) clockRun(from int) (n int, named int64) {
	step, before := 0, -1
	for _, name := range l.names[from:] {
		t := clockName(name)
		if t == 0 && n > 1 && before+step == 1440 {
			t = 1440
		}
		switch {
		case t < 0:
			return n, named
		case n == 0:
			named = int64(t) * 60
		case n == 1:
			step = t - before
		}
		if n >= 1 && (step <= 0 || t-before != step) {
			return n, named
		}
		before = t
		n++
	}
	return n, named
}

// clockName reads names such as 00:30, 0030, 00:30:00, "t00:30", −1 where it is none.
func clockName(s string) int {
	s = strings.TrimLeft(strings.ToLower(s), "tph_ ")
	h, mi, ok := strings.Cut(s, ":")
	if !ok {
		h, mi, ok = strings.Cut(s, "_")
	}
	if !ok {
		return -1
	}
	mi, _, _ = strings.Cut(mi, ":")
	mi, _, _ = strings.Cut(mi, " ")
	hours, minutes := format.Digits([]byte(h)), format.Digits([]byte(mi))
	if hours < 0 || hours > 24 || minutes < 0 || minutes > 59 || len(mi) != 2 {
		return -1
	}
	return hours*60 + minutes
}

// countRun counts columns such as P1, P2 … or 0, 1 … from column from on.
func (l *layout) countRun(from int) (n int) {
	word, number := tail(l.names[from])
	if number != 0 && number != 1 {
		return 0
	}
	for n = 1; from+n < l.width; n++ {
		if w, k := tail(l.names[from+n]); !strings.EqualFold(w, word) || k != number+n {
			break
		}
	}
	return n
}

// tail cuts the number at the end of a name off; −1 where there is none.
func tail(name string) (word string, number int) {
	i := len(name)
	for i > 0 && name[i-1]-'0' <= 9 {
		i--
	}
	return name[:i], format.Digits([]byte(name[i:]))
}
