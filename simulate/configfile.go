package simulate

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// LoadConfig reads a Config from a YAML file. Fields that the file does not name
// keep their default; a name that does not exist is an error, and every error
// names the file, the line and the field.
func LoadConfig(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read fleet configuration: %w", err)
	}
	return ParseConfig(path, text)
}

// ParseConfig is LoadConfig for text already in memory; name stands for the file.
func ParseConfig(name string, text []byte) (Config, error) {
	c := DefaultConfig()
	if err := unmarshal(text, &c); err != nil {
		return Config{}, fmt.Errorf("%s:%w", name, err)
	}
	if err := c.Validate(); err != nil {
		var field *FieldError
		if errors.As(err, &field) {
			return Config{}, fmt.Errorf("%s:%d: %w", name, lineOf(text, field.Field), err)
		}
		return Config{}, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// unmarshal decodes strictly and turns the decoder's complaint into "line: field: reason".
func unmarshal(text []byte, c *Config) error {
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil
	}
	err := yaml.UnmarshalWithOptions(text, c, yaml.Strict())
	var at yaml.Error
	if !errors.As(err, &at) {
		return err
	}
	t := at.GetToken()
	if t == nil {
		return fmt.Errorf("1: %s", at.GetMessage())
	}
	key := t.Value
	if t.Prev != nil && t.Prev.Prev != nil && t.Prev.Value == ":" {
		key = t.Prev.Prev.Value + ": " + t.Value
	}
	return fmt.Errorf("%d: %q: %s", t.Position.Line, key, at.GetMessage())
}

// lineOf finds where a dotted field stands in text; 1 where it is not written there.
func lineOf(text []byte, field string) int {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return 1
	}
	for path := field; path != ""; {
		if p, err := yaml.PathString("$." + path); err == nil {
			if n, err := p.FilterFile(file); err == nil && n != nil && n.GetToken() != nil {
				return n.GetToken().Position.Line
			}
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	return 1
}

// YAML writes c so that ParseConfig reads it back unchanged.
func (c Config) YAML() ([]byte, error) {
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write fleet configuration: %w", err)
	}
	return text, nil
}

// A FieldError is a value that a Config cannot take.
type FieldError struct {
	Field  string // dotted, as in YAML: "miners.share"
	Value  any
	Remedy string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: %v: %s", e.Field, e.Value, e.Remedy)
}

// Limits of a fleet. They keep a slip of the keyboard from filling a machine.
const (
	MaxMeters   = 20_000_000
	MaxDays     = 366 * 5
	MaxUnits    = 1000
	MaxChildren = 10_000
)

// Validate says what is wrong with c, as a *FieldError, or nil.
func (c *Config) Validate() error {
	checks := []func() error{c.validateScale, c.validateShares, c.validateUses, c.validateRegions, c.validateClusters}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) validateScale() error {
	for _, f := range []struct {
		name        string
		value, high int
	}{
		{"meters", c.Meters, MaxMeters}, {"days", c.Days, MaxDays}, {"miners.max_units", c.Miners.MaxUnits, MaxUnits},
		{"grid.customers_per_transformer", c.Grid.CustomersPerTransformer, MaxChildren},
		{"grid.transformers_per_feeder", c.Grid.TransformersPerFeeder, MaxChildren},
	} {
		if f.value < 1 || f.value > f.high {
			return &FieldError{f.name, f.value, fmt.Sprintf("give a whole number from 1 to %d", f.high)}
		}
	}
	if !slices.Contains([]int{5, 15, 30, 60}, c.IntervalMinutes) {
		return &FieldError{"interval_minutes", c.IntervalMinutes, "give 5, 15, 30 or 60"}
	}
	if _, err := time.Parse(time.DateOnly, c.Start); err != nil {
		return &FieldError{"start", c.Start, "give a date such as 2025-09-01"}
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "" || c.Zone == "Local" {
		return &FieldError{"zone", c.Zone, "give an IANA zone such as Asia/Shanghai"}
	}
	return nil
}

func (c *Config) validateShares() error {
	m, f := &c.Miners, &c.Faults
	for _, s := range []struct {
		name  string
		value float64
		high  float64
	}{
		{"misregistered", c.Misregistered, 1}, {"pv_share", c.PVShare, 1},
		{"metering.reactive_share", c.Metering.ReactiveShare, 1}, {"metering.voltage_share", c.Metering.VoltageShare, 1},
		{"metering.resolution_kwh", c.Metering.ResolutionKWh, 10}, {"metering.ct_from_kw", c.Metering.CTFromKW, 1e9},
		{"miners.share", m.Share, 1}, {"miners.day_zero_share", m.DayZeroShare, 1}, {"miners.bypass_share", m.BypassShare, 1},
		{"miners.staged_share", m.StagedShare, 1}, {"miners.mode_share", m.ModeShare, 1}, {"miners.vanish_share", m.VanishShare, 1},
		{"miners.inspect_share", m.InspectShare, 1}, {"miners.immersed_share", m.ImmersedShare, 1},
		{"miners.schedules.24x7", m.Schedules.AlwaysOn, 1e6}, {"miners.schedules.night", m.Schedules.Night, 1e6},
		{"miners.schedules.off_peak", m.Schedules.OffPeak, 1e6}, {"miners.schedules.daytime", m.Schedules.Daytime, 1e6},
		{"changes.share", c.Changes.Share, 1}, {"faults.missing", f.Missing, .5}, {"faults.stuck", f.Stuck, 1},
		{"faults.estimated", f.Estimated, 1}, {"faults.swap", f.Swap, 1}, {"faults.ct_change", f.CTChange, 1},
		{"faults.clock_offset", f.ClockOffset, 1}, {"faults.zero_fill", f.ZeroFill, 1}, {"faults.late_days", f.LateDays, 1},
		{"faults.duplicate", f.Duplicate, 1}, {"faults.power_cuts_per_year", f.PowerCutsPerYear, 1000},
	} {
		if !(s.value >= 0 && s.value <= s.high) { // also refuses NaN
			return &FieldError{s.name, s.value, fmt.Sprintf("give a number from 0 to %g", s.high)}
		}
	}
	if s := m.Schedules; m.Share > 0 && s.AlwaysOn+s.Night+s.OffPeak+s.Daytime <= 0 {
		return &FieldError{"miners.schedules", 0, "give at least one schedule a positive weight"}
	}
	return nil
}

func (c *Config) validateUses() error {
	total := 0.0
	for _, field := range []struct {
		name    string
		weights map[string]float64
	}{{"shares", c.Shares}, {"miners.host_weights", c.Miners.HostWeights}} {
		for _, use := range sortedKeys(field.weights) {
			w, name := field.weights[use], field.name+"."+use
			if !slices.Contains(Uses(), use) {
				return &FieldError{name, w, "no such use; one of " + strings.Join(Uses(), ", ")}
			}
			if !(w >= 0) || math.IsInf(w, 1) {
				return &FieldError{name, w, "give a weight of 0 or more"}
			}
		}
	}
	for _, w := range c.Shares {
		total += w
	}
	if total <= 0 {
		return &FieldError{"shares", total, "give at least one use a positive weight"}
	}
	return nil
}

func (c *Config) validateRegions() error {
	if len(c.Regions) == 0 {
		return &FieldError{"regions", 0, "give at least one region"}
	}
	names, weight := map[string]bool{}, 0.0
	for i, r := range c.Regions {
		at := fmt.Sprintf("regions[%d].", i)
		switch {
		case r.Name == "" || names[r.Name]:
			return &FieldError{at + "name", r.Name, "give each region a name of its own"}
		case !(math.Abs(r.Latitude) <= 65):
			return &FieldError{at + "latitude", r.Latitude, "give degrees from -65 to 65, where the sun rises every day"}
		case !(math.Abs(r.Longitude) <= 180):
			return &FieldError{at + "longitude", r.Longitude, "give degrees from -180 to 180"}
		case !(math.Abs(r.MeanC) <= 40):
			return &FieldError{at + "mean_c", r.MeanC, "give -40 to 40 °C"}
		case !(r.SeasonalC >= 0 && r.SeasonalC <= 40):
			return &FieldError{at + "seasonal_c", r.SeasonalC, "give 0 to 40 °C"}
		case !(r.DiurnalC >= 0 && r.DiurnalC <= 20):
			return &FieldError{at + "diurnal_c", r.DiurnalC, "give 0 to 20 °C"}
		case !(r.Weight >= 0) || math.IsInf(r.Weight, 1):
			return &FieldError{at + "weight", r.Weight, "give a weight of 0 or more"}
		}
		names[r.Name] = true
		weight += r.Weight
	}
	if weight <= 0 {
		return &FieldError{"regions[0].weight", weight, "give at least one region a positive weight"}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
