// Command bucketcost measures what comparing meters within a bucket only costs in
// detection: it scores the same simulated fleet with more and more buckets, parted as
// the service parts it, and prints the ranking's figures. docs/adr/0008 quotes it.
package main

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"math"
	"strconv"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/evaluate"
	"github.com/flatwatt/flatwatt/simulate"
)

func main() {
	meters, days := flag.Int("meters", 4000, "customers"), flag.Int("days", 75, "days")
	seeds := flag.Int("seeds", 3, "fleets, from seed 301")
	list := flag.String("buckets", "1,4,16,64,128,256", "numbers of buckets")
	flag.Parse()
	for k := range *seeds {
		if err := measure(uint64(301+k), *meters, *days, strings.Split(*list, ",")); err != nil {
			log.Fatal(err)
		}
	}
}

func measure(seed uint64, meters, days int, buckets []string) error {
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.Meters, cfg.Days = seed, meters, days
	g, err := simulate.New(cfg)
	if err != nil {
		return err
	}
	var series []flatwatt.Series
	truth := map[flatwatt.MeterID]flatwatt.Truth{}
	for s, t := range g.All(context.Background()) {
		series = append(series, s)
		truth[t.Meter] = t
	}
	for _, text := range buckets {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		ranked, err := score(g, series, truth, n)
		if err != nil {
			return err
		}
		fmt.Printf("seed %d  %4d buckets  %6.0f meters each  AUROC %.4f  AP %.4f  recall at 0.1 %% false %.3f, at 1 %% %.3f\n",
			seed, n, float64(meters)/float64(n), evaluate.AUROC(ranked), evaluate.AveragePrecision(ranked),
			evaluate.RecallAt(ranked, 0.001), evaluate.RecallAt(ranked, 0.01))
	}
	return nil
}

// score ranks the whole fleet by the last probability of each meter.
func score(g *simulate.Generator, series []flatwatt.Series, truth map[flatwatt.MeterID]flatwatt.Truth, buckets int) ([]evaluate.Ranked, error) {
	params := detectors.DefaultParams()
	parts := make([][]flatwatt.Meter, buckets)
	of := map[flatwatt.MeterID]int{}
	for _, m := range g.Meters() {
		h := fnv.New32a() // as the server's partition() does
		h.Write([]byte("ami.readings." + string(m.Parent)))
		of[m.ID] = int(h.Sum32() % uint32(buckets))
		parts[of[m.ID]] = append(parts[of[m.ID]], m)
	}
	fleets := make([]*detectors.Fleet, buckets)
	for b := range fleets {
		var err error
		if fleets[b], err = detectors.NewFleet(params, parts[b], g.Weather(), detectors.Options{}); err != nil {
			return nil, err
		}
	}
	last := map[flatwatt.MeterID]float64{}
	note := func(scores []flatwatt.Score) {
		for _, s := range scores {
			last[s.Meter] = s.Probability
		}
	}
	var scores []flatwatt.Score
	for i := range g.Intervals() {
		for k := range series {
			s := &series[k]
			if i >= len(s.Energy) {
				continue
			}
			if r, ok := s.Reading(i); ok {
				scores = fleets[of[s.Meter]].Score(scores[:0], []flatwatt.Reading{r})
				note(scores)
			}
		}
	}
	for _, f := range fleets {
		note(f.Close(scores[:0]))
	}
	return rank(g.Meters(), truth, last), nil
}

func rank(meters []flatwatt.Meter, truth map[flatwatt.MeterID]flatwatt.Truth, last map[flatwatt.MeterID]float64) []evaluate.Ranked {
	var ranked []evaluate.Ranked
	for _, m := range meters {
		p, ok := last[m.ID]
		if !ok || math.IsNaN(p) {
			continue
		}
		ranked = append(ranked, evaluate.Ranked{Score: p, Miner: truth[m.ID].Label == flatwatt.Miner})
	}
	return ranked
}
