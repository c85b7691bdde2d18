package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// reachTimeout is for a look whether an embedded server of a running service answers.
const reachTimeout = 2 * time.Second

func newRestore(p *Program, opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "restore BACKUP --config FILE",
		Short: "Make a service again of what `backup all` copied",
		Long: `Restore checks every file of the backup against its digest, and then puts everything where
the configuration says: register, model and casework, JetStream's streams with checkpoints,
archive, and scores. What it would write must not be there yet; it overwrites nothing. The
configuration of the backup is its flatwatt.yaml: copy and adapt it. Secrets are no part of
a backup. Then start the service: it goes on after its last checkpoint.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b := &backup{Program: p, config: opt.config, dir: args[0]}
			return b.restore(cmd.Context())
		},
	}
}

func (b *backup) restore(ctx context.Context) error {
	m, err := b.verify()
	if err != nil {
		return err
	}
	// Register and model come first: without them the configuration is not right.
	if b.settings, err = b.rawSettings(b.config); err != nil {
		return err
	}
	if err := errors.Join(b.restoreFleet(), b.restoreFile("model.json", b.settings.Model)); err != nil {
		return err
	}
	if b.settings, err = b.loadSettings(b.config); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{b.restoreCasework, b.restoreServers, b.restoreArchive} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	b.say("restore: %d streams, %s points, of %s", len(m.Streams), grouped(m.Points), m.Made.Format(time.RFC3339))
	return nil
}

// verify reads the manifest and compares every file with it.
func (b *backup) verify() (m backupManifest, err error) {
	text, err := os.ReadFile(b.in(backupManifestN))
	if err != nil {
		return m, usagef("%s is no backup, or one that was not finished: %w", b.dir, err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, dataError{fmt.Errorf("%s: %w", b.in(backupManifestN), err)}
	}
	if m.Version != backupVersion {
		return m, usagef("%s is of version %d, this program restores %d: use the program %s that made it", b.dir, m.Version, backupVersion, m.Program)
	}
	got, err := sums(b.dir)
	if err != nil {
		return m, err
	}
	var errs []error
	for name, sum := range m.Files {
		if got[name] == "" {
			errs = append(errs, fmt.Errorf("%s is missing", name))
		} else if got[name] != sum {
			errs = append(errs, fmt.Errorf("%s was changed or is damaged", name))
		}
	}
	if len(errs) > 0 {
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return m, dataError{fmt.Errorf("backup %s: %w: take another copy", b.dir, errors.Join(errs...))}
	}
	return m, nil
}

// restoreFleet puts the register where the configuration names it, before that is checked.
func (b *backup) restoreFleet() error {
	if _, err := os.Stat(b.in("fleet")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	fleet := b.settings.Fleet
	if fleet == "" {
		return usagef("fleet is not set: name a directory that is empty or not there yet in the configuration, for the register of the backup")
	}
	if _, err := os.Stat(filepath.Join(fleet, "meters.csv")); err == nil {
		b.say("restore: %s has a register already, which is kept", fleet)
		return nil
	}
	return copyTree(b.in("fleet"), fleet)
}

func (b *backup) restoreCasework(context.Context) error {
	return b.restoreFile("casework.db", b.settings.caseworkFile())
}

// restoreFile puts a file of the backup where the configuration says, unless the very same
// is there already.
func (b *backup) restoreFile(name, to string) error {
	if _, err := os.Stat(b.in(name)); errors.Is(err, fs.ErrNotExist) || to == "" || sameFile(b.in(name), to) {
		return nil
	}
	if err := copyFile(b.in(name), to); err != nil {
		return fmt.Errorf("%w: restore overwrites nothing", err)
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	return err == nil && err2 == nil && string(x) == string(y)
}

func (b *backup) restoreServers(ctx context.Context) error {
	to, err := b.reach(ctx)
	if err != nil {
		return err
	}
	empty, err := to.client.Empty(ctx)
	if err != nil {
		return err
	}
	if !empty {
		return usagef("bucket %s holds scores: restore into an empty one", b.settings.Influx.Bucket)
	}
	if _, err := jetstream.Restore(ctx, to.stream.Conn(), b.in("streams"), b.settings.NATS.Replicas); err != nil {
		return err
	}
	f, err := os.Open(b.in("scores.lp.gz"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return dataError{err}
	}
	_, err = to.client.Import(ctx, z)
	return err
}

func (b *backup) restoreArchive(ctx context.Context) error {
	if _, err := os.Stat(b.in("archive")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if b.settings.Archive.URL == "" {
		b.warn("restore: archive.url is not set, so the archive stays in %s", b.in("archive"))
		return nil
	}
	to, err := b.openStore(ctx, b.settings.Archive.URL)
	if err != nil {
		return err
	}
	if _, err := to.Get(ctx, archiveManifest); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, usagef("archive %s is there already: restore overwrites nothing", to))
	}
	return copyStore(ctx, archive.Dir(b.in("archive")), to)
}

// reach connects to the servers that the configuration names; it starts those that are
// embedded, or connects to them where a running service holds their directory.
func (b *backup) reach(ctx context.Context) (*servers, error) {
	s := b.settings
	s.Ingest.MQTT.Listen = ""
	s.NATS.Listen, s.Influx.Listen = "127.0.0.1:0", "127.0.0.1:0"
	to := &servers{replicas: s.NATS.Replicas}
	if err := b.openStream(s, to); err != nil {
		if s.NATS.URL != "" || !answers(b.settings.NATS.Listen) {
			return nil, err
		}
		s.NATS.URL = "nats://" + b.settings.NATS.Listen
		if err := b.openStream(s, to); err != nil {
			return nil, err
		}
	}
	err := b.startDatabase(ctx, s, to)
	if err == nil || s.Influx.URL != "" || !answers(b.settings.Influx.Listen) {
		return to, err
	}
	token, err := keptToken(string(s.Influx.Token), s.DataDir)
	if err != nil {
		return nil, err
	}
	s.Influx.URL, s.Influx.Token = "http://"+b.settings.Influx.Listen, secret(token)
	return to, b.startDatabase(ctx, s, to)
}

// answers says whether somebody listens.
func answers(address string) bool {
	c, err := net.DialTimeout("tcp", address, reachTimeout)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
