package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/flatwatt/flatwatt"
)

// A miner is a block of mining machines as planned; draw makes its demand.
type miner struct {
	machines []machine
	schedule flatwatt.Schedule
	onset    float64 // hours after the start; −Inf: older than the data
	end      float64 // hours after the start; +Inf: runs on
	pauses   []span  // pulled down for a while, as when inspectors are near
	on, off  float64 // local hours; off may exceed 24
	hand     float64 // standard deviation of the switching time in hours; 0: a timer
	weekends bool    // runs through days of rest whatever the schedule
	idles    bool    // between its hours it sleeps instead of being cut off
	modes    bool    // switches power modes
	beta     float64 // relative power per °C
	fans     float64 // exhaust fans, share of the block
	pf       float64 // at full load
	lead     bool    // the residual reactive power leads
	autotune bool    // after a restart it searches for its settings for hours
	bypass   bool    // draws before the customer's meter
	firmware []firmwareStep
	operator int // number of the operator whose block it is, from 1; 0: on its own
}

// A machine is one unit, there from start on.
type machine struct {
	model int
	kW    float64
	start float64 // hours after the onset
}

// newMiner plans a block of count machines. hours is the length of the data.
func newMiner(r *rand.Rand, cfg *MinerConfig, count int, hours float64) *miner {
	m := &miner{onset: math.Inf(-1), end: math.Inf(1)}
	m.equip(r, count)
	day0, when := chance(r, cfg.DayZeroShare), r.Float64()
	if !day0 {
		m.onset = math.Floor(when*hours*4) / 4
	}
	m.arrange(r, cfg.Schedules)
	if staged := chance(r, cfg.StagedShare); staged && !day0 && count >= 3 {
		m.stage(r)
	}
	m.modes = chance(r, cfg.ModeShare)
	since := max(m.onset, 0)
	if chance(r, cfg.VanishShare) {
		m.end = since + math.Floor(uniform(r, .2, 1)*(hours-since)*4)/4
	}
	if chance(r, cfg.InspectShare) {
		t := uniform(r, since, hours)
		m.pauses = append(m.pauses, span{t, t + uniform(r, 6, 96)})
	}
	m.beta = units[m.machines[0].model].beta * uniform(r, .6, 1.4)
	if chance(r, cfg.ImmersedShare) {
		m.beta *= .1
	}
	m.fans, m.pf = uniform(r, .02, .08), uniform(r, .97, .995)
	m.lead, m.autotune, m.idles = chance(r, .7), chance(r, .4), chance(r, .35)
	m.bypass = chance(r, cfg.BypassShare)
	return m
}

// equip buys count machines, mostly of one model.
func (m *miner) equip(r *rand.Rand, count int) {
	weights := make([]float64, len(units))
	for i, u := range units {
		weights[i] = u.weight
	}
	first, second := weighted(r, weights), weighted(r, weights)
	mixed := chance(r, .2)
	batch := 1 + uniform(r, -1, 1)*nameplateTolerance
	for i := range count {
		model := first
		if mixed && i >= (count+1)/2 {
			model = second
		}
		kW := units[model].kW * batch * (1 + unitSigma*clamp(r.NormFloat64(), -3, 3))
		m.machines = append(m.machines, machine{model: model, kW: kW})
	}
}

// arrange chooses the hours.
func (m *miner) arrange(r *rand.Rand, s ScheduleShares) {
	kinds := []flatwatt.Schedule{flatwatt.AlwaysOn, flatwatt.Night, flatwatt.OffPeak, flatwatt.Daytime}
	m.schedule = kinds[weighted(r, []float64{s.AlwaysOn, s.Night, s.OffPeak, s.Daytime})]
	switch m.schedule {
	case flatwatt.Night: // the cheap hours, or the dark ones
		m.on, m.off = []float64{21, 22, 23, 24}[r.IntN(4)], []float64{30, 31, 32}[r.IntN(3)]
	case flatwatt.OffPeak: // all but the evening peak: off at 16–18, on again at 21–22
		m.off, m.on = []float64{16, 17, 18}[r.IntN(3)]+24, []float64{21, 22}[r.IntN(2)]
	case flatwatt.Daytime:
		m.on, m.off = uniform(r, 8, 9.75), uniform(r, 15, 17)
	}
	if chance(r, .3) {
		m.hand = uniform(r, 3, 15) / 60
	} else {
		m.on, m.off = m.on+uniform(r, -.05, .05), m.off+uniform(r, -.05, .05) // a timer, itself a little off
	}
	m.weekends = chance(r, .2)
}

// stage builds the block up on days 0, 1, 3, 7 … of its life.
func (m *miner) stage(r *rand.Rand) {
	steps := []float64{0, 1, 3, 7, 14}[:2+r.IntN(4)]
	for i := range m.machines {
		k := i * len(steps) / len(m.machines)
		m.machines[i].start = max(0, steps[k]*24+math.Floor(float64(k)*uniform(r, -4, 6)*4)/4)
	}
	m.machines[0].start = 0
}

// String says what the block is, for people.
func (m *miner) String() string {
	var parts []string
	for i := 0; i < len(m.machines); {
		j := i
		for j < len(m.machines) && m.machines[j].model == m.machines[i].model {
			j++
		}
		parts = append(parts, fmt.Sprintf("%d × %s", j-i, units[m.machines[i].model].name))
		i = j
	}
	text := strings.Join(parts, " + ") + ", " + string(m.schedule)
	if m.operator > 0 {
		text += fmt.Sprintf(", operator %d", m.operator)
	}
	return text
}
