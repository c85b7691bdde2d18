//go:build linux

package main

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestStopsWithoutItsServers stops a service whose stream and database were killed, or stand
// still: it has nothing to wait for. Asking again for what it follows, it once waited for ever.
func TestStopsWithoutItsServers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "20", "--days", "3", "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	for _, what := range []struct {
		name string
		sig  syscall.Signal
	}{{"killed", syscall.SIGKILL}, {"paused", syscall.SIGSTOP}} {
		t.Run(what.name, func(t *testing.T) {
			servers := launch(t, embeddedEnv(t, dir), 200_000)
			servers.await()
			v := launch(t, append(embeddedEnv(t, dir), "FLATWATT_NATS_URL="+servers.nats, "FLATWATT_INFLUX_URL="+servers.influx), 200_000)
			v.await()
			if err := servers.cmd.Process.Signal(what.sig); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second) // until it has noticed
			if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			select {
			case <-v.gone:
			case <-time.After(20 * time.Second):
				_ = v.cmd.Process.Signal(syscall.SIGQUIT) // so that it shows what it waits for
				<-v.gone
				t.Fatalf("it did not stop within 20 s:\n%s", v.stderr.String())
			}
			if code := v.cmd.ProcessState.ExitCode(); code != exitOK {
				t.Errorf("stopped with exit code %d:\n%s", code, v.stderr.String())
			}
		})
	}
}
