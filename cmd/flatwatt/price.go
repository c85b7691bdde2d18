package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/price"
)

// priceFlags are those of every command about prices.
type priceFlags struct {
	desk     deskFlags
	schedule string
}

func (f *priceFlags) add(cmd *cobra.Command) {
	f.desk.add(cmd)
	cmd.Flags().StringVar(&f.schedule, "schedule", "", "`file` of local rates (YAML, docs/casework.md); the default is 0.30 yuan/kWh from the listing on")
}

func (p *Program) priceOffice(ctx context.Context, f priceFlags) (price.Office, error) {
	schedule, err := loadSchedule(f.schedule)
	if err != nil {
		return price.Office{}, err
	}
	d, _, err := p.desk(ctx, f.desk)
	return price.Office{Book: ledger.Book{Desk: d}, Schedule: schedule}, err
}

// loadSchedule reads local rates; those of the notice where path is "".
func loadSchedule(path string) (price.Schedule, error) {
	if path == "" {
		return price.Default(), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return price.Schedule{}, usagef("price schedule: %w", err)
	}
	schedule, err := price.Parse(text)
	if err != nil {
		return schedule, usagef("price schedule %s: %w", path, err)
	}
	return schedule, nil
}

func newPrice(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "price", Short: "The differential price: the list, statements, payments, arrears", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPriceSync(p, opt), newPriceBill(p, opt), newPriceList(p, opt), newPriceShow(p, opt), newPriceCancel(p), newPricePay(p), newPriceArrears(p, opt))
	return cmd
}

func newPriceSync(p *Program, opt *options) *cobra.Command {
	var flags priceFlags
	var dry bool
	cmd := &cobra.Command{
		Use: "sync", Short: "Bring the list of customers into step with the ledger, and print what changed", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := p.priceOffice(cmd.Context(), flags)
			if err != nil {
				return err
			}
			steps, err := o.Sync(cmd.Context(), dry)
			if err != nil {
				return usageError{err}
			}
			var rows [][]string
			for _, s := range steps {
				rows = append(rows, []string{s.Project, s.What})
			}
			return p.printTable(opt, []string{"project", "change"}, rows)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would change")
	return cmd
}

func newPriceBill(p *Program, opt *options) *cobra.Command {
	var flags priceFlags
	var from energyFlags
	var first, to, note string
	var issue bool
	cmd := &cobra.Command{
		Use: "bill PROJECT --to DAY --fleet DIR [--archive DIR] [--issue]", Short: "Work out a project's next statement, line by line, and with --issue issue it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := p.priceOffice(cmd.Context(), flags)
			if err != nil {
				return err
			}
			source, _, err := p.energySource(cmd.Context(), from)
			if err != nil {
				return err
			}
			st, err := o.Draft(cmd.Context(), source, args[0], first, to)
			if err != nil {
				return usageError{err}
			}
			id := "draft"
			if issue {
				if id, err = o.Issue(cmd.Context(), st, note); err != nil {
					return usageError{err}
				}
			}
			return p.printStatement(opt, id, st)
		},
	}
	flags.add(cmd)
	from.add(p, cmd)
	cmd.Flags().StringVar(&to, "to", "", "last `day` that is billed")
	cmd.Flags().StringVar(&first, "from", "", "first `day`; the default is the day after the last that was billed, or the first it is liable for")
	cmd.Flags().StringVar(&note, "note", "", "`words` for the trail")
	cmd.Flags().BoolVar(&issue, "issue", false, "issue it")
	needFlags(cmd, "to")
	return cmd
}

