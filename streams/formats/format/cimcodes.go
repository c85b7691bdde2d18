package format

import (
	"fmt"
	"math"

	"github.com/flatwatt/flatwatt"
)

// CIMType is what the numbers of a reading type say. IEC 61968-9 puts them in its name,
// ESPI in elements; they are the same.
type CIMType struct {
	Aggregate, Accumulation, Flow, Commodity, Unit, Phase int
	Tariff                                                int // time of use, critical peak or tier: above zero for a part of the whole
	Power                                                 int // of ten
}

// Register says whether values are those of a cumulative register: bulk quantity,
// cumulative, summation.
func (c CIMType) Register() bool {
	return (c.Accumulation == 1 || c.Accumulation == 3 || c.Accumulation == 9) && (c.Unit == 72 || c.Unit == 73)
}

// Channel tells what values are; skip says why flatwatt has no use for them.
func (c CIMType) Channel() (ch Channel, u Unit, skip string) {
	switch {
	case c.Commodity > 2: // electricity, secondary and primary metered
		return ch, u, fmt.Sprintf("commodity %d, which is not electricity", c.Commodity)
	case c.Aggregate == 8 || c.Aggregate == 9 || c.Aggregate == 26:
		return ch, u, fmt.Sprintf("aggregate %d: maximum, minimum and the like", c.Aggregate)
	}
	if u, skip = c.unit(); skip != "" {
		return ch, u, skip
	}
	ch.Name = fmt.Sprintf("%d.%d.%d.%d.%d", c.Accumulation, c.Flow, c.Phase, c.Unit, c.Tariff)
	if u.Voltage {
		ch.Quantity, ch.Rank = Voltage, phaseRank(c.Phase)
		return ch, u, ""
	}
	if !c.direction(&ch, u.Reactive) {
		return ch, u, fmt.Sprintf("flow direction %d", c.Flow)
	}
	ch.Rank, ch.Power = max(ch.Rank, phaseRank(c.Phase)), u.Power
	if c.Tariff > 0 {
		ch.Rank = max(ch.Rank, RankTariff)
	}
	if c.Register() {
		ch.Rank += RankRegister
	}
	return ch, u, ""
}

func (c CIMType) unit() (u Unit, skip string) {
	scale := math.Pow(10, float64(c.Power)) / 1000
	switch c.Unit {
	case 72:
		return Unit{Factor: scale}, ""
	case 38:
		return Unit{Factor: scale, Power: true}, ""
	case 73:
		return Unit{Factor: scale, Reactive: true}, ""
	case 63:
		return Unit{Factor: scale, Reactive: true, Power: true}, ""
	case 29:
		return Unit{Factor: scale * 1000, Voltage: true}, ""
	}
	return u, fmt.Sprintf("unit of measure %d", c.Unit)
}

// direction reads the flow direction: 1 forward, 19 reverse, 4 net, 20 both added up, 5
// quadrants 1 and 2, 13 quadrants 3 and 4, 15 to 18 quadrants 1 to 4, 2 lagging, 3
// leading, 8 quadrants 1 and 4, 10 quadrants 2 and 3.
func (c CIMType) direction(ch *Channel, reactive bool) (known bool) {
	if reactive {
		switch c.Flow {
		case 0, 1, 5:
			ch.Quantity = ReactiveImport
		case 19, 13:
			ch.Quantity = ReactiveExport
		case 2, 15, 16:
			ch.Quantity, ch.Rank = ReactiveImport, RankPhase
		case 3, 17, 18:
			ch.Quantity, ch.Rank = ReactiveExport, RankPhase
		case 4:
			ch.Quantity, ch.Rank = ReactiveImport, RankNet
		default:
			return false
		}
		return true
	}
	switch c.Flow {
	case 0, 1, 8:
		ch.Quantity = Import
	case 19, 10:
		ch.Quantity = Export
	case 4:
		ch.Quantity, ch.Rank = Import, RankNet
	case 20: // all that is known of a meter that does not tell directions apart
		ch.Quantity, ch.Rank = Import, RankNet+1
	default:
		return false
	}
	return true
}

func phaseRank(code int) uint8 {
	switch code {
	case 128, 64, 32, 129, 65, 33, 132, 66, 40, 512, 256, 528, 272: // A, B, C, each to neutral, between two, and halves of a split phase
		return RankPhase
	}
	return RankTotal
}

// CIMQuality reads a category and index of IEC 61968-9: 7 is edited by a person; 8, 11
// and 12 estimated, derived and projected; 10 questionable, believed no more than an
// estimate; 5.257 and 5.259 an error code and a read known to be missing, 5.256 and 5.258
// outside of its range and suspect.
func CIMQuality(category, index int) flatwatt.Quality {
	switch {
	case category == 7:
		return flatwatt.Edited
	case category == 8 || category == 10 || category == 11 || category == 12:
		return flatwatt.Estimated
	case category == 5 && (index == 257 || index == 259):
		return Missing
	case category == 5 && (index == 256 || index == 258):
		return flatwatt.Estimated
	}
	return flatwatt.Actual
}
