package simulate_test

import (
	"context"
	"fmt"

	"github.com/flatwatt/flatwatt/simulate"
)

func ExampleGenerator_All() {
	cfg := simulate.DefaultConfig()
	cfg.Meters, cfg.Days, cfg.Miners.Share = 100, 2, .04
	g, err := simulate.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	labels := map[string]int{}
	for series, truth := range g.All(context.Background()) {
		if len(series.Energy) == g.Intervals() {
			labels[string(truth.Label)]++
		}
	}
	fmt.Println(len(g.Meters()), "meters:", labels)
	// Output: 105 meters: map[legit_change:14 miner:3 none:88]
}
