package simulate

import (
	"math"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// steadyMiner runs around the clock from the first hour, without the behaviour that
// the other tests are about.
func steadyMiner(seed uint64, count int) *miner {
	c := DefaultConfig().Miners
	c.DayZeroShare, c.ModeShare, c.VanishShare, c.InspectShare, c.BypassShare, c.ImmersedShare = 1, 0, 0, 0, 0, 0
	c.Schedules = ScheduleShares{AlwaysOn: 1}
	return newMiner(rng(seed), &c, count, 60*24)
}

// Design: noise of 15-minute means with thermal drift removed 0.1–0.6 %, thermal slope
// +0.1 … +0.4 %/°C (±40 % around each model), power factor .97–.995. First differences
// of undisturbed quarters remove everything slower than the noise.
func TestMinerIsFlatWarmAndOfHighPowerFactor(t *testing.T) {
	_, c := blankCanvas(t, clean("home", 1, 60))
	for seed := range uint64(30) {
		m := steadyMiner(seed, 1+int(seed)%12)
		b := m.draw(c, rng(seed+100), nil)
		var noise, temps, kW, pf []float64
		nominal := 0.0
		for _, u := range m.machines {
			nominal += u.kW
		}
		for i := 1; i < len(b.kW); i++ {
			if b.kW[i] > .93*nominal && b.kW[i-1] > .93*nominal {
				if d := b.kW[i]/b.kW[i-1] - 1; math.Abs(d) < .03 { // leaves reboots of a single machine out
					noise = append(noise, d/math.Sqrt2)
				}
				temps, kW = append(temps, c.temp[i]), append(kW, b.kW[i])
				pf = append(pf, b.kW[i]/math.Hypot(b.kW[i], b.kvar[i]))
			}
		}
		if len(kW) < len(b.kW)/3 {
			continue // mostly with a failed machine: nothing steady to look at
		}
		if cv := sd(noise); cv < .0004 || cv > .008 {
			t.Errorf("seed %d: 15-minute noise %.4f, want 0.0004–0.008", seed, cv)
		}
		if s := slope(temps, kW) / mean(kW); s < -.0008 || s > .006 {
			t.Errorf("seed %d: thermal slope %+.4f /°C, want 0–0.005", seed, s)
		}
		if p := mean(pf); p < .96 || p > .9999 {
			t.Errorf("seed %d: power factor %.4f", seed, p)
		}
	}
}

// The thermal slope is what the plan says: it is measured on the ratio of two draws
// that differ in nothing else.
func TestMinerWarmsByItsCoefficient(t *testing.T) {
	_, c := blankCanvas(t, clean("home", 1, 20))
	m := steadyMiner(5, 4)
	m.beta, m.fans = .003, 0
	warm := m.draw(c, rng(9), nil)
	m.beta = 0
	cold := m.draw(c, rng(9), nil)
	for i := range warm.kW {
		if cold.kW[i] <= 0 {
			continue
		}
		if want := 1 + .003*(c.temp[i]-20); math.Abs(warm.kW[i]/cold.kW[i]-want) > 1e-9 {
			t.Fatalf("interval %d: ratio %.6f at %.1f °C, want %.6f", i, warm.kW[i]/cold.kW[i], c.temp[i], want)
		}
	}
}

func TestSchedulesRunAtTheirHours(t *testing.T) {
	_, c := blankCanvas(t, clean("home", 1, 30))
	f := func(s flatwatt.Schedule, on, off, runs, rests float64) {
		t.Helper()
		m := steadyMiner(3, 2)
		m.schedule, m.on, m.off, m.hand, m.weekends, m.idles = s, on, off, 0, false, false
		b := m.draw(c, rng(4), nil)
		at := func(hour float64) (share float64) {
			for i, x := range b.mask {
				if float64(c.cal.slots[i].quarter) == hour*4 {
					share += x / 30
				}
			}
			return share
		}
		if got := at(runs); got < .8 {
			t.Errorf("%s runs %.2f of the days at %g o'clock", s, got, runs)
		}
		if got := at(rests); got != 0 {
			t.Errorf("%s runs %.2f of the days at %g o'clock", s, got, rests)
		}
	}
	f(flatwatt.Night, 22, 31, 3, 12)
	f(flatwatt.Night, 24, 30, 5, 23)
	f(flatwatt.OffPeak, 21, 41, 12, 19)
	f(flatwatt.Daytime, 9, 16, 12, 20)
}

func TestMinerLivesFromOnsetToEnd(t *testing.T) {
	for _, minutes := range []int{15, 60} {
		cfg := clean("home", 1, 20)
		cfg.IntervalMinutes = minutes
		_, c := blankCanvas(t, cfg)
		m := steadyMiner(11, 3)
		m.onset, m.end, m.idles = 100.25, 300.5, true
		b := m.draw(c, rng(1), nil)
		for i, kW := range b.kW {
			h := float64(i) * c.cal.dt
			if (h+c.cal.dt <= m.onset || h >= m.end) && kW != 0 {
				t.Fatalf("%d min: %.3f kW %.2f h after the start, outside of [%g, %g)", minutes, kW, h, m.onset, m.end)
			}
		}
		if k := c.cal.index(101.5); b.kW[k] < 2 {
			t.Errorf("%d min: %.2f kW an hour after the onset", minutes, b.kW[k])
		}
	}
}

// Availability: reboots take 0.2 %, failures about 2–4 % at most, outages about 0.5 %.
func TestMinerUptime(t *testing.T) {
	_, c := blankCanvas(t, clean("home", 1, 120))
	total, full := 0.0, 0.0
	for seed := range uint64(40) {
		m := steadyMiner(seed, 8)
		for _, x := range m.draw(c, rng(seed), nil).kW {
			total += x
		}
		for _, u := range m.machines {
			full += u.kW * float64(c.cal.n)
		}
	}
	if up := total / full; up < .9 || up > 1.08 {
		t.Errorf("energy is %.3f of nameplate, want .9–1.08 (uptime .95–.99, fans +2…+8 %%, cool weather)", up)
	}
}

func TestStagedMinerGrows(t *testing.T) {
	cfg := DefaultConfig().Miners
	cfg.StagedShare, cfg.DayZeroShare = 1, 0
	staged := 0
	for seed := range uint64(20) {
		m := newMiner(rng(seed), &cfg, 12, 1000)
		if m.machines[0].start != 0 {
			t.Errorf("seed %d: the first machine starts %g h after the onset", seed, m.machines[0].start)
		}
		if last := m.machines[11].start; last > 15 && last < 15*24 {
			staged++
		}
	}
	if staged != 20 {
		t.Errorf("%d of 20 miners grow over 1–14 days", staged)
	}
}
