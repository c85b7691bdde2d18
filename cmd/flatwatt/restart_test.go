//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/natsd"
)

// restartEnv says how many meters of an hour the restarted service has.
const restartEnv = "FLATWATT_RESTART_METERS"

// restartDirEnv names a directory that keeps what a restart begins with, by number of
// meters, so that another measurement needs not prepare it again.
const restartDirEnv = "FLATWATT_RESTART_DIR"

// hourlyFleet is a register of homes, and their readings of hours [from, to), 50 meters by
// 6 hours a message.
type hourlyFleet []flatwatt.Meter

func newHourlyFleet(n int) (list hourlyFleet) {
	for i := range n {
		list = append(list, flatwatt.Meter{ID: flatwatt.MeterID(fmt.Sprintf("SP-%08d", i)), Parent: flatwatt.MeterID(fmt.Sprintf("T-%06d", i/50)),
			Kind: flatwatt.Customer, Class: "residential", Zone: time.UTC, Interval: time.Hour, Region: "r"})
	}
	return list
}

func (h hourlyFleet) publish(t *testing.T, pub *jetstream.Publisher, from, to int) (n int) {
	t.Helper()
	begin, nan := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), math.NaN()
	for ; from < to; from += 6 {
		for first := 0; first < len(h); first += 50 {
			var rs []flatwatt.Reading
			for m := first; m < min(first+50, len(h)); m++ {
				for hour := from; hour < min(from+6, to); hour++ {
					rs = append(rs, flatwatt.Reading{Meter: h[m].ID, Start: begin.Add(time.Duration(hour) * time.Hour), Length: time.Hour,
						Energy: flatwatt.KWh(0.3 + float64((m*7+hour*3)%40)/100), Reactive: flatwatt.KVArh(nan), Voltage: flatwatt.Volt(nan)})
				}
			}
			if err := pub.Publish(t.Context(), concentrator(h[first]), rs); err != nil {
				t.Fatal(err)
			}
			n += len(rs)
		}
	}
	if err := pub.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

// A restartWorld is a stream and a database in this process, and the settings of a service
// that has both and its own files below one directory.
type restartWorld struct {
	fleet hourlyFleet
	pub   *jetstream.Publisher
	env   []string
}

func openRestartWorld(t *testing.T, fleet hourlyFleet, dir string) restartWorld {
	t.Helper()
	nats, stream := startStream(t, natsd.Options{Dir: filepath.Join(dir, "nats")})
	return restartWorld{fleet, &jetstream.Publisher{JetStream: stream}, append(embeddedEnv(t, filepath.Join(dir, "fleet")),
		"FLATWATT_NATS_URL="+nats, "FLATWATT_INFLUX_URL="+startDatabase(t, filepath.Join(dir, "influx")),
		"FLATWATT_RUN_PLOT_HOURS=0", "FLATWATT_PARTITIONS_BUCKETS=64", "FLATWATT_PARTITIONS_PARTITIONS=8", "FLATWATT_DATA_DIR="+filepath.Join(dir, "data"))}
}

// saveEvery is half a day of hourly readings of a bucket.
func (w restartWorld) saveEvery() int { return len(w.fleet) * 12 / 64 }

// prepareRestart leaves in dir what a service of 64 buckets leaves that has two days behind
// it and is stopped, and the readings that close the next day.
func prepareRestart(t *testing.T, fleet hourlyFleet, dir string) {
	ok := t.Run("prepare", func(t *testing.T) { // its servers are closed at its end
		leaveForRestart(t, fleet, dir)
	})
	if !ok {
		t.FailNow()
	}
}

