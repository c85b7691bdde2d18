package simulate

import (
	"math"
	"time"
)

// A CoinRow is the market in one week.
type CoinRow struct {
	Day        time.Time
	Price      float64 // USD a coin
	Difficulty float64 // relative to the first row
	Halving    bool    // the subsidy of a block was halved in this week
}

// halvings are the days on which bitcoin's subsidy was or, at ten minutes a block, will be
// halved (public: every 210,000 blocks).
var halvings = []string{"2012-11-28", "2016-07-09", "2020-05-11", "2024-04-20", "2028-04-17", "2032-04-13"}

// halving is the one that falls into the data.
func (s *Halls) halving() (time.Time, bool) {
	for _, text := range halvings {
		t, err := time.Parse(time.DateOnly, text)
		if h := t.Sub(s.cal.start).Hours(); err == nil && h > 0 && h < s.cal.hours() {
			return t, true
		}
	}
	return time.Time{}, false
}

// drawCoin draws a price that wanders by 8 % a week and a difficulty that follows it slowly.
func (s *Halls) drawCoin() (rows []CoinRow) {
	r := stream(s.cfg.Seed, 0, forCoin)
	price, difficulty := math.Log(50000), 0.0
	halved, ok := s.halving()
	for day := s.cal.start.Truncate(24*time.Hour).AddDate(0, 0, -28); day.Before(s.cal.at(s.cal.hours())); day = day.AddDate(0, 0, 7) {
		price += .08 * r.NormFloat64()
		difficulty += .01 + .02*r.NormFloat64()
		row := CoinRow{Day: day, Price: math.Round(math.Exp(price)), Difficulty: math.Round(1000*math.Exp(difficulty)) / 1000}
		row.Halving = ok && !halved.Before(day) && halved.Before(day.AddDate(0, 0, 7))
		rows = append(rows, row)
	}
	return rows
}
