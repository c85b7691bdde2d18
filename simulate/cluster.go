package simulate

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// ClusterConfig adds operators who spread many small equal blocks over many customers.
// They come on top of the miners of MinerConfig, and honest customers stay as they were.
type ClusterConfig struct {
	Count    int     `yaml:"count"`     // operators
	Members  int     `yaml:"members"`   // customers of each
	Units    int     `yaml:"units"`     // machines at each customer, all of one model of 3.0 to 3.65 kW
	OverDays float64 `yaml:"over_days"` // from the first block to the last
	Distant  bool    `yaml:"distant"`   // members anywhere instead of below one feeder
}

// forCluster is the random stream of an operator: beyond the streams of appliances.
const forCluster = 1 << 40

// firmwareSteps are the factors by which an update of firmware changes the power.
var firmwareSteps = []float64{.82, .9, 1.08, 1.15}

// A firmwareStep sets all machines of an operator to a share of stock power at once.
type firmwareStep struct {
	at     float64 // hours after the start of the data
	factor float64
}

// A Cluster is one operator as it was planned.
type Cluster struct {
	Feeder  flatwatt.MeterID // "" where the members are distant
	Members []flatwatt.MeterID
	First   float64 // days from the start of the data to the first block
}

// planClusters chooses members and plans their blocks. A customer belongs to one operator
// at most.
func (g *Generator) planClusters() {
	cfg := &g.cfg.Clusters
	g.clustered = map[int]*miner{}
	for k := range cfg.Count {
		r := stream(g.cfg.Seed, uint64(k), forCluster)
		lo, hi, feeder := 0, g.cfg.Meters, flatwatt.MeterID("")
		if !cfg.Distant {
			per := g.cfg.Grid.CustomersPerTransformer * g.cfg.Grid.TransformersPerFeeder
			f := r.IntN(g.feeders)
			lo, hi, feeder = f*per, min((f+1)*per, g.cfg.Meters), feederID(f)
		}
		c := Cluster{Feeder: feeder}
		shared := g.newOperator(r)
		c.First = math.Floor(uniform(r, .4, .7)*g.cal.hours()/24*4) / 4
		for _, i := range r.Perm(hi - lo) {
			if len(c.Members) == cfg.Members {
				break
			}
			if i += lo; g.clustered[i] != nil {
				continue
			}
			onset := c.First * 24
			if len(c.Members) > 0 {
				onset += math.Floor(uniform(r, 0, cfg.OverDays*24)*4) / 4
			}
			g.clustered[i] = shared.at(r, onset, k)
			c.Members = append(c.Members, customerID(i))
		}
		slices.Sort(c.Members)
		g.clusters = append(g.clusters, c)
	}
}

// newOperator is the miner that all members share: model, firmware and its updates.
func (g *Generator) newOperator(r *rand.Rand) *miner {
	var weights []float64
	for _, u := range units {
		weights = append(weights, u.weight*math.Ceil(clamp(u.kW-2.9, 0, 1)))
	}
	model := weighted(r, weights)
	batch := 1 + uniform(r, -1, 1)*nameplateTolerance
	m := &miner{end: math.Inf(1), schedule: flatwatt.AlwaysOn}
	for range max(1, g.cfg.Clusters.Units) {
		m.machines = append(m.machines, machine{model: model, kW: units[model].kW * batch})
	}
	m.pf, m.lead, m.autotune = uniform(r, .97, .995), chance(r, .7), chance(r, .4)
	for t := r.ExpFloat64() * 240; t < g.cal.hours(); t += 96 + r.ExpFloat64()*240 {
		m.firmware = append(m.firmware, firmwareStep{math.Floor(t*4) / 4, firmwareSteps[r.IntN(len(firmwareSteps))]})
	}
	return m
}

// at is the operator's block at one member.
func (m *miner) at(r *rand.Rand, onset float64, operator int) *miner {
	own := *m
	own.onset, own.operator = onset, operator+1
	own.machines = slices.Clone(m.machines)
	for i := range own.machines {
		own.machines[i].kW *= 1 + unitSigma*clamp(r.NormFloat64(), -3, 3)
	}
	own.beta = units[m.machines[0].model].beta * uniform(r, .6, 1.4)
	own.fans = uniform(r, .02, .08)
	for _, f := range m.firmware { // an update restarts the machines
		own.pauses = append(own.pauses, span{f.at, f.at + .1})
	}
	return &own
}

// firmwareAt is the factor of the latest update at hour t.
func (m *miner) firmwareAt(t float64) float64 {
	factor := 1.0
	for _, f := range m.firmware {
		if f.at <= t {
			factor = f.factor
		}
	}
	return factor
}

// Clusters are the operators, in the order in which they were planned.
func (g *Generator) Clusters() iter.Seq[Cluster] { return slices.Values(g.clusters) }

func (c *Config) validateClusters() error {
	k := &c.Clusters
	for _, f := range []struct {
		name        string
		value, high int
	}{{"clusters.count", k.Count, 10_000}, {"clusters.members", k.Members, MaxChildren}, {"clusters.units", k.Units, MaxUnits}} {
		if f.value < 0 || f.value > f.high {
			return &FieldError{f.name, f.value, fmt.Sprintf("give a whole number from 0 to %d", f.high)}
		}
	}
	if !(k.OverDays >= 0 && k.OverDays <= MaxDays) {
		return &FieldError{"clusters.over_days", k.OverDays, fmt.Sprintf("give a number from 0 to %d", MaxDays)}
	}
	return nil
}
