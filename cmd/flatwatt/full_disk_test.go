//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/jetstream"
)

const tinyDiskBytes = 192 << 20

// tinyDisk is a command of the tests: it mounts a disk of its own on the directory given,
// and starts `flatwatt run` there again and again, as a service manager does.
func tinyDisk() {
	if err := syscall.Mount("tmpfs", os.Args[1], "tmpfs", 0, fmt.Sprint("size=", tinyDiskBytes)); err != nil {
		fmt.Println("no disk:", err)
		os.Exit(1)
	}
	fmt.Println("mounted")
	for {
		c := exec.Command("flatwatt", "run")
		c.Stderr = os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		err := c.Run()
		fmt.Fprintln(os.Stderr, "the service ended:", err)
		time.Sleep(300 * time.Millisecond)
	}
}

// A diskVictim is the service under its manager on a tiny disk.
type diskVictim struct {
	cmd    *exec.Cmd
	stderr syncBuffer
	disk   string // its directory as seen from here
}

func launchOnTinyDisk(t *testing.T, fleet *crashFleet) *diskVictim {
	t.Helper()
	dir := t.TempDir()
	v := &diskVictim{cmd: exec.Command("tiny-disk", dir)}
	v.cmd.Env = append(append(othersEnviron(), embeddedEnv(t, fleet.dir)...), "FLATWATT_DATA_DIR="+filepath.Join(dir, "data"), "FLATWATT_RUN_SAVE_EVERY_READINGS=5000")
	v.cmd.Stderr = &v.stderr
	v.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Skipf("this system makes no name spaces: %v", err)
	}
	t.Cleanup(func() { _ = v.cmd.Process.Kill(); _ = v.cmd.Wait() })
	line := make([]byte, 64)
	n, _ := out.Read(line)
	if !bytes.HasPrefix(line[:n], []byte("mounted")) {
		t.Skipf("this system mounts no disk: %s", line[:n])
	}
	v.disk = filepath.Join("/proc", fmt.Sprint(v.cmd.Process.Pid), "root", dir)
	return v
}

// last is the newest life's answer to what re finds in its messages; nil if there is none.
func (v *diskVictim) last() (nats, influx string, ok bool) {
	text := v.stderr.String()
	if i := strings.LastIndex(text, "the service ended"); i >= 0 {
		text = text[i:]
	}
	m := readyLine.FindStringSubmatch(text)
	if m == nil {
		return "", "", false
	}
	return m[1], m[3], true
}

// publish sends all readings, again and again until each is acknowledged, and calls at
// when half of them are.
func (v *diskVictim) publish(t *testing.T, fleet *crashFleet, at func()) {
	t.Helper()
	half := len(fleet.readings) / 2
	deadline := time.Now().Add(50 * time.Second)
	refused := 0
	for from := 0; from < len(fleet.readings); {
		if time.Now().After(deadline) {
			t.Fatalf("published %d of %d readings in 50 s:\n%s", from, len(fleet.readings), v.stderr.String())
		}
		if from >= half && at != nil {
			at()
			at = nil
		}
		n := min(1000, len(fleet.readings)-from)
		if err := v.send(t, fleet, from, n); err != nil {
			if refused++; refused == 3 { // while the disk is full, nothing may be acknowledged that is not kept
				free(t, v)
			}
			time.Sleep(200 * time.Millisecond)
			continue
		}
		from += n
	}
	if refused == 0 {
		t.Error("the full disk was not noticed by who publishes")
	}
	t.Logf("%d publications were refused", refused)
}

func (v *diskVictim) send(t *testing.T, fleet *crashFleet, from, n int) error {
	url, _, ok := v.last()
	if !ok {
		return os.ErrNotExist
	}
	conn, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer conn.Close()
	j, err := js.New(conn, js.WithDefaultTimeout(3*time.Second))
	if err != nil {
		return err
	}
	body := &jetstream.Publisher{JetStream: j, PerMessage: crashPerMessage}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err = publish(ctx, body, &sliceSource{readings: fleet.readings[from : from+n]}, parents(fleet.meters), func(int64) {})
	return err
}

// fill leaves no byte on the disk; free gives it back.
func fill(t *testing.T, v *diskVictim) {
	t.Helper()
	f, err := os.Create(filepath.Join(v.disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for zeros := make([]byte, 1<<12); ; {
		if _, err := f.Write(zeros); err != nil {
			return
		}
	}
}

func free(t *testing.T, v *diskVictim) {
	t.Helper()
	if err := os.Remove(filepath.Join(v.disk, "ballast")); err != nil {
		t.Error(err)
	}
}

// TestFullDiskLosesNothing fills the disk of a service that has everything on it while
// readings come in, and gives it room again. What was acknowledged is scored, what was not
// is sent again: the database must be that of a service that never wanted for room.
func TestFullDiskLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("some 20 s of a service that fails and comes back; run without -short")
	}
	fleet := newCrashFleet(t)
	v := launchOnTinyDisk(t, fleet)
	calm := newCalm(t, fleet)
	v.publish(t, fleet, func() { fill(t, v) })
	deadline := time.Now().Add(time.Minute)
	var got []byte
	for {
		if _, url, ok := v.last(); ok {
			if got = dumpDatabase(t, url); bytes.Equal(got, calm.dump) {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the database differs from that of a service with room: %s\n%s", firstDifference(got, calm.dump), v.stderr.String())
		}
		time.Sleep(300 * time.Millisecond)
	}
	t.Logf("the service was started %d times", 1+strings.Count(v.stderr.String(), "the service ended"))
}
