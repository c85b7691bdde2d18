package evaluate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Number is a float64 that JSON can carry: NaN and infinities are null.
type Number float64

// MarshalJSON writes the shortest number that reads back the same, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	var x float64
	if err := json.Unmarshal(b, &x); err != nil {
		return fmt.Errorf("read number %q: %w", b, err)
	}
	*n = Number(x)
	return nil
}

// A Figure is a measured value with its 90 % bootstrap interval. N is how much it rests
// on: see each figure. Value is null (NaN) where it is undefined and +Inf, in JSON null
// too, where most miners were never found.
type Figure struct {
	Value Number `json:"value"`
	Low   Number `json:"low90"`
	High  Number `json:"high90"`
	N     int    `json:"n"`
}

func (f *Figure) set(x float64, n int) { f.Value, f.N = Number(x), n }

func unknownFigure() Figure {
	nan := Number(math.NaN())
	return Figure{Value: nan, Low: nan, High: nan}
}

// Figures is everything that is measured. Shares are in [0, 1].
type Figures struct {
	AUROC         Figure `json:"auroc"`                    // of meters; see AUROC
	AP            Figure `json:"average_precision"`        // of meters
	APOnset       Figure `json:"average_precision_onset"`  // miners with an onset against all others
	APOlder       Figure `json:"average_precision_older"`  // miners older than the data against all others
	PrecisionAt10 Figure `json:"precision_at_10"`          // of the list
	PrecisionAt20 Figure `json:"precision_at_20"`          // of the list
	PrecisionAt50 Figure `json:"precision_at_50"`          // of the list
	PrecisionAtR  Figure `json:"precision_at_miner_count"` // of the list cut at the number of miners

	RecallAtFPR01Pct Figure `json:"recall_at_fpr_0_1_pct"` // of miners
	RecallAtFPR1Pct  Figure `json:"recall_at_fpr_1_pct"`   // of miners

	Threshold           Figure `json:"threshold_at_budget"`      // probability; N meter-months of non-miners
	RecallAtBudget      Figure `json:"recall_at_budget"`         // of miners
	RecallOnsetAtBudget Figure `json:"recall_onset_at_budget"`   // of miners with an onset
	DelayMedianDays     Figure `json:"delay_median_days"`        // of miners with an onset that were found
	DelayP90Days        Figure `json:"delay_p90_days"`           // of the same
	DelayAllMedianDays  Figure `json:"delay_all_median_days"`    // of all miners with an onset, unfound = +Inf
	StandingAlarms      Figure `json:"alarm_before_onset_share"` // of found ones: an alarm was already running

	BlockErrorMedian     Figure `json:"block_error_median_share"` // |error| / true kW, of miners with an estimate
	BlockErrorP90        Figure `json:"block_error_p90_share"`    // of the same
	BlockCoverage90      Figure `json:"block_coverage_90"`        // share of true kW in its 90 % interval
	OnsetErrorMedianDays Figure `json:"onset_error_median_days"`  // |error|, of miners with both onsets
	OnsetErrorP90Days    Figure `json:"onset_error_p90_days"`     // of the same
	OnsetCoverage90      Figure `json:"onset_coverage_90"`        // share of true onsets in their 90 % interval

	ECE                Figure `json:"ece"`                  // probability; meters with a probability
	Brier              Figure `json:"brier"`                // probability²; of the same
	ExpectedOverActual Figure `json:"expected_over_actual"` // N miners with a probability
	FDPBayesList       Figure `json:"fdp_bayes_list"`       // false share of the list at the nominal rate; N its length
	FDPAlarmList       Figure `json:"fdp_alarm_list"`       // false share of suspects and ended; N its length
}

// A named figure, for tables and intervals.
type named struct {
	name, unit string // unit: "", "%", "d"
	figure     *Figure
}

