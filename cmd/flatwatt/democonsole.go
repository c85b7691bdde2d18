package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/console"
)

// demoPeople are those who can sign in to the demo, a role each.
var demoPeople = []struct {
	name string
	role access.Role
}{
	{"demo", access.Administrator}, {"wang", access.Operator}, {"li", access.Inspector}, {"chen", access.Inspector}, {"zhao", access.Supervisor}, {"guest", access.Viewer},
}

// demoCasework makes a casework file with the demo's people and returns their password.
func (p *Program) demoCasework(ctx context.Context, dir string, now time.Time) (db *casework.DB, password string, err error) {
	if db, err = p.openCasework(ctx, filepath.Join(dir, "casework.db"), true); err != nil {
		return nil, "", err
	}
	password = string(newToken())[:16]
	who := access.Actor{Name: "demo", Role: access.Administrator}
	for _, one := range demoPeople {
		d := casework.Desk{Store: db, Who: who, Now: now}
		if err := d.AddUser(ctx, one.name, password, one.role, nil); err != nil {
			return nil, "", err
		}
	}
	return db, password, nil
}

// demoHint tells on the login page who can sign in.
func demoHint(password string) string {
	var list []string
	for _, one := range demoPeople {
		list = append(list, fmt.Sprintf("%s (%s)", one.name, one.role))
	}
	return "Demo. Users: " + strings.Join(list, ", ") + ". Password of all: " + password
}

// serveDemo serves the demo's control room. Its clock starts on the morning after the last
// reading, so that what the demo's people did is of the last weeks.
func (p *Program) serveDemo(ctx context.Context, listen string, room controlRoom, password, dir string, morning time.Time) (url string, err error) {
	o := room.options()
	began := time.Now()
	o.Now = func() time.Time { return morning.Add(time.Since(began)) }
	store, err := p.openStore(ctx, demoArchive(dir))
	if err != nil {
		return "", err
	}
	o.Runs = func(ctx context.Context) ([]console.Run, error) { return runLedger(ctx, store, maxRuns/5) }
	o.Hint, o.Zone = demoHint(password), shanghai()
	handler, err := console.New(o)
	if err != nil {
		return "", err
	}
	return p.serveHTTP(listen, handler, nil, answerTimeout)
}

// shanghai is where the demo's fleet is.
func shanghai() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return time.UTC // no zone database: never with the one in the program
	}
	return zone
}
