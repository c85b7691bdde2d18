package main

import (
	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/models"
)

// promiseFlags are what an operator may ask for instead of a bare threshold.
type promiseFlags struct {
	budget     float64 // false alarms per 1,000 meter-months
	visits     float64 // to honest customers, per week in the whole fleet
	falseShare float64 // of the list for inspection
}

// weeksPerMonth is of the mean Gregorian month.
const weeksPerMonth = 365.2425 / 12 / 7

func (f *promiseFlags) add(cmd *cobra.Command) {
	cmd.Flags().Float64Var(&f.budget, "budget", 0, "raise alarms so that there are at most so many false ones per 1,000 `meter-months`; 0: the model's own threshold")
	cmd.Flags().Float64Var(&f.visits, "visits", 0, "the same as `visits` a week to honest customers of this fleet")
	cmd.Flags().Float64Var(&f.falseShare, "false-discoveries", 0, "print the list for inspection of which at most this `share` is expected to be honest, instead of the first ranks")
}

// apply is model with the alarm threshold that keeps the budget, for a fleet of so many
// customers.
func (f *promiseFlags) apply(p *Program, model *detectors.Params, meters int) (*detectors.Params, error) {
	switch {
	case f.budget < 0 || f.visits < 0 || f.budget > 0 && f.visits > 0:
		return nil, usagef("give --budget or --visits, one of them, above 0")
	case f.falseShare < 0 || f.falseShare >= 1:
		return nil, usagef("--false-discoveries %g: want a share of 0 or more and below 1, such as 0.1", f.falseShare)
	case f.falseShare > 0 && model.EValue == (models.EValue{}):
		return nil, usagef("--false-discoveries: model %s promises no list; fit it with fleets to count on (`guarantee:` in the plan)", model.Version)
	}
	budget := f.budget
	if f.visits > 0 {
		budget = f.visits * weeksPerMonth / float64(max(meters, 1)) * 1000
	}
	if budget == 0 {
		return model, nil
	}
	threshold, ok := model.FalseAlarms.Threshold(budget)
	if !ok {
		return nil, usagef("a budget of %.3g false alarms per 1,000 meter-months is stricter than any that model %s can promise%s; fit it on more honest meters",
			budget, model.Version, strictest(model.FalseAlarms))
	}
	p.say("alarms from probability %.4g: at most %.3g false ones per 1,000 meter-months, one in %.3g years for an honest meter",
		threshold, budget, models.RunLengthMonths(budget)/12)
	with := *model
	with.AlarmProbability = min(max(threshold, 1e-9), 1)
	return &with, nil
}

// inspections is the e-BH list among customers, in order of rank.
func (f *promiseFlags) inspections(p *Program, b *board) []console.Finding {
	own, _ := byKind(b.Findings())
	logE := make([]float64, len(own))
	for i, x := range own {
		logE[i] = x.Score.LogEValue
	}
	var list []console.Finding
	for _, i := range models.EBH(logE, f.falseShare) {
		list = append(list, own[i])
	}
	p.say("inspection list: %d of %d meters; at most %.3g %% of such lists is expected to be honest", len(list), len(own), 100*f.falseShare)
	return list
}

func strictest(a models.AlarmRates) string {
	if n := len(a.Per1000Months); n > 0 {
		return " (the strictest is " + floatText(a.Per1000Months[n-1]) + ")"
	}
	return ""
}
