package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/webhook"
	"github.com/flatwatt/flatwatt/secure"
)

// webhookEvery is between two looks at the trail for what is new.
const webhookEvery = 5 * time.Second

func loadHooks(path string) (webhook.Settings, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return webhook.Settings{}, usagef("webhooks: %w", err)
	}
	s, err := webhook.Parse(text, func(path string) (string, error) { return secure.ReadSecret("secret_file", path) })
	if err != nil {
		return s, usagef("webhooks %s: %w", path, err)
	}
	return s, nil
}

// sender delivers to hooks; places are kept beside the casework file.
func (p *Program) sender(db casework.Store, caseworkFile string, s webhook.Settings) *webhook.Sender {
	return &webhook.Sender{
		Store: db, Hooks: s.Hooks, PlaceFile: caseworkFile + ".webhooks.json", Now: func() time.Time { return time.Now().UTC() }, Wait: waitFor,
		GaveUp: func(hook string, f webhook.Failure) {
			p.warn("webhook %s: entry %d is given up: %s", hook, f.Seq, f.Reason)
		},
	}
}

func waitFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// tellHooks delivers what is new until ctx ends. Trouble is told and tried again: scoring
// does not wait for who listens.
func (p *Program) tellHooks(ctx context.Context, s *webhook.Sender) error {
	s.Follow(ctx, webhookEvery, func(err error) { p.warn("%v", err) })
	return nil
}

// startHooks delivers beside the service, where the configuration names hooks.
func (p *Program) startHooks(ctx context.Context, s settings, db casework.Store) error {
	if s.Casework.WebhooksFile == "" {
		return nil
	}
	hooks, err := loadHooks(s.Casework.WebhooksFile)
	if err != nil {
		return err
	}
	sender := p.sender(db, s.caseworkFile(), hooks)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- p.tellHooks(ctx, sender) }()
	p.atExit(func() error { cancel(); return <-done })
	return nil
}

func newWebhook(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "webhook", Short: "Tell other systems of changes to alarms and cases", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var flags deskFlags
	var path string
	var follow bool
	sub := &cobra.Command{
		Use: "deliver --hooks FILE", Short: "Deliver what is new, signed; the service does it by itself with casework.webhooks_file", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			hooks, err := loadHooks(path)
			if err != nil {
				return err
			}
			db, err := p.openCasework(cmd.Context(), flags.file, false)
			if err != nil {
				return err
			}
			s := p.sender(db, flags.file, hooks)
			if follow {
				return p.tellHooks(cmd.Context(), s)
			}
			n, err := s.Deliver(cmd.Context())
			if errors.Is(err, context.Canceled) {
				return err
			}
			p.say("%d delivered", n)
			return err
		},
	}
	flags.addFile(sub)
	sub.Flags().StringVar(&path, "hooks", "", "`file` of hooks (YAML, docs/casework.md)")
	sub.Flags().BoolVar(&follow, "follow", false, "go on until interrupted")
	needFlags(sub, "hooks")
	cmd.AddCommand(sub)
	return cmd
}
