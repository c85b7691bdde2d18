package detectors

import (
	"bytes"
	_ "embed" // the default model
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

const numTerms = len(terms)

// numFeatures counts what the trees see: the terms, the class's index among the classes
// that have priors, and whether an added block is seen.
const numFeatures = numTerms + 2

func featureNames() []string { return append(TermNames(), "class", "block") }

// Params are the numbers of a model file: what each piece of evidence is worth. They
// are fitted, versioned and named by every score.
type Params struct {
	Version string `json:"version"`
	// Terms are the contributions by name of the term. A term without an entry
	// contributes nothing.
	Terms map[string]models.Curve `json:"terms"`
	// Classes are the prior log-odds by declared class, for the onset and the static
	// branch; "" is for every other class.
	Classes map[flatwatt.Class][2]float64 `json:"classes"`
	// Regions are added to the prior log-odds, by region, as inspections found them.
	Regions map[string]float64 `json:"regions,omitempty"`
	// Boost corrects the sum of the terms for what they say together: trees over the
	// terms in the register's order, then the class and whether a block is seen.
	Boost models.Boost `json:"boost"`
	// Features names the trees' features, so that trees of another program are refused.
	Features []string `json:"features,omitempty"`
	// Calibration maps log-odds to calibrated log-odds. Empty: as they are.
	Calibration models.Curve `json:"calibration"`
	// AlarmProbability is the calibrated probability from which a meter is a suspect.
	// It is derived from the operator's false-alarm budget, not chosen by hand.
	AlarmProbability float64 `json:"alarm_probability"`
	// EValue turns calibrated log-odds into evidence that a list with a promised
	// false-discovery rate can be made from. Zero: the model promises none.
	EValue models.EValue `json:"e_value,omitzero"`
	// FalseAlarms are the thresholds that an operator's budget may ask for, as counted
	// on fleets without fitting. Empty: the model promises none.
	FalseAlarms models.AlarmRates `json:"false_alarms,omitzero"`
	// Widths say how wide the intervals of estimates are. Zero: DefaultWidths.
	Widths Widths `json:"widths,omitzero"`

	curves  [numTerms]models.Curve     // Terms in the register's order
	classAt map[flatwatt.Class]float64 // index of a class, as the trees know it
}

//go:embed default.json
var defaultModel []byte

// DefaultParams is the model that ships with the program: fitted on simulated fleets
// and on public real load with simulated miners and honest changes (docs/benchmark.md). It is
// read once; each call gives maps of its own, and shares curves and trees, which never change.
func DefaultParams() *Params {
	p := *shipped()
	p.Terms, p.Classes, p.Regions = maps.Clone(p.Terms), maps.Clone(p.Classes), maps.Clone(p.Regions)
	p.Boost.Trees, p.Features = slices.Clone(p.Boost.Trees), slices.Clone(p.Features)
	return &p
}

var shipped = sync.OnceValue(func() *Params {
	p, err := ReadParams(defaultModel)
	if err != nil {
		panic(fmt.Sprintf("the model built into the program: %v", err)) // a test reads it too
	}
	return p
})

// PhysicsParams are the unfitted contributions of the register of terms: where fitting
// starts from.
func PhysicsParams() *Params {
	p := &Params{
		Version: "physics-1", Terms: map[string]models.Curve{},
		Classes: maps.Clone(classPriors), AlarmProbability: 0.5,
	}
	for _, t := range terms {
		p.Terms[t.name] = t.prior
	}
	if err := p.Validate(); err != nil {
		panic(fmt.Sprintf("the register of terms: %v", err)) // a test builds it too
	}
	return p
}

// ReadParams reads a model file and validates it.
func ReadParams(text []byte) (*Params, error) {
	p := &Params{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("model file: %w", err)
	}
	p.Widths = p.Widths.upgraded()
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("model file: %w", err)
	}
	return p, nil
}

// Validate checks p and readies it for use. It reports every fault at once, by name.
func (p *Params) Validate() error {
	var errs []error
	known := map[string]int{}
	for i, t := range terms {
		known[t.name] = i
		p.curves[i] = models.Curve{}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Terms)) {
		i, ok := known[name]
		if !ok {
			errs = append(errs, fmt.Errorf("term %q is not known to this program: fit the model again or use the program it was made for", name))
			continue
		}
		if err := p.Terms[name].Validate(); err != nil {
			errs = append(errs, fmt.Errorf("term %q: %w", name, err))
		}
		p.curves[i] = p.Terms[name]
	}
	if err := p.placeFeatures(); err != nil {
		errs = append(errs, fmt.Errorf("boost: %w", err))
	}
	if err := p.Calibration.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("calibration: %w", err))
	}
	if err := errors.Join(p.EValue.Validate(), p.FalseAlarms.Validate()); err != nil {
		errs = append(errs, fmt.Errorf("e_value or false_alarms: %w", err))
	}
	if err := p.Widths.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("widths: %w", err))
	}
	classes, _ := p.ClassIndex()
	p.classAt = map[flatwatt.Class]float64{}
	for i, c := range classes {
		p.classAt[c] = float64(i)
	}
	if p.Version == "" {
		errs = append(errs, errors.New("version is empty: every score names its model"))
	}
	if !(p.AlarmProbability > 0 && p.AlarmProbability <= 1) {
		errs = append(errs, fmt.Errorf("alarm_probability is %g: give a number in (0, 1]", p.AlarmProbability))
	}
	for _, r := range slices.Sorted(maps.Keys(p.Regions)) {
		if v := p.Regions[r]; v-v != 0 {
			errs = append(errs, fmt.Errorf("regions: %q is %g: give log-odds", r, v))
		}
	}
	if _, ok := p.Classes[""]; !ok {
		errs = append(errs, errors.New(`classes: the entry "" for every other class is missing`))
	}
	return errors.Join(errs...)
}

// placeFeatures puts the trees' features, which the file names, where this program has
// them. Terms that the trees do not know yet are not used by them.
func (p *Params) placeFeatures() error {
	if len(p.Boost.Trees) == 0 {
		return nil
	}
	if err := p.Boost.Validate(len(p.Features)); err != nil {
		return err
	}
	mine := featureNames()
	if slices.Equal(p.Features, mine) {
		return nil
	}
	place := make([]int16, len(p.Features))
	for i, name := range p.Features {
		at := slices.Index(mine, name)
		if at < 0 {
			return fmt.Errorf("feature %q is not a term of this program: fit the model again or use the program it was made for", name)
		}
		place[i] = int16(at)
	}
	trees := make([]models.Tree, len(p.Boost.Trees))
	for i, t := range p.Boost.Trees {
		trees[i] = slices.Clone(t)
		for n := range t {
			if t[n].Left != 0 {
				trees[i][n].Feature = place[t[n].Feature]
			}
		}
	}
	p.Boost.Trees, p.Features = trees, mine
	return nil
}

// Calibrated is the calibrated log-odds of what the evidence adds up to.
func (p *Params) Calibrated(logOdds float64) float64 {
	if len(p.Calibration.Knots) == 0 {
		return logOdds
	}
	return p.Calibration.At(logOdds)
}

// prior is the prior log-odds of a meter on a branch.
func (p *Params) prior(m *flatwatt.Meter, b branch) float64 {
	v, ok := p.Classes[m.Class]
	if !ok {
		v = p.Classes[""]
	}
	return v[b] + p.Regions[m.Region]
}

// classIndex is the class as the trees know it.
func (p *Params) classIndex(class flatwatt.Class) float64 {
	if i, ok := p.classAt[class]; ok {
		return i
	}
	return p.classAt[""]
}
