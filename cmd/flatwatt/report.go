package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/report"
)

// reportFlags are those of every command about weekly reports.
type reportFlags struct {
	price       priceFlags
	rules, area string
}

func (f *reportFlags) add(cmd *cobra.Command) {
	f.price.add(cmd)
	cmd.Flags().StringVar(&f.rules, "rules", "", "`file` with the day from which projects are new, and grid factors (YAML)")
	cmd.Flags().StringVar(&f.area, "area", "", "`area` of the report; the default is everything")
}

func (p *Program) reportMaker(ctx context.Context, f reportFlags) (report.Maker, error) {
	rules, err := loadRules(f.rules)
	if err != nil {
		return report.Maker{}, err
	}
	o, err := p.priceOffice(ctx, f.price)
	return report.Maker{Office: o, Rules: rules}, err
}

func newReport(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "report", Short: "The weekly report to the regulator: draft, issue, print (docs/reports.md)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newReportDraft(p, opt), newReportIssue(p), newReportShow(p, opt), newReportList(p, opt))
	return cmd
}

func newReportDraft(p *Program, opt *options) *cobra.Command {
	var flags reportFlags
	var out outFlags
	cmd := &cobra.Command{
		Use: "draft WEEK --out FILE", Short: "Work a week's report out and write it, without issuing it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := p.reportMaker(cmd.Context(), flags)
			if err != nil {
				return err
			}
			r, err := m.Draft(cmd.Context(), args[0], flags.area)
			if err != nil {
				return usageError{err}
			}
			return out.write(p, r.Document(opt.lang, ""))
		},
	}
	flags.add(cmd)
	out.add(cmd)
	return cmd
}

func newReportIssue(p *Program) *cobra.Command {
	var flags reportFlags
	var correction string
	cmd := &cobra.Command{
		Use: "issue WEEK", Short: "Freeze a week's report and print its digest", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := p.reportMaker(cmd.Context(), flags)
			if err != nil {
				return err
			}
			_, digest, err := m.Issue(cmd.Context(), args[0], flags.area, correction)
			if err != nil {
				return usageError{err}
			}
			_, err = p.Stdout.Write([]byte(digest + "\n"))
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&correction, "correct", "", "issue it anew, for this reason in `words`; the earlier one stays")
	return cmd
}

func newReportShow(p *Program, opt *options) *cobra.Command {
	var flags reportFlags
	var out outFlags
	var version int
	cmd := &cobra.Command{
		Use: "show WEEK --out FILE", Short: "Write an issued report as HTML for print, XLSX or CSV; -o json prints its data", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := p.reportMaker(cmd.Context(), flags)
			if err != nil {
				return err
			}
			r, digest, err := m.Issued(cmd.Context(), args[0], flags.area, version)
			if err != nil {
				return usageError{err}
			}
			if opt.output == "json" {
				return writeJSON(p.Stdout, map[string]any{"sha256": digest, "report": r})
			}
			return out.write(p, r.Document(opt.lang, digest))
		},
	}
	flags.add(cmd)
	out.add(cmd)
	cmd.Flags().IntVar(&version, "version", 0, "an earlier `version`; the default is the latest")
	return cmd
}

func newReportList(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Issued reports with their digests", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := casework.List[report.Report](cmd.Context(), d.Store, report.Kind)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, x := range list {
				r := x.Value
				if len(d.Who.Areas) > 0 && (r.Area == "" || !d.Who.Sees(r.Area)) {
					continue
				}
				rec, err := d.Store.Get(cmd.Context(), report.Kind, x.ID, x.Version)
				if err != nil {
					return err
				}
				rows = append(rows, []string{r.Week, r.Area, strconv.Itoa(len(r.Projects)), r.Now.EnergyKWh.StringFixed(3), r.Now.Billed.StringFixed(2),
					r.Made.Format(time.RFC3339), r.MadeBy, r.Correction, strconv.Itoa(x.Version), report.Digest(rec.Body)})
			}
			return p.printTable(opt, []string{"week", "area", "projects", "energy_kwh", "billed_yuan", "made", "by", "correction", "version", "sha256"}, rows)
		},
	}
	flags.add(cmd)
	return cmd
}
