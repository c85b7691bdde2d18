package models

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/optimize"
)

// A FitSample is one meter on one day, for fitting: measurements by term (NaN where not
// measurable), the class, whether an added block was seen at all, and what was true.
type FitSample struct {
	X     []float64
	Class int
	Block bool
	Miner bool
	Group int // meter, for splitting; the samples of one group are not independent
	W     float64
}

// An AdditiveModel is the two-branch additive model: the log-odds are
//
//	log( e^{a₀[class] + Σ_{t∈onset} f_t(x_t)} + e^{a₁[class] + Σ_{t∈static} f_t(x_t)} )
//
// where the first addend is absent on days without an added block. A meter is a miner
// if either story holds, so their odds add.
type AdditiveModel struct {
	Curves []Curve      // by term
	Branch []int        // 0 onset, 1 static, by term
	Prior  [][2]float64 // by class
}

// LogOdds is the model's judgement of s.
func (m *AdditiveModel) LogOdds(s *FitSample) float64 {
	sum := m.Prior[s.Class]
	for t := range m.Curves {
		sum[m.Branch[t]] += m.Curves[t].At(s.X[t])
	}
	if !s.Block {
		sum[0] = math.Inf(-1)
	}
	return LogAddExp(sum[0], sum[1])
}

// FitOptions weigh smoothness and trust in the starting curves.
type FitOptions struct {
	Smooth  float64 // price of a squared second difference of a curve's values
	Ridge   float64 // price of a squared departure of a value from where it started
	ClassBy float64 // price of a squared departure of a class's prior from the pooled one
	Rounds  int     // L-BFGS iterations
}

// DefaultFitOptions are set so that ten labels move a curve little and a thousand move it freely.
func DefaultFitOptions() FitOptions {
	return FitOptions{Smooth: 2, Ridge: 0.3, ClassBy: 2, Rounds: 150}
}

// Fit improves m on samples by penalised maximum likelihood (L-BFGS; Hastie &
// Tibshirani, Generalized Additive Models, 1990, §6). Class priors are pooled: each
// is shrunk to the mean of all. The likelihood of a mixture has several optima; the
// start at the physical curves picks the one that means what the terms mean.
func (m *AdditiveModel) Fit(samples []FitSample, opt FitOptions) error {
	if len(samples) == 0 {
		return errors.New("no samples to fit on")
	}
	f := newFitter(m, samples, opt)
	x := f.pack(m)
	f.start = append([]float64(nil), x...)
	p := optimize.Problem{Func: f.loss, Grad: f.grad}
	r, err := optimize.Minimize(p, x, &optimize.Settings{MajorIterations: opt.Rounds, GradientThreshold: 1e-3}, &optimize.LBFGS{Store: 12})
	if r == nil {
		return err
	}
	// An exhausted line search still leaves the best point found.
	f.unpack(m, r.X)
	return nil
}

// place is where a measurement falls on its term's curve.
type place struct {
	at int32 // parameter index of the knot below; −1 for a missing measurement
	f  float32
}

type fitter struct {
	opt     FitOptions
	samples []FitSample
	places  []place // len(samples) × terms
	offset  []int   // of each term's values in the parameters
	knots   []int
	branch  []int
	classes int
	prior   int // offset of the class priors
	size    int
	start   []float64
	lastX   []float64
	lastL   float64
	lastG   []float64
}

func newFitter(m *AdditiveModel, samples []FitSample, opt FitOptions) *fitter {
	f := &fitter{opt: opt, samples: samples, branch: m.Branch, classes: len(m.Prior)}
	for _, c := range m.Curves {
		f.offset = append(f.offset, f.size)
		f.knots = append(f.knots, len(c.Knots))
		f.size += len(c.Knots)
	}
	f.prior = f.size
	f.size += 2 * f.classes
	terms := len(m.Curves)
	f.places = make([]place, len(samples)*terms)
	for s := range samples {
		for t, c := range m.Curves {
			p := place{at: -1}
			if i, frac, ok := c.Weights(samples[s].X[t]); ok {
				p = place{int32(f.offset[t] + i), float32(frac)}
			}
			f.places[s*terms+t] = p
		}
	}
	f.lastG = make([]float64, f.size)
	return f
}

func (f *fitter) pack(m *AdditiveModel) []float64 {
	x := make([]float64, 0, f.size)
	for _, c := range m.Curves {
		x = append(x, c.Values...)
	}
	for _, p := range m.Prior {
		x = append(x, p[0], p[1])
	}
	return x
}

