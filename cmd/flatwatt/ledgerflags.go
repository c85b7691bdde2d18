package main

import (
	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/casework/ledger"
)

// projectFlags set the fields of an entry; only those given are changed.
type projectFlags struct {
	company, code, address, area, status, basis, onset, class, exit, progress, caseID string
	meters                                                                            []string
	units                                                                             int
	hashrate, kw                                                                      float64
	proven                                                                            bool
}

func (f *projectFlags) add(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.company, "company", "", "`name` of the company or person")
	set.StringVar(&f.code, "credit-code", "", "unified social credit `code` (GB 32100, 18 characters)")
	set.StringVar(&f.address, "address", "", "`address` of the site")
	set.StringVar(&f.area, "area", "", "`area` that it belongs to")
	set.StringVar(&f.status, "status", string(ledger.Existing), "existing, under construction or planned")
	set.StringSliceVar(&f.meters, "meter", nil, "`service points`")
	set.StringVar(&f.basis, "basis", string(ledger.WholeMeter), "which energy is the project's: meter (all of it) or block (at most --kw)")
	set.IntVar(&f.units, "units", 0, "`number` of machines")
	set.Float64Var(&f.hashrate, "hashrate", 0, "hashrate in `TH/s`")
	set.Float64Var(&f.kw, "kw", 0, "size in `kW`")
	set.StringVar(&f.onset, "onset", "", "`day` on which it began")
	set.BoolVar(&f.proven, "onset-proven", false, "the onset can be proven")
	set.StringVar(&f.class, "tariff-class", "", "`class` of its tariff")
	set.StringVar(&f.exit, "planned-exit", "", "`day` by which it is to be gone")
	set.StringVar(&f.progress, "progress", string(ledger.Registered), "registered, notified or winding down; `ledger exit` ends it")
	set.StringVar(&f.caseID, "case", "", "confirmed `case` that it comes from")
}

// apply sets what was given.
func (f *projectFlags) apply(cmd *cobra.Command, p *ledger.Project) {
	for name, to := range map[string]struct {
		from string
		to   *string
	}{
		"company": {f.company, &p.Company}, "credit-code": {f.code, &p.CreditCode}, "address": {f.address, &p.Address}, "area": {f.area, &p.Area},
		"onset": {f.onset, &p.Onset}, "tariff-class": {f.class, &p.TariffClass}, "planned-exit": {f.exit, &p.PlannedExit}, "case": {f.caseID, &p.Case},
	} {
		if cmd.Flags().Changed(name) {
			*to.to = to.from
		}
	}
	on := func(name string, set func()) {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
	on("status", func() { p.Status = ledger.Status(f.status) })
	on("basis", func() { p.Basis = ledger.Basis(f.basis) })
	on("progress", func() { p.Progress = ledger.Progress(f.progress) })
	on("meter", func() { p.Meters = f.meters })
	on("units", func() { p.Units = f.units })
	on("hashrate", func() { p.HashrateTHs = f.hashrate })
	on("kw", func() { p.KW = f.kw })
	on("onset-proven", func() { p.OnsetProven = f.proven })
}