// all lists the figures in the order of the table.
func (f *Figures) all() []named {
	return []named{
		{"AUROC", "", &f.AUROC},
		{"average precision", "", &f.AP},
		{"  onset in the data", "", &f.APOnset},
		{"  older than the data", "", &f.APOlder},
		{"precision at 10", "%", &f.PrecisionAt10},
		{"precision at 20", "%", &f.PrecisionAt20},
		{"precision at 50", "%", &f.PrecisionAt50},
		{"precision at R (miners)", "%", &f.PrecisionAtR},
		{"recall at 0.1 % false positives", "%", &f.RecallAtFPR01Pct},
		{"recall at 1 % false positives", "%", &f.RecallAtFPR1Pct},
		{"alarm threshold at budget", "", &f.Threshold},
		{"recall at budget", "%", &f.RecallAtBudget},
		{"  onset in the data", "%", &f.RecallOnsetAtBudget},
		{"days to detect, median", "d", &f.DelayMedianDays},
		{"days to detect, p90", "d", &f.DelayP90Days},
		{"  median, missed ones = ∞", "d", &f.DelayAllMedianDays},
		{"alarm before onset", "%", &f.StandingAlarms},
		{"block kW error, median", "%", &f.BlockErrorMedian},
		{"block kW error, p90", "%", &f.BlockErrorP90},
		{"block 90 % interval covers", "%", &f.BlockCoverage90},
		{"onset error, median", "d", &f.OnsetErrorMedianDays},
		{"onset error, p90", "d", &f.OnsetErrorP90Days},
		{"onset 90 % interval covers", "%", &f.OnsetCoverage90},
		{"calibration error (ECE)", "", &f.ECE},
		{"Brier score", "", &f.Brier},
		{"expected / actual miners", "", &f.ExpectedOverActual},
		{"false share, Bayesian list", "%", &f.FDPBayesList},
		{"false share, alarm list", "%", &f.FDPAlarmList},
	}
}

// Counts says what the figures rest on and what was left out of them.
type Counts struct {
	Meters                int `json:"meters"` // ranked customers
	Miners                int `json:"miners"`
	OnsetMiners           int `json:"miners_with_onset"`
	LegitChanges          int `json:"legit_changes"`
	WithoutTruth          int `json:"meters_without_truth"` // taken for honest
	NotEnoughData         int `json:"not_enough_data"`      // ranked last
	NotEnoughDataMiners   int `json:"not_enough_data_miners"`
	MetersWithDailyScores int `json:"meters_with_daily_scores"`
	Bypass                int `json:"bypass_excluded"`
	NotCustomers          int `json:"not_customers_excluded"`
}

// A Group counts the meters of one kind among the first R of the list that are no
// miners, R the number of miners.
type Group struct {
	By     string `json:"by"` // "class", "label" or "use"
	Name   string `json:"name"`
	False  int    `json:"false_positives"`
	Meters int    `json:"meters"` // honest ones of this kind in the fleet
}

// OptionsReport is what an evaluation was made with.
type OptionsReport struct {
	FalseAlarms float64 `json:"false_alarms_per_1000_meter_months"`
	QuietDays   int     `json:"quiet_days"`
	Bins        int     `json:"bins"`
	FDR         float64 `json:"nominal_fdr"`
	Replicates  int     `json:"bootstrap_replicates"`
	Seed        uint64  `json:"bootstrap_seed"`
}

func (o Options) report() OptionsReport {
	return OptionsReport(o)
}

// A Report is the result of an evaluation, as kept in JSON.
type Report struct {
	Method         string        `json:"method"`
	Options        OptionsReport `json:"options"`
	Counts         Counts        `json:"counts"`
	Figures        Figures       `json:"figures"`
	FalsePositives []Group       `json:"false_positives_in_top_r"`
}

// falsePositives counts honest meters among the first R by what they declared to be.
// Ties are cut by meter ID. Groups without any are left out.
func falsePositives(cases []*meterCase) []Group {
	list := slices.Clone(cases) // by ID: a stable sort keeps that within ties
	slices.SortStableFunc(list, func(a, b *meterCase) int { return cmp.Compare(b.rank(), a.rank()) })
	miners := 0
	for _, c := range cases {
		if c.miner() {
			miners++
		}
	}
	groups := map[[2]string]*Group{}
	for i, c := range list {
		if c.miner() {
			continue
		}
		for _, key := range c.kinds() {
			if groups[key] == nil {
				groups[key] = &Group{By: key[0], Name: key[1]}
			}
			groups[key].Meters++
			if i < miners {
				groups[key].False++
			}
		}
	}
	var out []Group
	for _, g := range groups {
		if g.False > 0 {
			out = append(out, *g)
		}
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(b.False, a.False), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// kinds are the groups that c belongs to. The use of a meter is what the register's
// column use says or, as in simulated fleets, the first words of the truth's note.
func (c *meterCase) kinds() [][2]string {
	label := string(c.truth.Label)
	if label == "" {
		label = "unknown"
	}
	out := [][2]string{{"class", string(c.meter.Class)}, {"label", label}}
	use := c.meter.Extra["use"]
	if use == "" {
		use, _, _ = strings.Cut(c.truth.Note, ":")
		use, _, _ = strings.Cut(use, ",")
	}
	if use != "" {
		out = append(out, [2]string{"use", use})
	}
	return out
}
