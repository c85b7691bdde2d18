package csvmap

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// What a row may hold beside the quantities of package format: a register is its own
// plus the quantity it counts.
const (
	asRegister format.Quantity = 100
	asSkip     format.Quantity = 200
)

func isRegister(q format.Quantity) bool { return q >= asRegister && q < asSkip }

// channelWord tells what a word of the mapping makes of a row.
func channelWord(s string) (w format.Quantity, ok bool) {
	base, register := strings.CutPrefix(s, "register")
	switch base = strings.TrimPrefix(base, "_"); {
	case s == "skip":
		return asSkip, true
	case register && base == "", base == "import":
		w = format.Import
	case base == "export":
		w = format.Export
	case base == "reactive":
		w = format.ReactiveImport
	case base == "reactive_export":
		w = format.ReactiveExport
	case base == "voltage" && !register:
		w = format.Voltage
	default:
		return 0, false
	}
	if register {
		w += asRegister
	}
	return w, true
}

// channel says what the value of a row is.
func (d *decoder) channel(o *format.Out, r *row) bool {
	i := d.layout.role[roleChannel]
	if i < 0 {
		return true
	}
	word := string(bytes.TrimSpace(d.fields[i]))
	r.ch.Name = word
	said, ok := d.opt.Mapping.Channels[word]
	if !ok {
		said, r.ch.Rank = usualChannel(word)
	}
	if r.ch.Quantity, ok = channelWord(said); !ok {
		o.Reject(r.line, d.layout.names[i], fmt.Sprintf("channel %.40q is not known: say in the mapping (channels) what it is", word), r.raw)
	}
	return ok
}

// usualChannel knows the market's suffixes, plain words, and the codes of COSEM: energy of
// an interval (x.29.0), registers (x.8.0, and x.8.1 … for tariffs) and voltages of phases.
func usualChannel(word string) (said string, rank uint8) {
	w := strings.ToLower(word)
	switch w {
	case "import", "export", "reactive", "reactive_export", "voltage", "register", "register_export", "register_reactive", "register_reactive_export":
		return w, 0
	case "e1", "e2", "delivered", "consumption":
		return "import", 0
	case "b1", "b2", "received", "generation":
		return "export", 0
	case "q1":
		return "reactive", 0
	case "k1":
		return "reactive_export", 0
	}
	if _, after, ok := strings.Cut(w, ":"); ok {
		w = after
	}
	w = strings.TrimSuffix(strings.TrimSuffix(w, ".255"), "*255")
	parts := strings.Split(w, ".")
	if len(parts) != 3 {
		return "", 0
	}
	if parts[2] != "0" {
		rank = format.RankTariff
	}
	of := map[string]string{"1": "import", "2": "export", "3": "reactive", "4": "reactive_export"}[parts[0]]
	switch {
	case of != "" && parts[1] == "29":
		return of, rank
	case of == "import" && parts[1] == "8":
		return "register", rank
	case of != "" && parts[1] == "8":
		return "register_" + of, rank
	case (parts[0] == "32" || parts[0] == "52" || parts[0] == "72") && (parts[1] == "7" || parts[1] == "24" || parts[1] == "25"):
		return "voltage", 0
	}
	return "", 0
}

// register takes a row with the reading of a cumulative register.
func (d *decoder) register(o *format.Out, r *row, energy float64) {
	if d.layout.role[roleRegister] >= 0 {
		var ok bool
		if energy, ok = d.cell(o, r, roleRegister, math.NaN()); !ok {
			return
		}
	}
	if energy != energy {
		d.tally.Missing++
		return
	}
	at := r.start
	if d.layout.end && d.layout.role[roleRegister] < 0 {
		at += r.length // place took it for the end of an interval
	}
	o.Showed(r.m, r.registerChannel(), at, energy*r.unit.Factor*r.m.Factor)
	delta, ok, reason := r.m.Register(d.tally, r.ch.Name, at, energy, 0, r.quality == flatwatt.Estimated)
	if reason != "" {
		o.Reject(r.line, roleNames[roleRegister], reason, r.raw)
	}
	if !ok {
		return
	}
	if r.length > 0 && delta.End-delta.Start != r.length {
		d.tally.Gaps++
		return
	}
	q := r.quality
	if delta.Estimated {
		q = flatwatt.Estimated
	}
	if d.layout.role[roleChannel] >= 0 { // beside channels of intervals, perhaps
		d.addDelta(r, &delta, q)
		return
	}
	out := flatwatt.Reading{
		Meter: r.m.ID, Start: time.Unix(delta.Start, 0).UTC(), Length: time.Duration(delta.End-delta.Start) * time.Second,
		Energy:   flatwatt.KWh(delta.Energy * r.unit.Factor * r.m.Factor),
		Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()), Quality: q,
	}
	o.Reading(&out, r.line)
}

// registerChannel is the channel of the differences of a row's register.
func (r *row) registerChannel() format.Channel {
	ch := r.ch
	ch.Rank += format.RankRegister
	if isRegister(ch.Quantity) {
		ch.Quantity -= asRegister
	} else {
		ch.Quantity = format.Import
	}
	return ch
}

// addDelta hands a difference to the joiner.
func (d *decoder) addDelta(r *row, delta *format.Delta, q flatwatt.Quality) {
	one := [1]float64{delta.Energy * r.unit.Factor * r.m.Factor}
	d.joiner.Add(d.tally, r.m.ID, r.registerChannel(), &format.Values{Start: delta.Start, Length: delta.End - delta.Start, V: one[:], All: q, Version: r.version, Line: r.line})
}
