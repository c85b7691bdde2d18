package main

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/casework/energy"
	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/network"
	"github.com/flatwatt/flatwatt/secure"
)

// consoleSettings are those of the control room's pages; sample.yaml documents them.
type consoleSettings struct {
	Zone string       `yaml:"zone"`
	OIDC oidcSettings `yaml:"oidc"`
}

type oidcSettings struct {
	Name       string `yaml:"name"`
	Issuer     string `yaml:"issuer"`
	ClientID   string `yaml:"client_id"`
	SecretFile string `yaml:"secret_file"`
	Redirect   string `yaml:"redirect"`
	Claim      string `yaml:"claim"`
}

func (s consoleSettings) check(bad func(string, ...any)) {
	if _, err := time.LoadLocation(s.Zone); err != nil {
		bad("console.zone: %q is no name of the IANA time zone database, such as Asia/Shanghai", s.Zone)
	}
	if s.OIDC.Issuer == "" {
		return
	}
	checkURL(bad, "console.oidc.issuer", s.OIDC.Issuer, "https", "http")
	if u, err := url.Parse(s.OIDC.Redirect); err != nil || u.Host == "" || u.Path != "/login/oidc/back" {
		bad("console.oidc.redirect: %q; want the console's address with /login/oidc/back, as registered with the provider", s.OIDC.Redirect)
	}
	if s.OIDC.ClientID == "" {
		bad("console.oidc.client_id: is empty; name the client that the provider knows")
	}
}

// caseworkFile is where casework is kept: data_dir/casework.db unless it is configured.
func (s settings) caseworkFile() string {
	if s.Casework.File != "" {
		return s.Casework.File
	}
	return filepath.Join(s.DataDir, "casework.db")
}

// pastDays is how far back a meter's page shows scores.
const pastDays = 400

// A controlRoom is what the console is made of.
type controlRoom struct {
	board *board
	db    *casework.DB
	net   *network.Network
	to    *servers
	used  energy.Source // nil where energy cannot be read
}

// options wire a console to its sources.
func (r controlRoom) options() console.Options {
	return console.Options{
		Board: r.board, Store: r.db, Now: time.Now, Program: "flatwatt " + buildVersion().Version, Network: r.net,
		Words: wordsIn, History: r.history, Energy: r.used,
	}
}

func (r controlRoom) history(ctx context.Context, id flatwatt.MeterID) ([]flatwatt.Score, error) {
	end := r.board.Status().AsOf
	if end.IsZero() {
		return nil, nil
	}
	return r.to.client.Scores(ctx, id, end.AddDate(0, 0, -pastDays), end.AddDate(0, 0, 1))
}

// serviceConsole is the console of the service, as configured.
func (p *Program) serviceConsole(ctx context.Context, sv service, token string, tls bool) (*console.Server, error) {
	room := controlRoom{board: sv.board, db: sv.casework, net: sv.net, to: sv.to}
	if url := sv.settings.Archive.URL; url != "" {
		room.used = serviceEnergy{p, url, sv.board.meters}
	}
	o := room.options()
	s := sv.settings.Console
	o.Token, o.Secure = token, tls
	if strings.HasPrefix(s.OIDC.Redirect, "https://") {
		o.Secure = true // behind a proxy that ends TLS
	}
	var err error
	if o.Zone, err = time.LoadLocation(s.Zone); err != nil {
		return nil, usageError{err}
	}
	if o.Policy, err = loadPolicy(sv.settings.Casework.AlarmsFile); err != nil {
		return nil, err
	}
	if o.Rules, err = loadRules(sv.settings.Casework.RulesFile); err != nil {
		return nil, err
	}
	if o.Schedule, err = loadSchedule(sv.settings.Casework.PricesFile); err != nil {
		return nil, err
	}
	if o.Runs, err = p.runsOf(ctx, sv.settings); err != nil {
		return nil, err
	}
	if o.OIDC, err = p.newOIDC(ctx, s.OIDC); err != nil {
		return nil, err
	}
	return console.New(o)
}

// serviceEnergy tells energy from the archive that the service keeps. It is opened for
// each question: it grows meanwhile, and is not there before the first day.
type serviceEnergy struct {
	p        *Program
	url      string
	register map[flatwatt.MeterID]flatwatt.Meter
}

// Days implements energy.Source.
func (e serviceEnergy) Days(ctx context.Context, meter, from, to string, capKW float64) ([]energy.Day, error) {
	a, err := e.p.openArchive(ctx, e.url)
	if err != nil {
		return nil, err
	}
	return archiveEnergy{a, e.register}.Days(ctx, meter, from, to, capKW)
}

// newOIDC is sign-in through the provider, as configured. Whether the provider answers is
// tried beside the start and no more than warned of: scoring does not wait for who signs in.
func (p *Program) newOIDC(ctx context.Context, s oidcSettings) (*access.OIDC, error) {
	if s.Issuer == "" {
		return nil, nil
	}
	secret := ""
	if s.SecretFile != "" {
		var err error
		if secret, err = secure.ReadSecret("console.oidc.secret_file", s.SecretFile); err != nil {
			return nil, usageError{err}
		}
	}
	o, err := access.NewOIDC(access.OIDCConfig{
		Name: s.Name, Issuer: s.Issuer, ClientID: s.ClientID, Secret: secret, Redirect: s.Redirect, Claim: s.Claim,
		Warn: func(err error) {
			p.warn("console.oidc: %v; it is asked again at each sign-in, and passwords work", err)
		},
	})
	if err != nil {
		return nil, usageError{err}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = o.Discover(ctx) }() // Warn tells of it
	p.atExit(func() error { cancel(); <-done; return nil })
	return o, nil
}

// raiserOf raises the service's alarms in db.
func raiserOf(db casework.Store, policy alarms.Policy) *alarms.Raiser {
	return &alarms.Raiser{Store: db, Policy: policy, Who: serviceActor(), Now: func() time.Time { return time.Now().UTC() }}
}
