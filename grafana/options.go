package grafana

import (
	"errors"
	"fmt"
)

// Options are what differs between sites: the thresholds of panels and alert rules. The
// zero value of a field is no default; begin with DefaultOptions.
type Options struct {
	Alarm    float64 // probability from which a meter is a suspect, as in the model
	Warn     float64 // probability that panels show in orange
	BlockKW  float64 // a suspected block above it is told at once
	Standing float64 // suspects at a time that people can still work on
	PerMonth float64 // alarms per 1,000 meter-months, true and false, after which the budget is used up
	Unjudged float64 // share of the fleet without enough data that is told
	Console  string  // address of flatwatt's page, for links
	NewADay  float64 // new suspects of one day that are more than people can look at
}

// DefaultOptions are those of the files that ship; alarm is the alarm probability of the
// model.
func DefaultOptions(alarm float64) Options {
	return Options{Alarm: alarm, Warn: min(0.2, alarm/2), BlockKW: 500, Standing: 200, PerMonth: 20, Unjudged: 0.2, Console: "http://127.0.0.1:8080", NewADay: 20}
}

// Validate names the first field that cannot be.
func (o Options) Validate() error {
	var errs []error
	for _, f := range []struct {
		name       string
		value, max float64
	}{
		{"alarm probability", o.Alarm, 1}, {"warn probability", o.Warn, o.Alarm}, {"block kW", o.BlockKW, 1e8},
		{"standing suspects", o.Standing, 1e8}, {"alarms per 1,000 meter-months", o.PerMonth, 1e4}, {"unjudged share", o.Unjudged, 1},
		{"suspects of a day", o.NewADay, 1e8},
	} {
		if !(f.value > 0 && f.value <= f.max) {
			errs = append(errs, fmt.Errorf("%s is %g: give a number above 0, at most %g", f.name, f.value, f.max))
		}
	}
	if o.Console == "" {
		errs = append(errs, errors.New("the console's address is empty: links need it"))
	}
	return errors.Join(errs...)
}
