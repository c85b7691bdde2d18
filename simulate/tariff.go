package simulate

import "github.com/flatwatt/flatwatt"

// A TariffPeriod is a price of a time-of-use tariff from one local hour to another, behind
// midnight where To ≤ From. Later periods stand above earlier ones.
type TariffPeriod struct {
	Tariff   string
	From, To int
	Price    float64 // relative to the flat hours
}

// TariffPeriods are the simulated tariffs: cheap from 23 to 7, dear from 17 to 22, as in
// most provinces of China (assumption: spreads differ by province and year).
var TariffPeriods = []TariffPeriod{
	{"general_tou", 0, 24, 1}, {"general_tou", 23, 7, 0.45}, {"general_tou", 17, 22, 1.6},
	{"large_industry_tou", 0, 24, 1}, {"large_industry_tou", 23, 7, 0.4}, {"large_industry_tou", 17, 22, 1.7},
}

// Tariffs are TariffPeriods as tables.
func (g *Generator) Tariffs() flatwatt.Tariffs {
	all := flatwatt.Tariffs{}
	for _, p := range TariffPeriods {
		if all[p.Tariff] == nil {
			all[p.Tariff] = &flatwatt.Tariff{}
		}
		for h := p.From; h < p.To || p.To <= p.From && h < p.To+24; h++ {
			for q := range 4 {
				all[p.Tariff][h%24*4+q] = float32(p.Price)
			}
		}
	}
	return all
}
