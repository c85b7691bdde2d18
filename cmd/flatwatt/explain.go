package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
	clusters "github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/streams/file"
)

type explainFlags struct {
	fleet, asof, model string
}

func newExplain(p *Program, opt *options) *cobra.Command {
	var flags explainFlags
	cmd := &cobra.Command{
		Use:   "explain METER --fleet DIR",
		Short: "Say why a meter has its score, with a plot",
		Long: `Explain scores the fleet (a meter is judged beside its peers) and prints what speaks
for and against a miner at one meter, each piece of evidence with its number, and a plot
of its daily floor and load with the onset marked.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.explain(cmd.Context(), opt, flags, flatwatt.MeterID(args[0]))
		},
	}
	cmd.Flags().StringVar(&flags.fleet, "fleet", "", "fleet `directory`")
	p.addModelFlag(cmd, &flags.model)
	cmd.Flags().StringVar(&flags.asof, "asof", "", "leave out readings that end after this `time`")
	needFlags(cmd, "fleet")
	return cmd
}

func (p *Program) explain(ctx context.Context, opt *options, flags explainFlags, id flatwatt.MeterID) error {
	asof, err := parseAsOf(flags.asof)
	if err != nil {
		return err
	}
	model, err := loadModel(flags.model)
	if err != nil {
		return err
	}
	fleet, err := p.openFleet(ctx, flags.fleet)
	if err != nil {
		return err
	}
	if _, isCase := clusters.NodeOf(id); !isCase && !slices.ContainsFunc(fleet.Meters(), func(m flatwatt.Meter) bool { return m.ID == id }) {
		return usagef("meter %s is not in %s/meters.csv", id, flags.fleet)
	}
	b, _, err := p.scoreFleet(ctx, model, fleet, asof, nil)
	if err != nil {
		return err
	}
	b.words = wordsIn(opt.lang)
	all := b.Findings()
	i := slices.IndexFunc(all, func(f console.Finding) bool { return f.Meter.ID == id })
	if i < 0 {
		return dataError{fmt.Errorf("meter %s has no score: %s", id, whyUnscored(fleet, id))}
	}
	switch opt.output {
	case "json":
		enc := json.NewEncoder(p.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(console.JSON(all[i]))
	case "csv":
		return writeFindingsCSV(p.Stdout, all[i:i+1], false)
	}
	st := p.style(p.Stdout)
	writeExplanation(p.Stdout, st, labelsIn(opt.lang), all[i], len(all))
	if s, ok := fleet.Series(id); ok {
		fmt.Fprintln(p.Stdout)
		if s.Energy, ok = given(all[i].Meter, s.Energy); ok {
			fmt.Fprintln(p.Stdout, labelsIn(opt.lang).of("given to the grid:"))
		}
		writePlot(p.Stdout, st, labelsIn(opt.lang), daysOf(&s, zoneOf(all[i].Meter)), all[i].Score, zoneOf(all[i].Meter))
	}
	for _, note := range fleet.Notes() {
		if note.Meter == id {
			fmt.Fprintln(p.Stdout, labelsIn(opt.lang).of("note:"), note.Text)
		}
	}
	return nil
}

func whyUnscored(fleet *file.Fleet, id flatwatt.MeterID) string {
	if node, ok := clusters.NodeOf(id); ok {
		return fmt.Sprintf("there is no cluster of blocks below %s", node)
	}
	if _, ok := fleet.Series(id); !ok {
		return "there are no readings of it"
	}
	for _, m := range customers(fleet.Meters()) {
		if m.ID == id {
			return "no day of it could be judged"
		}
	}
	return "it is no customer's meter"
}

// writeExplanation prints the finding, then what speaks for a miner and what against.
func writeExplanation(w io.Writer, st style, say labels, f console.Finding, of int) {
	s := f.Score
	line := func(name, text string) { fmt.Fprintf(w, "%s  %s\n", st.dim(pad(say.of(name), 11, false)), text) }
	fmt.Fprintln(w, st.bold(string(f.Meter.ID)))
	line("declared", say.f("%s, tariff %s", orDash(string(f.Meter.Class)), orDash(f.Meter.Tariff)))
	line("state", say.f("%s on %s", say.of(string(s.State)), s.Day)+say.rank(f.Rank, of))
	line("probability", say.f("%s (log odds %s, model %s)", percent(s.Probability), numberText(s.LogOdds), orDash(s.Model)))
	line("block", kwText(s.Block)+" kW, "+say.schedule(s.Schedule))
	line("onset", say.onset(f))
	if !s.Ended.IsZero() {
		line("ended", flatwatt.DayOf(s.Ended, zoneOf(f.Meter)).String())
	}
	line("hardware", say.f("%s units, %s TH/s", rangeText(s.Units), rangeText(s.HashrateTHs)))
	if !math.IsNaN(s.Energy.Value) && s.Energy.Value > 0 {
		line("energy", say.f("%.0f kWh since the onset [%.0f–%.0f]", s.Energy.Value, s.Energy.Low, s.Energy.High))
	}
	if s.Outside != 0 {
		line("outside", say.f("%s of the log odds come from outside evidence and registers", numberText(s.Outside)))
	}
	if h := f.Hall; h != nil {
		line("hall", say.f("mining farm against data centre: %s, %s", percent(h.Score.Probability), say.hall(h.Score.State)))
	}
	writeEvidence(w, st, say, f, "for a miner", 1)
	writeEvidence(w, st, say, f, "against it", -1)
	if f.Hall != nil {
		own := console.Finding{Score: f.Hall.Score, Reasons: f.Hall.Reasons}
		writeEvidence(w, st, say, own, "for a mining farm", 1)
		writeEvidence(w, st, say, own, "for a data centre", -1)
	}
}

// writeEvidence prints the terms whose contribution has the given sign.
func writeEvidence(w io.Writer, st style, say labels, f console.Finding, title string, sign float64) {
	fmt.Fprintf(w, "\n%s\n", st.bold(say.of(title)))
	none := true
	for i, e := range f.Score.Evidence {
		if e.LogOdds*sign <= 0 {
			continue
		}
		none = false
		text := e.Term
		if i < len(f.Reasons) {
			text = f.Reasons[i]
		}
		fmt.Fprintf(w, "  %s  %s %s\n", pad(numberText(e.LogOdds), 6, true), text, st.dim("("+e.Term+")"))
	}
	if none {
		fmt.Fprintln(w, "  "+say.of("nothing"))
	}
}

func numberText(x float64) string {
	if math.IsNaN(x) {
		return dash
	}
	return fmt.Sprintf("%+.2f", x)
}

func orDash(s string) string {
	if s == "" {
		return dash
	}
	return s
}

// floorQuantile is where the daily floor lies among the day's readings.
const floorQuantile = 0.05

// daysOf reduces a series to local days, without gaps in days.
func daysOf(s *flatwatt.Series, zone *time.Location) []dayLoad {
	var list []dayLoad
	var kw []float64
	hours := s.Interval.Hours()
	for i := 0; i < len(s.Energy); {
		d := flatwatt.DayOf(s.Start.Add(time.Duration(i)*s.Interval), zone)
		end := (d + 1).Start(zone)
		kw = kw[:0]
		for ; i < len(s.Energy) && s.Start.Add(time.Duration(i)*s.Interval).Before(end); i++ {
			if e := s.Energy[i]; e == e {
				kw = append(kw, e/hours)
			}
		}
		list = append(list, reduceDay(d, kw))
	}
	return list
}

// given is what a power plant gives, positive, of energies that count it negative; ok is false
// where they are no such, and the same.
func given(m flatwatt.Meter, energy []float64) (out []float64, ok bool) {
	sum := 0.0
	for _, e := range energy {
		if e == e {
			sum += e
		}
	}
	if m.Kind != flatwatt.Generator || sum >= 0 {
		return energy, false
	}
	out = slices.Clone(energy)
	for i := range out {
		out[i] = -out[i]
	}
	return out, true
}

func reduceDay(d flatwatt.Day, kw []float64) dayLoad {
	if len(kw) == 0 {
		return dayLoad{day: d, floor: math.NaN(), mean: math.NaN()}
	}
	slices.Sort(kw)
	sum := 0.0
	for _, v := range kw {
		sum += v
	}
	return dayLoad{day: d, floor: kw[int(floorQuantile*float64(len(kw)))], mean: sum / float64(len(kw))}
}
