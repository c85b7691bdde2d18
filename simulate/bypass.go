package simulate

import (
	"iter"
	"math"

	"github.com/flatwatt/flatwatt"
)

// tapShare is how far along the customer's own line a bypass taps it: its current flows
// through that share of the line and sags the voltage that the meter behind it records.
const tapShare = .7

// dropBypass lowers the voltage at a customer by what the block that passes its meter
// draws through its line. Relative, as c.dv.
func (g *Generator) dropBypass(p *plan, blk *block, c *canvas) {
	if blk == nil || !p.miner.bypass {
		return
	}
	for i, kW := range blk.kW {
		c.dv[i] -= tapShare * math.Abs(p.ohm) * kW
	}
}

// A Bypass is a miner wired past its customer's meter, as it was planned.
type Bypass struct {
	Customer, Transformer flatwatt.MeterID
	Units                 int
	KW                    flatwatt.KW // nominal
}

// Bypasses are all of them, by customer. Series tells only the largest of a transformer.
func (g *Generator) Bypasses() iter.Seq[Bypass] {
	return func(yield func(Bypass) bool) {
		for i, is := range g.miners {
			if !is {
				continue
			}
			p := g.planOf(i)
			if !p.miner.bypass {
				continue
			}
			b := Bypass{Customer: customerID(i), Transformer: transformerID(p.transformer), Units: len(p.miner.machines)}
			for _, m := range p.miner.machines {
				b.KW += flatwatt.KW(m.kW)
			}
			if !yield(b) {
				return
			}
		}
	}
}
