//go:build linux

package main

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestStopsWithoutItsServers stops a service whose stream and database were killed: it has
// nothing to wait for. Asking again for what it follows, it once waited for ever.
func TestStopsWithoutItsServers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "20", "--days", "3", "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	servers := launch(t, embeddedEnv(t, dir), 200_000)
	servers.await()
	v := launch(t, append(embeddedEnv(t, dir), "FLATWATT_NATS_URL="+servers.nats, "FLATWATT_INFLUX_URL="+servers.influx), 200_000)
	v.await()
	servers.kill()
	time.Sleep(2 * time.Second) // until it has noticed
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-v.gone:
	case <-time.After(20 * time.Second):
		_ = v.cmd.Process.Signal(syscall.SIGQUIT)
		<-v.gone
		t.Fatalf("it did not stop within 20 s:\n%s", v.stderr.String())
	}
	if code := v.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("stopped with exit code %d:\n%s", code, v.stderr.String())
	}
}
