package evaluate

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// WriteTable writes r as text for a terminal, at most 80 columns wide.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	c := r.Counts
	fmt.Fprintf(&b, "%s: %d meters, %d miners (%d with an onset in the data), %d legitimate changes\n",
		r.Method, c.Meters, c.Miners, c.OnsetMiners, c.LegitChanges)
	fmt.Fprintf(&b, "not enough data %d (%d miners), without truth %d; left out: %d bypassed, %d not customers\n",
		c.NotEnoughData, c.NotEnoughDataMiners, c.WithoutTruth, c.Bypass, c.NotCustomers)
	fmt.Fprintf(&b, "budget %g false alarms per 1,000 meter-months; 90 %% intervals from %d bootstrap replicates\n\n",
		r.Options.FalseAlarms, r.Options.Replicates)
	fmt.Fprintf(&b, "%s %9s  %-19s %7s\n", pad("figure", 32), "value", "90 % interval", "n")
	for _, v := range r.Figures.all() {
		fmt.Fprintf(&b, "%s %9s  %-19s %7d\n", pad(v.name, 32),
			format(v.figure.Value, v.unit), interval(v.figure, v.unit), v.figure.N)
	}
	if len(r.FalsePositives) > 0 {
		fmt.Fprintf(&b, "\nhonest meters among the first %d\n", c.Miners)
	}
	for _, g := range r.FalsePositives {
		fmt.Fprintf(&b, "%s %4d of %d\n", pad(g.By+" "+g.Name, 32), g.False, g.Meters)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func interval(f *Figure, unit string) string {
	if math.IsNaN(float64(f.Low)) || math.IsNaN(float64(f.High)) {
		return "–"
	}
	return format(f.Low, unit) + " … " + format(f.High, unit)
}

func format(x Number, unit string) string {
	v := float64(x)
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case unit == "%":
		return fmt.Sprintf("%.1f %%", 100*v)
	case unit == "d":
		return fmt.Sprintf("%.1f d", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// pad fills s up to n characters: Printf would count bytes.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s)))
}
