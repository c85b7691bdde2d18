package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/models"
	"github.com/flatwatt/flatwatt/rescore"
)

const (
	// leastRandom is how many random outcomes, of either kind leastKind, are enough to
	// leave those that were chosen out.
	leastRandom = 50
	leastKind   = 10

	// leastOutcomes is how many outcomes a correction needs at all.
	leastOutcomes = 20

	// outcomeFolds is in how many parts outcomes are split to measure a correction on
	// meters that it was not fitted on.
	outcomeFolds = 5
)

// A correction is a model that outcomes have corrected, and how much better it is.
type correction struct {
	Before     string             `json:"before"`
	Outcomes   int                `json:"outcomes"`
	Confirmed  int                `json:"confirmed"`
	RandomOnly bool               `json:"random_only"` // only inspections drawn at random were used
	Intercept  float64            `json:"intercept"`
	Slope      float64            `json:"slope"`
	Classes    map[string]float64 `json:"classes"` // log-odds added
	Regions    map[string]float64 `json:"regions"`
	LossBefore float64            `json:"log_loss_before"` // nats an outcome
	LossAfter  float64            `json:"log_loss_after"`  // on meters left out in turn
}

// proposeRecalibrated corrects the model that made the scores by what inspections found, and
// proposes it where that would have told outcomes better that it had not seen.
func (p *Program) proposeRecalibrated(ctx context.Context, m rescore.Models, flags feedbackFlags, meters []flatwatt.Meter, list []rescore.Inspection, best []flatwatt.Score) error {
	model, err := p.modelNamed(ctx, flags.model, flags.archive)
	if err != nil {
		return err
	}
	g := groupsOf(meters)
	outcomes, ids, c, err := g.gather(model, list, best)
	if err != nil {
		return dataError{err}
	}
	fit, err := models.FitOutcomes(outcomes, len(g.classes), len(g.regions), models.DefaultOutcomeOptions())
	if err != nil {
		return dataError{err}
	}
	if c.LossAfter, err = crossLoss(outcomes, ids, len(g.classes), len(g.regions)); err != nil {
		return dataError{err}
	}
	c.LossBefore = models.LogLoss(outcomes, func(o models.Outcome) float64 { return o.LogOdds })
	c.Intercept, c.Slope, c.Confirmed = fit.Intercept, fit.Slope, fit.Confirmed
	g.tell(&c, fit)
	p.say("feedback: %d outcomes (%d confirmed, %s): log loss on meters left out %.4f, before %.4f; log odds %.2f + %.2f·x",
		c.Outcomes, c.Confirmed, whichOutcomes(c.RandomOnly), c.LossAfter, c.LossBefore, c.Intercept, c.Slope)
	if !(c.LossAfter < c.LossBefore) {
		p.say("feedback: the model is as good as it is: nothing is proposed")
		p.result.Text = "nothing is proposed: the model is as good as it is"
		return nil
	}
	corrected := correct(model, fit, g)
	if err := versionByHash(corrected, cmp.Or(flags.version, model.Version)); err != nil {
		return err
	}
	_, err = p.proposeModel(ctx, m, corrected, "feedback", c)
	return err
}

func whichOutcomes(random bool) string {
	if random {
		return "those drawn at random"
	}
	return fmt.Sprintf("all: fewer than %d were drawn at random", leastRandom)
}

// groups number classes and regions of a register.
type groups struct {
	register        map[flatwatt.MeterID]flatwatt.Meter
	classes         []flatwatt.Class
	regions         []string
	classAt, region map[string]int
}

func groupsOf(meters []flatwatt.Meter) *groups {
	g := &groups{register: registerOf(meters), classAt: map[string]int{}, region: map[string]int{}}
	for _, m := range customers(meters) {
		g.classAt[string(m.Class)], g.region[m.Region] = 0, 0
	}
	for i, c := range slices.Sorted(maps.Keys(g.classAt)) {
		g.classAt[c], g.classes = i, append(g.classes, flatwatt.Class(c))
	}
	for i, r := range slices.Sorted(maps.Keys(g.region)) {
		g.region[r], g.regions = i, append(g.regions, r)
	}
	return g
}

