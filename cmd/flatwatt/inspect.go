package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/vee"
)

func newInspect(p *Program, opt *options) *cobra.Command {
	var flags inputFlags
	var most int
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Say what a file of meter data is, what is in it, and what would be rejected and why",
		Long: `Inspect reads a file of meter data, or a fleet directory, as ingest would, and stores nothing.
It says which format it is, its meters, their range, interval and gaps, how good the data
are by the rules of validation, where times seem to be stamped, and what would be
rejected, by line, with the remedy. -o csv gives a row a meter, -o json everything.
The exit code is 3 if nothing can be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.inspect(cmd.Context(), opt, flags, args[0], most)
		},
	}
	flags.add(cmd)
	cmd.Flags().IntVar(&most, "rejects", 20, "how many rejected pieces to list")
	return cmd
}

func (p *Program) inspect(ctx context.Context, opt *options, flags inputFlags, path string, most int) error {
	how, meters, err := p.inputOptions(&flags)
	if err != nil {
		return err
	}
	how.Totals = true // to be told of
	var registers registerLog
	how.OnRegister = registers.take
	in, err := p.openInput(ctx, path, how)
	if err != nil {
		return err
	}
	defer in.Close()
	zone := how.Zone
	if zone == nil {
		zone = time.UTC
	}
	s, err := surveySource(ctx, in, meters, zone, &registers)
	if err != nil {
		return err
	}
	r := describe(path, in.info, s, flags.zone != "", most)
	switch opt.output {
	case "json":
		enc := json.NewEncoder(p.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	case "csv":
		err = writeSurveyCSV(p.Stdout, s)
	default:
		writeSurvey(p.Stdout, p.style(p.Stdout), r, opt.lang == "zh")
	}
	if err == nil && s.readings == 0 && s.totals.Count == 0 {
		err = dataError{fmt.Errorf("%s: no reading in it can be taken; `flatwatt inspect %s -o json` lists why", path, path)}
	}
	return err
}

// An inspection is what inspect prints, in JSON as it is.
type inspection struct {
	File        string           `json:"file"`
	Bytes       int64            `json:"bytes,omitempty"`
	Format      string           `json:"format"`
	Description string           `json:"description,omitempty"`
	Confidence  int              `json:"confidence"`
	Encoding    string           `json:"encoding,omitempty"`
	Compression string           `json:"compression,omitempty"`
	Members     []string         `json:"members,omitempty"`
	Meters      int              `json:"meters"`
	Readings    int64            `json:"readings"`
	Rejected    int64            `json:"rejected"`
	First       string           `json:"first,omitempty"`
	Last        string           `json:"last,omitempty"`
	Intervals   []intervalJSON   `json:"intervals,omitempty"`
	Expected    int64            `json:"expected"`
	Missing     int64            `json:"missing"`
	Actual      int64            `json:"actual"`
	Estimated   int64            `json:"estimated"`
	Edited      int64            `json:"edited"`
	Negative    int64            `json:"negative"`
	Reactive    int64            `json:"with_reactive"`
	Voltage     int64            `json:"with_voltage"`
	EnergyKWh   float64          `json:"energy_kwh"`       // of each interval once
	Totals      *totalsOf        `json:"totals,omitempty"` // over more than an hour: never scored
	DemandKW    [3]*float64      `json:"mean_demand_kw"`   // 5 %, 50 %, 95 % of meters
	Stamp       stampGuess       `json:"stamp"`
	Notes       map[string]int64 `json:"notes,omitempty"`
	Findings    []findingJSON    `json:"findings,omitempty"`
	Lacking     []lackJSON       `json:"not_enough_data,omitempty"`
	LackingAll  int              `json:"not_enough_data_meters"`
	RejectsBy   map[string]int64 `json:"rejects_by_field,omitempty"`
	Rejects     []rejectedJSON   `json:"rejects,omitempty"`
	Error       string           `json:"error,omitempty"` // why reading stopped before the end

	zoned bool
	sums  int
}

type (
	intervalJSON struct {
		Minutes float64 `json:"minutes"`
		Meters  int     `json:"meters"`
	}
	findingJSON struct {
		Code      vee.Code `json:"code"`
		MeterDays int      `json:"meter_days"`
		Meters    int      `json:"meters"`
	}
	lackJSON struct {
		Meter flatwatt.MeterID `json:"meter_id"`
		Lacks []string         `json:"lacks"` // in words

		what []vee.Lack
	}
	rejectedJSON struct {
		Where  string `json:"where"`
		Field  string `json:"field,omitempty"`
		Reason string `json:"reason"`
		Raw    string `json:"raw,omitempty"`
	}
)

func describe(path string, info formats.Info, s *survey, zoned bool, most int) *inspection {
	r := &inspection{
		File: path, Format: info.Format.Name, Description: info.Format.Description, Confidence: info.Confidence,
		Encoding: info.Encoding, Compression: info.Compression, Members: info.Members,
		Meters: len(s.meters), Readings: s.readings, Rejected: s.rejected, First: timeText(s.first), Last: timeText(s.last),
		Actual: s.quality[flatwatt.Actual], Estimated: s.quality[flatwatt.Estimated], Edited: s.quality[flatwatt.Edited],
		Negative: s.negative, Reactive: s.reactive, Voltage: s.voltage, Stamp: s.stamps(zoned), Notes: notesOf(info.Tally),
		RejectsBy: s.reasons, zoned: zoned, sums: s.balances, EnergyKWh: s.kwh,
	}
	if s.totals.Count > 0 {
		r.Totals = &s.totals
	}
	if f, err := os.Stat(path); err == nil && f.Mode().IsRegular() {
		r.Bytes = f.Size()
	}
	if s.ended != nil {
		r.Error = s.ended.Error()
	}
	for _, l := range s.lengths() {
		r.Intervals = append(r.Intervals, intervalJSON{l.Minutes(), s.intervals[l]})
	}
	low, mid, high := s.demands()
	for i, kw := range []float64{low, mid, high} {
		if !math.IsNaN(kw) {
			r.DemandKW[i] = &kw
		}
	}
	r.fromSummary(s, most)
	for _, x := range s.rejects[:min(len(s.rejects), max(0, most))] {
		r.Rejects = append(r.Rejects, rejectedJSON{x.Where, x.Field, x.Reason, strings.ToValidUTF8(string(x.Raw), "\ufffd")})
	}
	return r
}

// fromSummary takes over what validation found.
func (r *inspection) fromSummary(s *survey, most int) {
	r.Expected, r.Missing = s.gaps()
	for _, row := range s.summary.Meters() {
		if len(row.Lacks) > 0 {
			r.LackingAll++
			if len(r.Lacking) < most {
				r.Lacking = append(r.Lacking, lackOf(row))
			}
		}
	}
	for _, code := range vee.Codes() {
		f := findingJSON{Code: code}
		for _, m := range s.meters {
			f.MeterDays += m.broke[code]
			f.Meters += btoi(m.broke[code] > 0)
		}
		if code == vee.SumCheck {
			f.MeterDays = r.sums
		}
		if f.MeterDays > 0 {
			r.Findings = append(r.Findings, f)
		}
	}
}

func lackOf(row vee.Row) lackJSON {
	l := lackJSON{Meter: row.Meter, what: row.Lacks}
	for _, x := range row.Lacks {
		l.Lacks = append(l.Lacks, x.Say("en"))
	}
	return l
}

// notesOf are the counts of what a decoder put right or left out, without the zeros.
func notesOf(t *formats.Tally) map[string]int64 {
	if t == nil {
		return nil
	}
	n := map[string]int64{
		"missing": t.Missing, "duplicates": t.Duplicates, "corrections": t.Corrections, "rollovers": t.Rollovers,
		"resets": t.Resets, "gaps": t.Gaps, "repaired": t.Repaired,
	}
	for what, k := range t.Skipped {
		n["skipped "+what] = k
	}
	maps.DeleteFunc(n, func(_ string, k int64) bool { return k == 0 })
	return n
}

// writeSurveyCSV gives a row a meter.
func writeSurveyCSV(w io.Writer, s *survey) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"meter_id", "first", "last", "interval_minutes", "readings", "missing", "estimated", "edited", "good_days", "energy_kwh", "max_kw", "findings", "lacks"})
	for _, row := range s.summary.Meters() {
		m := s.meters[row.Meter]
		if m == nil {
			m = &surveyed{}
		}
		var broke, lacks []string
		for _, c := range vee.Codes() {
			if m.broke[c] > 0 {
				broke = append(broke, fmt.Sprintf("%s:%d", c, m.broke[c]))
			}
		}
		for _, l := range row.Lacks {
			lacks = append(lacks, l.Say("en"))
		}
		t := &row.Totals
		_ = out.Write([]string{
			cellSafe(string(row.Meter)), timeText(m.first), timeText(m.last), strconv.FormatFloat(m.interval.Minutes(), 'f', -1, 64),
			fmt.Sprint(m.readings), fmt.Sprint(m.missing()), fmt.Sprint(t.Estimated), fmt.Sprint(t.Edited), fmt.Sprint(t.GoodDays),
			strconv.FormatFloat(m.kwh, 'f', 3, 64), strconv.FormatFloat(m.most, 'f', 3, 64), strings.Join(broke, " "), strings.Join(lacks, "; "),
		})
	}
	out.Flush()
	return out.Error()
}

func sortedKeys(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) }
