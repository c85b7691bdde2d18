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
)

// restartEnv says how many meters of an hour the restarted service has.
const restartEnv = "FLATWATT_RESTART_METERS"

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
	fleet, dir := newHourlyFleet(meters), filepath.Join(t.TempDir(), "fleet")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := file.WriteRegister(dir, fleet, nil, nil); err != nil {
		t.Fatal(err)
	}
	pub, env := restartWorld(t, dir)
	v := launch(t, env, meters*12/64)
	v.untilOwned()
	began := time.Now()
	n := fleet.publish(t, pub, 0, 53)
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
	fleet.publish(t, pub, 53, 56)

	began = time.Now()
	again := launch(t, env, meters*12/64)
	again.untilOwned()
	ready := time.Since(began)
	if !again.until(10*time.Minute, func() bool { return again.days() > 0 }) {
		t.Fatalf("no score:\n%s", again.stderr.String())
	}
	t.Logf("%d meters: ready %.1f s after the start, first scores durable after %.1f s; memory %d MB", meters, ready.Seconds(), time.Since(began).Seconds(), memoryOf(t, again.cmd.Process.Pid)>>20)
	again.kill()
}

// restartWorld is a stream and a database in this process, and the service's settings.
func restartWorld(t *testing.T, dir string) (*jetstream.Publisher, []string) {
	t.Helper()
	nats, stream := ownStream(t)
	return &jetstream.Publisher{JetStream: stream}, append(embeddedEnv(t, dir), "FLATWATT_NATS_URL="+nats, "FLATWATT_INFLUX_URL="+ownDatabase(t),
		"FLATWATT_RUN_PLOT_HOURS=0", "FLATWATT_PARTITIONS_BUCKETS=64", "FLATWATT_PARTITIONS_PARTITIONS=8")
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