// gather takes the clear outcomes of inspections whose meter had a score by the model.
func (g *groups) gather(model *detectors.Params, list []rescore.Inspection, best []flatwatt.Score) (out []models.Outcome, ids []flatwatt.MeterID, c correction, err error) {
	c.Before = model.Version
	take := func(random bool) {
		out, ids = nil, nil
		for i, one := range list {
			s := &best[i]
			if one.Outcome == rescore.Unclear || s.Model != model.Version || s.LogOdds-s.LogOdds != 0 || random && !one.Random {
				continue
			}
			m := g.register[one.Meter]
			o := models.Outcome{LogOdds: model.Calibrated(s.LogOdds), Group: [2]int{-1, -1}, Confirmed: one.Outcome == rescore.Confirmed}
			if k, ok := g.classAt[string(m.Class)]; ok {
				o.Group = [2]int{k, g.region[m.Region]}
			}
			out, ids = append(out, o), append(ids, one.Meter)
		}
	}
	take(true)
	yes := 0
	for _, o := range out {
		yes += btoi(o.Confirmed)
	}
	if c.RandomOnly = len(out) >= leastRandom && yes >= leastKind && len(out)-yes >= leastKind; !c.RandomOnly {
		take(false)
	}
	if c.Outcomes = len(out); len(out) < leastOutcomes {
		return nil, nil, c, fmt.Errorf("%d clear outcomes of meters with a score by model %s: at least %d are needed to correct it", len(out), model.Version, leastOutcomes)
	}
	return out, ids, c, nil
}

// crossLoss is the log loss of each outcome under a correction fitted without its meter.
func crossLoss(list []models.Outcome, ids []flatwatt.MeterID, classes, regions int) (float64, error) {
	sum := 0.0
	for fold := range outcomeFolds {
		var in, out []models.Outcome
		for i, o := range list {
			if int(lotOf(ids[i])*4096)%outcomeFolds == fold {
				out = append(out, o)
			} else {
				in = append(in, o)
			}
		}
		if len(out) == 0 {
			continue
		}
		fit, err := models.FitOutcomes(in, classes, regions, models.DefaultOutcomeOptions())
		if err != nil {
			return 0, err
		}
		sum += float64(len(out)) * models.LogLoss(out, fit.At)
	}
	return sum / float64(len(list)), nil
}

// tell puts the offsets that are worth a word into the report.
func (g *groups) tell(c *correction, fit models.OutcomeFit) {
	c.Classes, c.Regions = map[string]float64{}, map[string]float64{}
	for i, v := range fit.Class {
		c.Classes[string(g.classes[i])] = v
	}
	for i, v := range fit.Region {
		c.Regions[g.regions[i]] = v
	}
}

// correct is model with calibration and priors as fit says. Offsets come before calibration,
// so they are divided by its slope. Alarms of an average meter stay as they are; what was
// promised of false alarms was counted on the model before, and is taken out.
func correct(model *detectors.Params, fit models.OutcomeFit, g *groups) *detectors.Params {
	c := *model
	steep := fit.Slope * steepness(model.Calibration)
	c.Calibration = models.Platt{Intercept: fit.Intercept, Slope: fit.Slope}.Curve()
	if knots := model.Calibration.Knots; len(knots) > 0 {
		c.Calibration = model.Calibration
		c.Calibration.Values = slices.Clone(model.Calibration.Values)
		for i, v := range c.Calibration.Values {
			c.Calibration.Values[i] = fit.Intercept + fit.Slope*v
		}
	}
	c.Classes, c.Regions = maps.Clone(model.Classes), maps.Clone(model.Regions)
	if c.Regions == nil {
		c.Regions = map[string]float64{}
	}
	for i, class := range g.classes {
		v, ok := model.Classes[class]
		if !ok {
			v = model.Classes[""]
		}
		if d := fit.Class[i] / steep; d != 0 && (ok || len(model.Boost.Trees) == 0) {
			c.Classes[class] = [2]float64{v[0] + d, v[1] + d} // a class of its own would be another feature for trees
		}
	}
	for i, region := range g.regions {
		c.Regions[region] += fit.Region[i] / steep
	}
	alarm := math.Log(model.AlarmProbability) - math.Log1p(-model.AlarmProbability)
	c.AlarmProbability = min(max(models.Sigmoid(fit.Intercept+fit.Slope*alarm), leastAlarm), mostAlarm)
	c.EValue, c.FalseAlarms = models.EValue{}, models.AlarmRates{}
	return &c
}

// steepness is the slope of a calibration where it passes even odds, or of its middle.
func steepness(c models.Curve) float64 {
	n := len(c.Knots)
	if n < 2 {
		return 1
	}
	for i := range n - 1 {
		if c.Values[i] <= 0 && c.Values[i+1] > 0 {
			return (c.Values[i+1] - c.Values[i]) / (c.Knots[i+1] - c.Knots[i])
		}
	}
	return (c.Values[n-1] - c.Values[0]) / (c.Knots[n-1] - c.Knots[0])
}
