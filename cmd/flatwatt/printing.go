package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/flatwatt/flatwatt/console"
)

// printFindings prints the ranked list in the form that --output asks for.
func (p *Program) printFindings(opt *options, findings []console.Finding, withTruth bool) error {
	w := bufio.NewWriter(p.Stdout)
	var err error
	switch opt.output {
	case "json":
		err = writeFindingsJSON(w, findings)
	case "csv":
		err = writeFindingsCSV(w, findings, withTruth)
	default:
		writeRanked(w, p.style(p.Stdout), findings, withTruth)
	}
	if err != nil {
		return err
	}
	return w.Flush()
}

func writeFindingsJSON(w io.Writer, findings []console.Finding) error {
	list := make([]console.SuspectJSON, len(findings))
	for i, f := range findings {
		list[i] = console.JSON(f)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

func writeFindingsCSV(w io.Writer, findings []console.Finding, withTruth bool) error {
	head := []string{
		"rank", "meter_id", "state", "probability", "block_kw", "block_kw_low", "block_kw_high",
		"onset", "onset_low", "onset_high", "units_low", "units_high", "hashrate_ths_low", "hashrate_ths_high", "reason",
		"farm_probability", "hall_state", "outside_log_odds",
	}
	if withTruth {
		head = append(head, "truth_label", "truth_block_kw", "truth_onset")
	}
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return err
	}
	for _, f := range findings {
		s := f.Score
		row := []string{
			strconv.Itoa(f.Rank), cellSafe(string(s.Meter)), string(s.State), floatText(s.Probability),
			floatText(s.Block.Value), floatText(s.Block.Low), floatText(s.Block.High),
			timeText(s.Onset.At), timeText(s.Onset.Low), timeText(s.Onset.High),
			floatText(s.Units.Low), floatText(s.Units.High), floatText(s.HashrateTHs.Low), floatText(s.HashrateTHs.High),
			f.Reason,
		}
		row = append(row, besideCells(f)...)
		if withTruth {
			row = append(row, truthCells(f)...)
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// besideCells are what stands beside the miner score.
func besideCells(f console.Finding) []string {
	cells := []string{"", "", ""}
	if f.Hall != nil {
		cells[0], cells[1] = floatText(f.Hall.Score.Probability), string(f.Hall.Score.State)
	}
	if f.Score.Outside != 0 {
		cells[2] = floatText(f.Score.Outside)
	}
	return cells
}

func truthCells(f console.Finding) []string {
	if f.Truth == nil {
		return []string{"", "", ""}
	}
	return []string{string(f.Truth.Label), floatText(float64(f.Truth.Block)), timeText(f.Truth.Onset)}
}

// cellSafe keeps a spreadsheet from taking a meter's name for a formula.
func cellSafe(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@') {
		return "'" + s
	}
	return s
}

func floatText(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
