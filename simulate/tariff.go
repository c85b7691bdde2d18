package simulate

import "github.com/flatwatt/flatwatt"

// A tariffPeriod is a price of a time-of-use tariff from one local hour to another, behind
// midnight where to ≤ from. Later periods stand above earlier ones.
type tariffPeriod struct {
	tariff   string
	from, to int
	price    float64 // relative to the flat hours
}

// tariffPeriods are the simulated tariffs: cheap from 23 to 7, dear from 17 to 22, as in
// most provinces of China (assumption: spreads differ by province and year).
var tariffPeriods = []tariffPeriod{
	{"general_tou", 0, 24, 1}, {"general_tou", 23, 7, 0.45}, {"general_tou", 17, 22, 1.6},
	{"large_industry_tou", 0, 24, 1}, {"large_industry_tou", 23, 7, 0.4}, {"large_industry_tou", 17, 22, 1.7},
}

// Tariffs are the time-of-use tables of the tariffs that meters name.
func (g *Generator) Tariffs() flatwatt.Tariffs {
	all := flatwatt.Tariffs{}
	for _, p := range tariffPeriods {
		if all[p.tariff] == nil {
			all[p.tariff] = &flatwatt.Tariff{}
		}
		for h := p.from; h < p.to || p.to <= p.from && h < p.to+24; h++ {
			for q := range 4 {
				all[p.tariff][h%24*4+q] = float32(p.price)
			}
		}
	}
	return all
}
