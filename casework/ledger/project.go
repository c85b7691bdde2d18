// Package ledger is the register of mining projects that the regulator asks for: who,
// where, how large, how much energy, and how far on their way out. Every version stays.
package ledger

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/flatwatt/flatwatt/casework"
)

// Kind is the kind of a project's record, ID e.g. P-2026-00001.
const Kind = "project"

// A Status says what a project is.
type Status string

const (
	Existing     Status = "existing"
	Construction Status = "under construction"
	Planned      Status = "planned"
)

// Progress is how far a project is on its way out.
type Progress string

const (
	Registered Progress = "registered"
	Notified   Progress = "notified"
	Winding    Progress = "winding down"
	Exited     Progress = "exited"
)

// A Basis says which energy of the meters is the project's.
type Basis string

const (
	WholeMeter Basis = "meter" // everything
	Block      Basis = "block" // of each interval at most the project's kW: a miner beside honest load
)

// A Week is what a project used in one ISO week.
type Week struct {
	Week        string          `json:"week"` // 2026-W09
	KWh         decimal.Decimal `json:"kwh"`
	MissingDays float64         `json:"missing_days"` // without readings
}

// MaxWeeks bounds the weeks kept in the latest version: ten years; older ones are in
// earlier versions.
const MaxWeeks = 520

// A Project is one entry. Days are civil dates, 2006-01-02; "" where not known.
type Project struct {
	Company     string   `json:"company"`
	CreditCode  string   `json:"credit_code,omitempty"` // GB 32100; "" for a person
	Address     string   `json:"address"`
	Area        string   `json:"area,omitempty"`
	Status      Status   `json:"status"`
	Meters      []string `json:"meters"` // service points; empty for what is only planned
	Basis       Basis    `json:"basis"`
	Units       int      `json:"units"`        // machines; 0: not known
	HashrateTHs float64  `json:"hashrate_ths"` // TH/s; 0: not known
	KW          float64  `json:"kw"`           // of the machines with their cooling
	Onset       string   `json:"onset,omitempty"`
	OnsetProven bool     `json:"onset_proven"` // false: prices take the local rule for dates that cannot be proven
	TariffClass string   `json:"tariff_class,omitempty"`
	PlannedExit string   `json:"planned_exit,omitempty"`
	Progress    Progress `json:"progress"`
	ExitedOn    string   `json:"exited_on,omitempty"`
	Case        string   `json:"case,omitempty"`

	// Kept by the weekly update.
	EnergyKWh   decimal.Decimal `json:"energy_kwh"`  // since the onset, as far as there are readings
	EnergyFrom  string          `json:"energy_from"` // first day of EnergyKWh
	EnergyTo    string          `json:"energy_to"`
	MissingDays float64         `json:"missing_days"` // of EnergyFrom to EnergyTo, without readings
	Weeks       []Week          `json:"weeks,omitempty"`
	Added       time.Time       `json:"added"`
}

// Check finds what is wrong with an entry, with the field's name.
func (p *Project) Check() error {
	switch {
	case strings.TrimSpace(p.Company) == "" || len(p.Company) > 500:
		return fmt.Errorf("company: want 1 to 500 bytes")
	case strings.TrimSpace(p.Address) == "" || len(p.Address) > 1000:
		return fmt.Errorf("address: want 1 to 1000 bytes")
	case p.Status != Existing && p.Status != Construction && p.Status != Planned:
		return fmt.Errorf("status %q: want %s, %s or %s", p.Status, Existing, Construction, Planned)
	case p.Basis != WholeMeter && p.Basis != Block:
		return fmt.Errorf("basis %q: want %s or %s", p.Basis, WholeMeter, Block)
	case p.Status == Existing && len(p.Meters) == 0:
		return fmt.Errorf("meters: an existing project has at least one service point")
	case len(p.Meters) > 1000:
		return fmt.Errorf("meters: %d; want at most 1000", len(p.Meters))
	case p.Units < 0 || p.Units > 10_000_000 || !(p.KW >= 0 && p.KW <= 10_000_000) || !(p.HashrateTHs >= 0 && p.HashrateTHs < 1e12):
		return fmt.Errorf("units %d, kw %g, hashrate_ths %g: want 0 or more, and not beyond what a country has", p.Units, p.KW, p.HashrateTHs)
	case p.Basis == Block && p.KW <= 0:
		return fmt.Errorf("kw: a block's energy needs its size")
	case p.OnsetProven && p.Onset == "":
		return fmt.Errorf("onset: is said to be proven; say the day")
	}
	if p.CreditCode != "" {
		if err := CheckCode(p.CreditCode); err != nil {
			return err
		}
	}
	for _, d := range []struct{ name, day string }{{"onset", p.Onset}, {"planned_exit", p.PlannedExit}, {"exited_on", p.ExitedOn}} {
		if _, err := time.Parse(time.DateOnly, d.day); d.day != "" && err != nil {
			return fmt.Errorf("%s %q: want a date such as 2026-01-31", d.name, d.day)
		}
	}
	if p.ExitedOn != "" && p.ExitedOn < p.Onset {
		return fmt.Errorf("exited_on %s: is before the onset, %s", p.ExitedOn, p.Onset)
	}
	if (p.Progress == Exited) != (p.ExitedOn != "") {
		return fmt.Errorf("progress %q with exited_on %q: both or neither", p.Progress, p.ExitedOn)
	}
	return nil
}

// capKW is what the energy of its meters is bounded by; 0: nothing.
func (p *Project) capKW() float64 {
	if p.Basis == Block {
		return p.KW / float64(max(1, len(p.Meters)))
	}
	return 0
}

// CapKW is capKW for those who bill the same energy.
func (p *Project) CapKW() float64 { return p.capKW() }

// FromCase begins an entry from a confirmed case.
func FromCase(id string, c casework.Case) (Project, error) {
	if c.State != casework.Confirmed && c.State != casework.Rectified {
		return Project{}, fmt.Errorf("case %s: is %s; only what was confirmed enters the ledger", id, c.State)
	}
	p := Project{Area: c.Area, Status: Existing, Meters: []string{c.Meter}, Basis: WholeMeter, Progress: Registered, Case: id}
	if c.Finding.BlockKW != nil {
		p.KW, p.Basis = *c.Finding.BlockKW, Block
	}
	if len(c.Finding.Onset) >= len(time.DateOnly) {
		p.Onset = c.Finding.Onset[:len(time.DateOnly)]
	}
	return p, nil
}
