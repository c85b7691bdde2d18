package espi

import (
	"fmt"
	"strconv"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// A readingType says what values are.
type readingType struct {
	format.CIMType
	length int64 // seconds
	fault  string
}

// set takes one element. What is no number is not known, and said where it matters.
func (rt *readingType) set(name, text string) {
	n, err := strconv.Atoi(text)
	if err != nil {
		n = -1
	}
	if text == "" {
		return
	}
	switch name {
	case "accumulationBehaviour":
		rt.Accumulation = n
	case "commodity":
		rt.Commodity = n
	case "dataQualifier":
		rt.Aggregate = n
	case "flowDirection":
		rt.Flow = n
	case "phase":
		rt.Phase = n
	case "uom":
		rt.Unit = n
	case "tou", "cpp", "consumptionTier":
		rt.Tariff = rt.Tariff*100 + max(0, min(n, 99))
	case "intervalLength":
		rt.length = int64(n)
	case "powerOfTenMultiplier":
		if err != nil || n < -12 || n > 12 {
			rt.fault = fmt.Sprintf("powerOfTenMultiplier %.20q is not a number from -12 to 12", text)
			return
		}
		rt.Power = n
	}
}

// quality reads ESPI's codes: 7 edited by a person; 8, 9, 11, 12, 13, 15 estimated in
// one way or another; 10 questionable, which is believed no more than an estimate.
func quality(code string) flatwatt.Quality {
	switch code {
	case "7":
		return flatwatt.Edited
	case "8", "9", "10", "11", "12", "13", "15":
		return flatwatt.Estimated
	}
	return flatwatt.Actual
}

// deltas says whether the values of a register's block are those of intervals after all:
// some senders declare a register and send what went through it. A register never falls
// but where it goes over or is swapped; a load falls about as often as it rises.
func (b *block) deltas() bool {
	falls, n := 0, 0
	for i := 1; i < len(b.values); i++ {
		if x, y := &b.values[i-1], &b.values[i]; x.has && y.has {
			n++
			if y.v < x.v {
				falls++
			}
		}
	}
	return n >= 4 && falls*5 > n
}
