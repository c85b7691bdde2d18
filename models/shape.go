package models

import "math"

// Hours is the length of a daily profile.
const Hours = 24

// A Window is a run of hours of the local day, circular: it starts at Start and lasts
// Length hours, so {22, 10} is 22:00–08:00 and {0, 24} the whole day.
type Window struct{ Start, Length int }

// Contains reports whether hour h lies in w.
func (w Window) Contains(h int) bool { return (h-w.Start+Hours)%Hours < w.Length }

// A Shift is how a daily profile changed: Delta[h] is the change of hour h in kW and
// Var[h] its variance. Hours that are not known have Var = +Inf.
type Shift struct{ Delta, Var [Hours]float64 }

// A Fit is the best explanation of a Shift as a constant block in a window.
type Fit struct {
	Window   Window
	BlockKW  float64 // weighted mean of Delta in the window
	SE       float64 // its standard error, kW
	LogBayes float64 // log Bayes factor of "constant block" against "hour-dependent change"
	Residual float64 // weighted rms misfit in the window / BlockKW: 0 is perfectly flat
	Outside  float64 // weighted mean of Delta outside the window / BlockKW; 0 for the whole day
}

const (
	windowMinHours   = 4
	windowPrior      = -1.5 // log prior of a part-day window against the whole day
	windowSearch     = -2.0 // log price of having searched some 24×17 windows
	logBayesMin      = -12.0
	logBayesMax      = 8.0
	logBayesTemper   = 0.5 // the hours of a day are not independent
	relativeModelErr = 0.03
)

// FitShift finds the window and block that explain s best, and weighs that against a
// change that depends on the hour.
//
// Null hypothesis M2: Delta[h] ~ t₃(μ̂, Var[h] + τ²), τ = ½·block. Alternative M1:
// Delta[h] ~ t₃(block inside the window, 0 outside; Var[h] + (3 % of block)²). An
// always-on block shifts the lower envelope of every hour by the same amount; nothing
// that people do does that. The window is found by prefix sums of the Gaussian misfit
// (O(24²), about 2 µs); only the best window is weighed with Student tails.
// Returns ok = false with fewer than 12 known hours or no positive block.
func FitShift(s *Shift) (best Fit, ok bool) {
	var w, wd [2*Hours + 1]float64 // prefix sums of 1/v and δ/v, twice round the clock
	known := 0
	var null float64
	for h := range 2 * Hours {
		v := s.Var[h%Hours]
		wi := 0.0
		if !math.IsInf(v, 1) {
			wi = 1 / v
			if h < Hours {
				known++
				null += s.Delta[h] * s.Delta[h] * wi
			}
		}
		w[h+1] = w[h] + wi
		wd[h+1] = wd[h] + wi*s.Delta[h%Hours]
	}
	if known < Hours/2 {
		return Fit{}, false
	}
	bestGain := 0.0
	for length := windowMinHours; length <= Hours; length++ {
		if length > 20 && length < Hours {
			continue // 21–23 hours: the whole day with a dip, not a schedule
		}
		for start := range Hours {
			sw, swd := w[start+length]-w[start], wd[start+length]-wd[start]
			if sw <= 0 || swd <= 0 {
				continue
			}
			gain := swd * swd / sw / 2 // reduction of half the misfit by the block
			if length < Hours {
				gain += windowPrior + windowSearch
			}
			if gain > bestGain {
				bestGain = gain
				best = Fit{Window: Window{start, length}, BlockKW: swd / sw, SE: math.Sqrt(1 / sw)}
			}
			if length == Hours {
				break
			}
		}
	}
	if best.BlockKW <= 0 {
		return Fit{}, false
	}
	weigh(s, &best)
	return best, true
}

// weigh fills in the Student-t Bayes factor and the misfit of f's window.
func weigh(s *Shift, f *Fit) {
	c := f.BlockKW
	model := relativeModelErr * c * relativeModelErr * c
	tau2 := c * c / 4
	var in, inW, out, outW, mean, meanW float64
	for h := range Hours {
		if math.IsInf(s.Var[h], 1) {
			continue
		}
		wt := 1 / (s.Var[h] + model)
		mean, meanW = mean+wt*s.Delta[h], meanW+wt
		if f.Window.Contains(h) {
			e := s.Delta[h] - c
			in, inW = in+wt*e*e, inW+wt
		} else {
			out, outW = out+wt*s.Delta[h], outW+wt
		}
	}
	mean /= meanW
	lb := 0.0
	for h := range Hours {
		v := s.Var[h] + model
		if math.IsInf(v, 1) {
			continue
		}
		want := 0.0
		if f.Window.Contains(h) {
			want = c
		}
		wide := v + tau2
		lb += LogT3((s.Delta[h]-want)/math.Sqrt(v)) - LogT3((s.Delta[h]-mean)/math.Sqrt(wide)) + math.Log(wide/v)/2
	}
	if f.Window.Length < Hours {
		lb += windowPrior + windowSearch
	}
	f.LogBayes = min(max(lb*logBayesTemper, logBayesMin), logBayesMax)
	f.Residual = math.Sqrt(in/inW) / c
	if outW > 0 {
		f.Outside = out / outW / c
	}
}
