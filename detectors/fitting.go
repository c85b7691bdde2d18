package detectors

import (
	"fmt"
	"maps"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// A Watcher is shown the measurements behind every score, for fitting. x is in the
// register's order and valid only during the call; block says whether an added block
// was seen, and age for how many days it has run.
type Watcher func(s *flatwatt.Score, class flatwatt.Class, x []float64, block bool, age int)

// Watch makes f show its measurements to w; nil stops.
func (f *Fleet) Watch(w Watcher) { f.watch = w }

// TermNames are the names of the registered terms, in the register's order.
func TermNames() []string {
	names := make([]string, numTerms)
	for i := range terms {
		names[i] = terms[i].name
	}
	return names
}

// ClassIndex orders the classes that have priors of their own; other classes share the
// index of "".
func (p *Params) ClassIndex() (classes []flatwatt.Class, index func(flatwatt.Class) int) {
	classes = slices.Sorted(maps.Keys(p.Classes))
	return classes, func(c flatwatt.Class) int {
		if i, ok := slices.BinarySearch(classes, c); ok {
			return i
		}
		i, _ := slices.BinarySearch(classes, "")
		return i
	}
}

// Fit returns a new model fitted on samples that started from p, under a new version
// name. p is left as it was.
func (p *Params) Fit(version string, samples []models.FitSample, opt models.FitOptions) (*Params, error) {
	classes, _ := p.ClassIndex()
	m := p.additive()
	for i := range m.Curves {
		if len(m.Curves[i].Knots) == 0 { // a term that the model file did not know yet
			m.Curves[i] = curve(terms[i].prior.Knots[0], 0, terms[i].prior.Knots[len(terms[i].prior.Knots)-1], 0)
		}
	}
	if err := m.Fit(samples, opt); err != nil {
		return nil, fmt.Errorf("fit %s: %w", version, err)
	}
	out := &Params{Version: version, Terms: map[string]models.Curve{}, Classes: map[flatwatt.Class][2]float64{}, AlarmProbability: p.AlarmProbability}
	for i := range terms {
		out.Terms[terms[i].name] = m.Curves[i]
	}
	for i, c := range classes {
		out.Classes[c] = m.Prior[i]
	}
	return out, out.Validate()
}

// Shrink scales what terms and classes contribute, for trees to start from.
func (p *Params) Shrink(share float64) {
	for name, c := range p.Terms {
		values := slices.Clone(c.Values)
		for i := range values {
			values[i] *= share
		}
		p.Terms[name] = models.Curve{Knots: c.Knots, Values: values}
	}
	for c, v := range p.Classes {
		p.Classes[c] = [2]float64{v[0] * share, v[1] * share}
	}
}

// FitBoost adds trees to p, a model without any, for what its terms say together.
func (p *Params) FitBoost(samples []models.FitSample, opt models.BoostOptions) error {
	bare := *p
	bare.Boost, bare.Features = models.Boost{}, nil
	if err := bare.Validate(); err != nil {
		return err
	}
	m := bare.additive()
	boosted := make([]models.BoostSample, len(samples))
	for i := range samples {
		s := &samples[i]
		x := append(append(make([]float64, 0, numFeatures), s.X...), float64(s.Class), 0)
		if s.Block {
			x[numTerms+1] = 1
		}
		boosted[i] = models.BoostSample{X: x, Start: m.LogOdds(s), Miner: s.Miner, Group: s.Group, W: s.W}
	}
	p.Boost, p.Features = models.FitBoost(boosted, opt), featureNames()
	return p.Validate()
}

// additive is p's sum of terms as a model of its own.
func (p *Params) additive() (m models.AdditiveModel) {
	classes, _ := p.ClassIndex()
	for i := range terms {
		m.Curves = append(m.Curves, p.curves[i])
		m.Branch = append(m.Branch, int(terms[i].branch))
	}
	for _, c := range classes {
		m.Prior = append(m.Prior, p.Classes[c])
	}
	return m
}
