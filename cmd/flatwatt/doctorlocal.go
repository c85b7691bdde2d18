package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// fewBytes is when a disk counts as nearly full: JetStream and the database stop
	// taking anything when it is.
	fewBytes = 2 << 30

	// slowSync is what a disk may take to make 4 KiB durable before checkpoints and the
	// database feel it.
	slowSync = 200 * time.Millisecond
)

// probeDisk writes a file durably where the service keeps its data, and removes it.
func (d *doctor) probeDisk() {
	dir := d.settings.DataDir
	remedy := fmt.Sprintf("make %s a directory that this user may write, or set data_dir to one", dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		d.found("disk", broken, remedy, "%v", err)
		return
	}
	took, err := syncOnce(dir)
	switch {
	case err != nil:
		d.found("disk", broken, remedy, "%v", err)
		return
	case took > slowSync:
		d.found("disk", doubt, "use a local disk or SSD for data_dir", "4 KiB durable in %s take %v", dir, took.Round(time.Millisecond))
	default:
		d.found("disk", fine, "", "%s: 4 KiB durable in %.1f ms", dir, took.Seconds()*1e3)
	}
	free, ok := freeBytes(dir)
	switch {
	case !ok:
		d.found("disk space", skipped, "", "this system does not tell")
	case free < fewBytes:
		d.found("disk space", doubt, "free some, or bound the streams (retention) and the database", "%.1f GiB free in %s", float64(free)/(1<<30), dir)
	default:
		d.found("disk space", fine, "", "%.1f GiB free", float64(free)/(1<<30))
	}
}

func syncOnce(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	began := time.Now()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// probeRegister reads the register and looks up its time zones.
func (d *doctor) probeRegister() {
	dir := d.settings.Fleet
	if dir == "" {
		d.found("register", broken, "set fleet to the directory that holds meters.csv", "fleet is not set")
		return
	}
	fleet, err := d.openRegister(dir)
	if err != nil {
		d.found("register", broken, "put right what is named, or have it exported again", "%v", err)
		return
	}
	meters, zones := fleet.Meters(), map[string]bool{}
	for _, m := range meters {
		if m.Zone != nil {
			zones[m.Zone.String()] = true
		}
	}
	if n := len(fleet.Rejects()); n > 0 {
		r := fleet.Rejects()[0]
		d.found("register", doubt, "put the rows right: their meters are not scored", "%d meters, %d rows rejected; the first: %s: %s: %s", len(meters), n, r.Where, r.Field, r.Reason)
	} else {
		d.found("register", fine, "", "%d meters in %s", len(meters), filepath.Join(dir, "meters.csv"))
	}
	var names, unknown []string
	for name := range zones {
		names = append(names, name)
		if _, err := time.LoadLocation(name); err != nil {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(names)
	if len(unknown) > 0 {
		d.found("time zones", broken, "install the tzdata package, or correct the zones in the register", "not known here: %s", strings.Join(unknown, ", "))
		return
	}
	d.found("time zones", fine, "", "%s", strings.Join(names, ", "))
	if n := d.settings.Partitions.Buckets; n > 0 && len(meters)/n < fewMeters {
		d.found("buckets", doubt, "choose fewer buckets while the stream is new: 500 meters each cost no detection (docs/adr/0008)", "%d meters in %d buckets are %d each", len(meters), n, len(meters)/n)
	}
}

// fewMeters in a bucket make peers a poor comparison.
const fewMeters = 500
