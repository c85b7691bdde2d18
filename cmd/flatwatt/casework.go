package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/secure"
)

// deskFlags say which casework file, who acts and when.
type deskFlags struct {
	file, tokenFile, user, passwordFile, at string
}

func (f *deskFlags) addFile(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "casework", "casework.db", "casework `file` (SQLite)")
}

func (f *deskFlags) add(cmd *cobra.Command) {
	f.addFile(cmd)
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "`file` with the token of who acts")
	cmd.Flags().StringVar(&f.user, "user", "", "`name` of who acts, with --password-file")
	cmd.Flags().StringVar(&f.passwordFile, "password-file", "", "`file` with their password")
	cmd.Flags().StringVar(&f.at, "at", "", "when it happened (`time`, RFC 3339); the default is now")
}

func (f *deskFlags) now() (time.Time, error) {
	if f.at == "" {
		return time.Now().UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, f.at)
	if err != nil {
		return t, usagef("--at %q: want a time such as 2026-01-31T08:00:00Z", f.at)
	}
	return t.UTC(), nil
}

// openCasework opens a casework file until Close. Only `user add` may make a new one.
func (p *Program) openCasework(ctx context.Context, path string, create bool) (*casework.DB, error) {
	if _, err := os.Stat(path); !create && err != nil {
		return nil, usagef("--casework: %w; `flatwatt user add` makes a new one with its first user", err)
	}
	if create { // all servers may be elsewhere, so that nobody has made data_dir yet
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
	}
	db, err := casework.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	p.atExit(db.Close)
	return db, nil
}

// desk is the casework file as seen by who signs in.
func (p *Program) desk(ctx context.Context, f deskFlags) (casework.Desk, *casework.DB, error) {
	db, err := p.openCasework(ctx, f.file, false)
	if err != nil {
		return casework.Desk{}, nil, err
	}
	now, err := f.now()
	if err != nil {
		return casework.Desk{}, nil, err
	}
	who, err := signIn(ctx, db, f, now)
	if errors.Is(err, access.ErrPassword) {
		err = usageError{err}
	}
	return casework.Desk{Store: db, Who: who, Now: now}, db, err
}

func signIn(ctx context.Context, db *casework.DB, f deskFlags, now time.Time) (access.Actor, error) {
	switch {
	case f.tokenFile != "":
		token, err := secure.ReadSecret("--token-file", f.tokenFile)
		if err != nil {
			return access.Actor{}, usageError{err}
		}
		return casework.ByToken(ctx, db, token, now.Format(time.DateOnly))
	case f.user != "" && f.passwordFile != "":
		password, err := secure.ReadSecret("--password-file", f.passwordFile)
		if err != nil {
			return access.Actor{}, usageError{err}
		}
		return casework.SignIn(ctx, db, f.user, password)
	}
	return access.Actor{}, usagef("say who acts: --token-file, or --user and --password-file")
}

func newAudit(p *Program) *cobra.Command {
	var flags deskFlags
	var head string
	cmd := &cobra.Command{
		Use: "audit verify", Short: "Prove that the audit trail of casework is whole", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Follow the hash chain and compare every version of every record with it",
		Long: `Verify follows the hash chain of the audit trail, compares every version of every record
with the digest in it, and prints the trail's head. Note the head outside the database;
given as --head later, it shows that nothing was cut off or written anew.
Exit code 3 where something was changed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.auditVerify(cmd.Context(), flags.file, head) },
	}
	flags.addFile(verify)
	verify.Flags().StringVar(&head, "head", "", "`head` noted earlier, NUMBER:HASH")
	cmd.AddCommand(verify)
	return cmd
}

func (p *Program) auditVerify(ctx context.Context, path, noted string) error {
	var known casework.Head
	if noted != "" {
		var err error
		if known, err = casework.ParseHead(noted); err != nil {
			return usageError{err}
		}
	}
	db, err := p.openCasework(ctx, path, false)
	if err != nil {
		return err
	}
	head, err := db.Verify(ctx, known)
	if errors.As(err, &casework.TamperError{}) {
		return dataError{err}
	}
	if err != nil {
		return err
	}
	p.say("whole: %d entries", head.Seq)
	_, err = p.Stdout.Write([]byte(head.String() + "\n"))
	return err
}

func newBackup(p *Program, opt *options) *cobra.Command {
	var flags deskFlags
	cmd := &cobra.Command{
		Use: "backup all|casework", Short: "Copy what cannot be derived again", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	sub := &cobra.Command{
		Use: "casework OUT", Short: "Copy the casework file whole while others work on it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := p.openCasework(cmd.Context(), flags.file, false)
			if err != nil {
				return err
			}
			if err := db.Backup(cmd.Context(), args[0]); err != nil {
				return err
			}
			return p.auditVerify(cmd.Context(), args[0], "")
		},
	}
	flags.addFile(sub)
	cmd.AddCommand(sub, newBackupAll(p, opt))
	return cmd
}
