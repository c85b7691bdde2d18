package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/secure"
)

func newUser(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "user add|list|token|disable", Short: "Users of casework, their roles and tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newUserAdd(p), newUserList(p, opt), newUserToken(p), newUserDisable(p))
	return cmd
}

func newUserAdd(p *Program) *cobra.Command {
	var flags deskFlags
	var role, newPassword string
	var areas []string
	cmd := &cobra.Command{
		Use: "add NAME --role ROLE --new-password-file FILE", Short: "Add a user; the first one, an administrator, makes the file",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.userAdd(cmd.Context(), flags, args[0], role, newPassword, areas)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&role, "role", "", "`role`: viewer, operator, inspector, supervisor, administrator")
	cmd.Flags().StringVar(&newPassword, "new-password-file", "", "`file` with the new user's password, 12 to 128 characters")
	cmd.Flags().StringSliceVar(&areas, "area", nil, "`area` whose records the user sees, e.g. sichuan/aba; the default is all")
	needFlags(cmd, "role", "new-password-file")
	return cmd
}

func (p *Program) userAdd(ctx context.Context, flags deskFlags, name, roleName, passwordFile string, areas []string) error {
	role, err := access.ParseRole(roleName)
	if err != nil {
		return usagef("--%w", err)
	}
	password, err := secure.ReadSecret("--new-password-file", passwordFile)
	if err != nil {
		return usageError{err}
	}
	db, err := p.openCasework(ctx, flags.file, true)
	if err != nil {
		return err
	}
	users, err := db.List(ctx, casework.KindUser)
	if err != nil {
		return err
	}
	now, err := flags.now()
	if err != nil {
		return err
	}
	d := casework.Desk{Store: db, Who: access.Actor{Name: "setup"}, Now: now}
	if len(users) > 0 {
		if d.Who, err = signIn(ctx, db, flags, now); err != nil {
			return usageError{err}
		}
	}
	if err := d.AddUser(ctx, name, password, role, areas); err != nil {
		return usageError{err}
	}
	p.say("%s is %s", name, role)
	return nil
}

func newUserList(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "list", Short: "Users with roles, areas and the names of their tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, db, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if err := d.Who.Need(access.Supervisor); err != nil {
				return usageError{err}
			}
			users, err := casework.List[casework.User](cmd.Context(), db, casework.KindUser)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, u := range users {
				var tokens []string
				for _, t := range u.Value.Tokens {
					tokens = append(tokens, t.Name+" until "+t.Until)
				}
				rows = append(rows, []string{u.ID, string(u.Value.Role), strings.Join(u.Value.Areas, " "), fmt.Sprint(!u.Value.Disabled), strings.Join(tokens, ", ")})
			}
			return p.printTable(opt, []string{"name", "role", "areas", "active", "tokens"}, rows)
		},
	}
	flags.add(cmd)
	return cmd
}

// printTable prints rows as a table, CSV, or JSON objects with the heads as names.
func (p *Program) printTable(opt *options, head []string, rows [][]string) error {
	switch opt.output {
	case "csv":
		return writeCSV(p.Stdout, head, rows)
	case "json":
		list := []map[string]string{}
		for _, row := range rows {
			item := map[string]string{}
			for i, name := range head {
				item[strings.ReplaceAll(name, " ", "_")] = row[i]
			}
			list = append(list, item)
		}
		return writeJSON(p.Stdout, list)
	}
	writeColumns(p.Stdout, p.style(p.Stdout), head, rows)
	return nil
}

func newUserToken(p *Program) *cobra.Command {
	var flags deskFlags
	var name, until string
	cmd := &cobra.Command{
		Use: "token USER --name NAME --until DATE", Short: "Print a new token for a user; it is shown this once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if _, err := time.Parse(time.DateOnly, until); err != nil {
				return usagef("--until %q: want a date such as 2026-12-31", until)
			}
			token, digest := access.NewToken()
			err = d.ChangeUser(cmd.Context(), args[0], "user.token", func(u *casework.User) error {
				u.Tokens = slices.DeleteFunc(u.Tokens, func(t casework.Token) bool { return t.Name == name })
				u.Tokens = append(u.Tokens, casework.Token{Name: name, Digest: digest, Until: until})
				return nil
			})
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintln(p.Stdout, token)
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&name, "name", "", "`name` of the token; an older one of this name ends")
	cmd.Flags().StringVar(&until, "until", "", "last `date` on which it is good")
	needFlags(cmd, "name", "until")
	return cmd
}

func newUserDisable(p *Program) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "disable USER", Short: "Lock a user out; what they did stays in the trail", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, _, err := p.desk(cmd.Context(), flags)
			if err != nil {
				return err
			}
			err = d.ChangeUser(cmd.Context(), args[0], "user.disable", func(u *casework.User) error { u.Disabled = true; return nil })
			if err != nil {
				return usageError{err}
			}
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}