func (f *fitter) unpack(m *AdditiveModel, x []float64) {
	for t := range m.Curves {
		m.Curves[t].Values = append([]float64(nil), x[f.offset[t]:f.offset[t]+f.knots[t]]...)
	}
	for c := range m.Prior {
		m.Prior[c] = [2]float64{x[f.prior+2*c], x[f.prior+2*c+1]}
	}
}

func (f *fitter) loss(x []float64) float64 { f.evaluate(x); return f.lastL }

func (f *fitter) grad(dst, x []float64) { f.evaluate(x); copy(dst, f.lastG) }

// evaluate computes loss and gradient together and remembers them for x.
func (f *fitter) evaluate(x []float64) {
	if f.lastX != nil && same(f.lastX, x) {
		return
	}
	f.lastX = append(f.lastX[:0], x...)
	clear(f.lastG)
	f.lastL = f.likelihood(x) + f.penalty(x)
}

func same(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// likelihood is the loss of all samples; parts of them are summed side by side, and their sums
// in order.
func (f *fitter) likelihood(x []float64) (loss float64) {
	parts := make([]struct {
		loss float64
		grad []float64
	}, partsOf(len(f.samples)))
	inParts(len(f.samples), func(i, from, to int) {
		p := &parts[i]
		p.grad = make([]float64, f.size)
		p.loss = f.part(x, from, to, p.grad)
	})
	for i := range parts {
		loss += parts[i].loss
		for k, g := range parts[i].grad {
			f.lastG[k] += g
		}
	}
	return loss
}

// part is the loss of some samples; it adds to its gradient.
func (f *fitter) part(x []float64, from, to int, grad []float64) (loss float64) {
	terms := len(f.offset)
	for s := from; s < to; s++ {
		smp := &f.samples[s]
		pl := f.places[s*terms : s*terms+terms]
		prior := f.prior + 2*smp.Class
		sum := [2]float64{x[prior], x[prior+1]}
		for t, p := range pl {
			if p.at >= 0 {
				sum[f.branch[t]] += x[p.at]
				if p.f != 0 {
					sum[f.branch[t]] += float64(p.f) * (x[p.at+1] - x[p.at])
				}
			}
		}
		if !smp.Block {
			sum[0] = math.Inf(-1)
		}
		l := LogAddExp(sum[0], sum[1])
		y := 0.0
		if smp.Miner {
			y = 1
		}
		// −log-likelihood of a Bernoulli: log(1+e^l) − y·l
		loss += smp.W * (LogAddExp(0, l) - y*l)
		g := smp.W * (Sigmoid(l) - y)
		share := [2]float64{g * math.Exp(sum[0]-l), g * math.Exp(sum[1]-l)}
		grad[prior] += share[0]
		grad[prior+1] += share[1]
		for t, p := range pl {
			if p.at >= 0 {
				d := share[f.branch[t]]
				grad[p.at] += d * float64(1-p.f)
				if p.f != 0 {
					grad[p.at+1] += d * float64(p.f)
				}
			}
		}
	}
	return loss
}

func (f *fitter) penalty(x []float64) (loss float64) {
	for t := range f.offset {
		v, g := x[f.offset[t]:f.offset[t]+f.knots[t]], f.lastG[f.offset[t]:]
		for i := range v {
			d := v[i] - f.start[f.offset[t]+i]
			loss += f.opt.Ridge * d * d
			g[i] += 2 * f.opt.Ridge * d
		}
		for i := 1; i+1 < len(v); i++ {
			d := v[i-1] - 2*v[i] + v[i+1]
			loss += f.opt.Smooth * d * d
			g[i-1] += 2 * f.opt.Smooth * d
			g[i] -= 4 * f.opt.Smooth * d
			g[i+1] += 2 * f.opt.Smooth * d
		}
	}
	for b := range 2 {
		mean := 0.0
		for c := range f.classes {
			mean += x[f.prior+2*c+b] / float64(f.classes)
		}
		for c := range f.classes {
			d := x[f.prior+2*c+b] - mean
			loss += f.opt.ClassBy * d * d
			f.lastG[f.prior+2*c+b] += 2 * f.opt.ClassBy * d // Σd = 0: the mean's part cancels
		}
	}
	return loss
}
