package espi

import (
	"fmt"
	"strconv"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

func (d *decoder) closeBlock(name, parent, text string) {
	v := &d.value
	switch {
	case name == "IntervalReading":
		if v.length == 0 && v.start == 0 && len(d.block.values) > 0 { // no time of its own
			before := d.block.values[len(d.block.values)-1]
			v.start, v.length = before.start+before.length, before.length
		} else if v.start == 0 {
			v.start = d.block.start
		}
		if !v.has && v.fault == "" {
			v.fault = "there is no value"
		}
		d.block.values = append(d.block.values, *v)
		d.held++
		if d.held > d.most {
			d.block.unreadable = true
			d.block.values = d.block.values[:len(d.block.values)-1]
			d.held--
		}
	case name == "value" && parent == "IntervalReading":
		v.raw = text
		if v.v, v.has = format.ParseNumber([]byte(text), '.'); format.IsNone([]byte(text)) {
			v.has, v.quality = true, format.Missing
		} else if !v.has {
			v.fault = fmt.Sprintf("value %.40q is not a number", text)
		}
	case name == "quality" && parent == "ReadingQuality":
		v.quality = format.Worse(v.quality, quality(text))
	case name == "start" || name == "duration":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			n, v.fault = 0, fmt.Sprintf("%s %.40q is not a number of seconds", name, text)
		}
		switch {
		case parent == "timePeriod" && name == "start":
			v.start = n
		case parent == "timePeriod":
			v.length = n
		case parent == "interval" && name == "start":
			d.block.start = n
		}
	}
}
