package models

import "math"

// A Unit is a kind of mining machine as it draws from the wall.
type Unit struct {
	Name      string
	KW        float64 // at stock settings
	HashTHs   float64
	PopWeight float64 // share of machines believed to be in the field
}

// Units is the table of machines that block sizes are compared with. Powers and
// hashrates are public data sheets and wall measurements (docs/detectors.md);
// PopWeight is an assumption. Since 2019 almost every full-size machine draws
// 3.0–3.65 kW, so the count is identifiable and the model is not.
var Units = [...]Unit{
	{"S9", 1.36, 13.5, 0.15},
	{"S17", 2.52, 56, 0.05},
	{"S19 XP / S19j Pro", 3.05, 120, 0.25},
	{"S19 / S19 Pro", 3.28, 105, 0.25},
	{"M30S / M50 / M60", 3.40, 120, 0.2},
	{"S21", 3.55, 210, 0.1},
}

const (
	unitSpread  = 0.03 // nameplate tolerance and unit-to-unit spread, relative
	unitsCountP = 0.97 // geometric prior: each further unit is a little less likely
	// Efficiency of the machines that a hashrate is derived from, J/TH: the newest
	// air-cooled against the S19 family. An S9 farm would be at 98; the range says
	// what the block most likely is, not what is possible.
	EfficiencyLowJPerTH  = 17.5
	EfficiencyHighJPerTH = 34.0
)

// UnitCount is the 90 % range of the number of machines in a block of blockKW ± se.
// Formula: p(u, k | ĉ) ∝ π_u · ρᵏ · N(ĉ; k·p_u, k·(0.03·p_u)² + (0.02·ĉ)² + se²).
// Zeros where the block is too small for the smallest machine.
func UnitCount(blockKW, se float64) (low, high float64) {
	if !(blockKW > 0.5*Units[0].KW) {
		return 0, 0
	}
	if blockKW > 150 { // beyond some 40 machines the comb has blurred
		return math.Round(blockKW / 3.65), math.Round(blockKW / 2.9)
	}
	const kMax = 160
	var post [kMax + 1]float64
	total := 0.0
	for _, u := range Units {
		// Teeth further than 6 standard deviations away weigh nothing.
		k0 := blockKW / u.KW
		reach := 1 + 6*math.Sqrt(k0*unitSpread*unitSpread+(0.0004*blockKW*blockKW+se*se)/(u.KW*u.KW))
		for k := int(max(1, k0-reach)); k <= int(min(kMax, k0+reach)); k++ {
			v := float64(k)*unitSpread*u.KW*unitSpread*u.KW + 0.0004*blockKW*blockKW + se*se
			e := blockKW - float64(k)*u.KW
			p := u.PopWeight * math.Pow(unitsCountP, float64(k)) * math.Exp(-e*e/(2*v)) / math.Sqrt(v)
			post[k] += p
			total += p
		}
	}
	if total <= 0 || math.IsNaN(total) {
		k := math.Max(1, math.Round(blockKW/3.3))
		return k, k
	}
	cum := 0.0
	for k := 1; k <= kMax; k++ {
		cum += post[k] / total
		if low == 0 && cum > 0.05 {
			low = float64(k)
		}
		if cum >= 0.95 {
			return low, float64(k)
		}
	}
	return low, kMax
}

// CombLogBayes is the log Bayes factor that a block of blockKW ± se is a whole number
// of machines against a smooth distribution of sizes. Within ±1 for more than a few
// machines: the comb blurs. Cost: about 0.3 µs.
func CombLogBayes(blockKW, se float64) float64 {
	if !(blockKW > 0.6) || blockKW > 30 {
		return 0
	}
	comb := 0.0
	for _, u := range Units {
		k0 := math.Round(blockKW / u.KW)
		for k := max(1, k0-1); k <= k0+1; k++ {
			v := k*unitSpread*u.KW*unitSpread*u.KW + 0.0004*blockKW*blockKW + se*se
			e := blockKW - k*u.KW
			// each tooth stands for the span of sizes nearest to it, one unit wide
			comb += u.PopWeight * u.KW * math.Exp(-e*e/(2*v)) / math.Sqrt(2*math.Pi*v)
		}
	}
	return min(max(math.Log(comb+1e-3), -2), 1.5)
}

// HashrateTHs is the range of hashrates that blockKW can sustain, in TH/s.
func HashrateTHs(low, high float64) (lowTHs, highTHs float64) {
	return low * 1000 / EfficiencyHighJPerTH, high * 1000 / EfficiencyLowJPerTH
}