func leaveForRestart(t *testing.T, fleet hourlyFleet, dir string) {
	if err := os.MkdirAll(filepath.Join(dir, "fleet"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := file.WriteRegister(filepath.Join(dir, "fleet"), fleet, nil, nil); err != nil {
		t.Fatal(err)
	}
	w := openRestartWorld(t, fleet, dir)
	v := launch(t, w.env, w.saveEvery())
	v.untilOwned()
	began := time.Now()
	n := fleet.publish(t, w.pub, 0, 53)
	t.Logf("%d readings published in %.0f s", n, time.Since(began).Seconds())
	if !v.until(40*time.Minute, func() bool { time.Sleep(time.Second); return v.scored() >= n }) {
		t.Fatalf("%d of %d readings scored:\n%s", v.scored(), n, v.stderr.String())
	}
	t.Logf("all scored after %.0f s; memory %d MB", time.Since(began).Seconds(), memoryOf(t, v.cmd.Process.Pid)>>20)
	began = time.Now()
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-v.gone
	t.Logf("stopped after %.1f s", time.Since(began).Seconds())
	fleet.publish(t, w.pub, 53, 56)
}

// preparedRestart is a directory to restart in: a copy of what is kept, where it is kept.
func preparedRestart(t *testing.T, fleet hourlyFleet) string {
	t.Helper()
	dir, kept := filepath.Join(t.TempDir(), "state"), os.Getenv(restartDirEnv)
	if kept == "" {
		prepareRestart(t, fleet, dir)
		return dir
	}
	kept = filepath.Join(kept, strconv.Itoa(len(fleet)))
	if _, err := os.Stat(kept); os.IsNotExist(err) {
		unfinished := kept + ".unfinished"
		if err := os.RemoveAll(unfinished); err != nil {
			t.Fatal(err)
		}
		prepareRestart(t, fleet, unfinished)
		if err := os.Rename(unfinished, kept); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(dir, os.DirFS(kept)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// awaitQuiet waits until this process hardly works: a database that was just opened writes its
// log to files, which one that was not restarted has behind it.
func awaitQuiet() {
	syscall.Sync() // what was copied, too
	for range 60 {
		before := cpuTime()
		time.Sleep(time.Second)
		if cpuTime()-before < 50*time.Millisecond {
			return
		}
	}
}

// TestRestartToTheFirstScore stops a service of 64 buckets with two days behind it, lets
// the readings that close the next day come, starts it again and tells how long it takes
// until it is ready and until the first scores are durable.
func TestRestartToTheFirstScore(t *testing.T) {
	if os.Getenv(restartEnv) == "" {
		t.Skip("measures the restart of a large service: give " + restartEnv + ", e.g. 1000000")
	}
	meters, err := strconv.Atoi(os.Getenv(restartEnv))
	if err != nil || meters < 50 {
		t.Fatalf("%s=%q: want a number from 50", restartEnv, os.Getenv(restartEnv))
	}
	fleet := newHourlyFleet(meters)
	w := openRestartWorld(t, fleet, preparedRestart(t, fleet))
	awaitQuiet()
	began := time.Now()
	v := launch(t, w.env, w.saveEvery())
	v.untilOwned()
	ready := time.Since(began)
	if !v.until(10*time.Minute, func() bool { return v.days() > 0 }) {
		t.Fatalf("no score:\n%s", v.stderr.String())
	}
	t.Logf("%d meters: ready %.1f s after the start, first scores durable after %.1f s; memory %d MB", meters, ready.Seconds(), time.Since(began).Seconds(), memoryOf(t, v.cmd.Process.Pid)>>20)
	v.kill()
}

var ownsLine = regexp.MustCompile(`ready: owns (\d+) of (\d+) partitions`)

// untilOwned waits until a service owns all partitions.
func (v *victim) untilOwned() {
	v.t.Helper()
	if !v.until(10*time.Minute, func() bool {
		text := v.stderr.String()
		page, all := pageLine.FindStringSubmatch(text), ownsLine.FindAllStringSubmatch(text, -1)
		if page == nil || all == nil {
			return false
		}
		v.page = page[1]
		last := all[len(all)-1]
		return last[1] == last[2]
	}) {
		v.t.Fatalf("not ready:\n%s", v.stderr.String())
	}
}

// days is how many days the service has scored since its start.
func (v *victim) days() int {
	_, body := get(v.t, v.page+"/healthz")
	var status struct{ Days int }
	if err := json.Unmarshal([]byte(body), &status); err != nil {
		v.t.Fatal(err)
	}
	return status.Days
}