func (p *Program) printStatement(opt *options, id string, st price.Statement) error {
	if opt.output == "json" {
		return writeJSON(p.Stdout, map[string]any{"id": id, "statement": st})
	}
	head := []string{"statement", "meter", "from", "to", "rule", "kwh", "yuan_per_kwh", "yuan", "missing days", "estimated days"}
	var rows [][]string
	for _, l := range st.Lines {
		rows = append(rows, []string{id, l.Meter, l.From, l.To, l.Rule, l.KWh.StringFixed(3), l.YuanPerKWh.String(), l.Yuan.StringFixed(2),
			strconv.FormatFloat(l.MissingDays, 'f', 2, 64), strconv.FormatFloat(l.EstimatedDays, 'f', 2, 64)})
	}
	if err := p.printTable(opt, head, rows); err != nil || opt.output == "csv" {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s: %s, %s to %s (%s): %s kWh, %s %s, due %s\n", id, st.Company, st.From, st.To, st.Why, st.KWh.StringFixed(3), st.Yuan.StringFixed(2), st.Currency, st.Due)
	if st.Cancelled != "" {
		fmt.Fprintf(p.Stdout, "cancelled on %s: %s\n", st.Cancelled, st.Reason)
	}
	return nil
}

func newPriceList(p *Program, opt *options) *cobra.Command {
	var flags priceFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Statements of your areas", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := p.priceOffice(cmd.Context(), flags)
			if err != nil {
				return err
			}
			list, err := o.Statements(cmd.Context())
			if err != nil {
				return err
			}
			var rows [][]string
			for _, s := range list {
				v := s.Value
				rows = append(rows, []string{s.ID, v.Project, v.Company, v.From, v.To, v.KWh.StringFixed(3), v.Yuan.StringFixed(2), v.Issued, v.Due, v.Cancelled, strconv.Itoa(s.Version)})
			}
			return p.printTable(opt, []string{"statement", "project", "company", "from", "to", "kwh", "yuan", "issued", "due", "cancelled", "version"}, rows)
		},
	}
	flags.add(cmd)
	return cmd
}

func newPriceShow(p *Program, opt *options) *cobra.Command {
	var flags priceFlags
	cmd := &cobra.Command{
		Use: "show STATEMENT", Short: "A statement with its calculation", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := p.priceOffice(cmd.Context(), flags)
			if err != nil {
				return err
			}
			st, _, err := casework.Get[price.Statement](cmd.Context(), o.Store, price.KindStatement, args[0])
			if err == nil {
				err = o.See(price.KindStatement, args[0], st.Area)
			}
			if err != nil {
				return usageError{err}
			}
			return p.printStatement(opt, args[0], st)
		},
	}
	flags.add(cmd)
	return cmd
}

func newPriceCancel(p *Program) *cobra.Command {
	var flags priceFlags
	var reason string
	var version int
	cmd := &cobra.Command{
		Use: "cancel STATEMENT --reason WORDS", Short: "Take a statement back; its days can be billed again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := p.priceOffice(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if err := o.Cancel(cmd.Context(), args[0], version, reason); err != nil {
				return usageError{err}
			}
			p.say("%s is cancelled", args[0])
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, in `words`")
	cmd.Flags().IntVar(&version, "version", 0, "refuse where it is no longer at this `version`")
	needFlags(cmd, "reason")
	return cmd
}

func newPricePay(p *Program) *cobra.Command {
	var flags priceFlags
	var yuan, day, reference string
	cmd := &cobra.Command{
		Use: "pay STATEMENT --yuan AMOUNT --day DAY", Short: "Note money that came in; a negative amount is money given back", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := p.priceOffice(cmd.Context(), flags)
			if err != nil {
				return err
			}
			amount, err := decimal.NewFromString(yuan)
			if err != nil {
				return usagef("--yuan %q: want an amount such as 1234.56", yuan)
			}
			id, err := o.Pay(cmd.Context(), price.Payment{Statement: args[0], Yuan: amount, Day: day, Reference: reference}, "")
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintln(p.Stdout, id)
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&yuan, "yuan", "", "`amount`")
	cmd.Flags().StringVar(&day, "day", "", "`day` on which it came in")
	cmd.Flags().StringVar(&reference, "reference", "", "`number` of the transfer")
	needFlags(cmd, "yuan", "day")
	return cmd
}

func newPriceArrears(p *Program, opt *options) *cobra.Command {
	var flags priceFlags
	var day string
	cmd := &cobra.Command{
		Use: "arrears", Short: "What every project owes", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := p.priceOffice(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if day == "" {
				day = o.Now.Format(time.DateOnly)
			}
			list, err := o.Arrears(cmd.Context(), day)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, a := range list {
				rows = append(rows, []string{a.Project, a.Company, a.Area, a.Billed.StringFixed(2), a.Paid.StringFixed(2), a.Open.StringFixed(2), a.Overdue.StringFixed(2), a.Since})
			}
			return p.printTable(opt, strings.Split("project,company,area,billed,paid,open,overdue,overdue since", ","), rows)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&day, "day", "", "as of this `day`; the default is today")
	return cmd
}
