package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// A backupManifest says what a backup has; restore checks every file against it first.
type backupManifest struct {
	Version int               `json:"version"`
	Made    time.Time         `json:"made"`
	Program string            `json:"program"`
	Streams []string          `json:"streams"`
	Points  int64             `json:"points"` // of the time-series database
	Files   map[string]string `json:"files"`  // SHA-256 by path
}

const (
	backupVersion   = 1
	backupManifestN = "backup.json"
)

func newBackupAll(p *Program, opt *options) *cobra.Command {
	var noScores, noArchive bool
	cmd := &cobra.Command{
		Use:   "all OUT --config FILE",
		Short: "Copy everything that a service needs to go on elsewhere",
		Long: `All copies into the new directory OUT, while the service runs or not: configuration,
register and weather, model, casework, JetStream's streams with checkpoints, archive, and
scores. Secrets are no part of it. restore makes a service of it again. An S3 archive and
the database of a large fleet are better backed up by their own means: --no-archive,
--no-scores. The user of nats must be allowed to do anything with streams.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := p.loadSettings(opt.config)
			if err != nil {
				return err
			}
			b := &backup{Program: p, settings: s, config: opt.config, dir: args[0], noScores: noScores, noArchive: noArchive}
			return b.make(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&noScores, "no-scores", false, "leave scores and roll-ups out")
	cmd.Flags().BoolVar(&noArchive, "no-archive", false, "leave the archive out")
	return cmd
}

// A backup is being made or restored in dir.
type backup struct {
	*Program
	settings settings
	config   string // path of the configuration file, "" for none
	dir      string

	noScores, noArchive bool
}

func (b *backup) in(name ...string) string { return filepath.Join(append([]string{b.dir}, name...)...) }

func (b *backup) make(ctx context.Context) error {
	if entries, err := os.ReadDir(b.dir); err == nil && len(entries) > 0 {
		return usagef("%s is not empty: name a new directory", b.dir)
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	m := backupManifest{Version: backupVersion, Made: time.Now().UTC().Truncate(time.Second), Program: buildVersion().Version}
	for _, step := range []func(context.Context, *backupManifest) error{b.saveFiles, b.saveCasework, b.saveServers, b.saveArchive} {
		if err := step(ctx, &m); err != nil {
			return err
		}
	}
	var err error
	if m.Files, err = sums(b.dir); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.in(backupManifestN), append(text, '\n'), 0o600); err != nil {
		return err
	}
	b.say("backup: %d files below %s: %d streams, %s points", len(m.Files), b.dir, len(m.Streams), grouped(m.Points))
	return nil
}

// saveFiles copies configuration, register and model.
func (b *backup) saveFiles(_ context.Context, _ *backupManifest) error {
	if b.config != "" {
		if err := copyFile(b.config, b.in("flatwatt.yaml")); err != nil {
			return err
		}
	}
	if b.settings.Fleet != "" {
		if err := copyTree(b.settings.Fleet, b.in("fleet"), "readings"); err != nil {
			return err
		}
	}
	if info, err := os.Stat(b.settings.Model); err == nil && info.Mode().IsRegular() {
		return copyFile(b.settings.Model, b.in("model.json"))
	}
	return nil
}

func (b *backup) saveCasework(ctx context.Context, _ *backupManifest) error {
	if _, err := os.Stat(b.settings.caseworkFile()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := b.openCasework(ctx, b.settings.caseworkFile(), false)
	if err != nil {
		return err
	}
	return db.Backup(ctx, b.in("casework.db"))
}

func (b *backup) saveServers(ctx context.Context, m *backupManifest) error {
	to, err := b.reach(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.in("streams"), 0o700); err != nil {
		return err
	}
	if m.Streams, err = jetstream.Snapshot(ctx, to.stream.Conn(), b.in("streams")); err != nil || b.noScores {
		return err
	}
	f, err := os.OpenFile(b.in("scores.lp.gz"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	z := gzip.NewWriter(f)
	if m.Points, err = to.client.Export(ctx, z); err != nil {
		return err
	}
	return errors.Join(z.Close(), f.Sync(), f.Close())
}

// saveArchive copies the manifest first and then what it names: files never change, and
// those that a merge replaces are kept for a while.
func (b *backup) saveArchive(ctx context.Context, _ *backupManifest) error {
	if b.settings.Archive.URL == "" || b.noArchive {
		return nil
	}
	from, err := b.openStore(ctx, b.settings.Archive.URL)
	if err != nil {
		return err
	}
	return copyStore(ctx, from, archive.Dir(b.in("archive")))
}

// archiveManifest is the one object of an archive that changes.
const archiveManifest = "manifest.json"

func copyStore(ctx context.Context, from, to archive.Store) error {
	manifest, err := from.Get(ctx, archiveManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was archived yet
	}
	if err != nil {
		return err
	}
	keys, err := from.List(ctx, "")
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key == archiveManifest || key == "lock" {
			continue
		}
		data, err := from.Get(ctx, key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile; the manifest that was read still names what it needs
		}
		if err != nil {
			return fmt.Errorf("archive %s: %s: %w", from, key, err)
		}
		if err := to.Put(ctx, key, data); err != nil {
			return err
		}
	}
	return to.Put(ctx, archiveManifest, manifest)
}

// sums are the SHA-256 of every file below dir, by its path with slashes.
func sums(dir string) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || name == backupManifestN {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		all[filepath.ToSlash(name)] = hex.EncodeToString(h.Sum(nil))
		return nil
	})
	return all, err
}

// copyTree copies regular files below from, but not those below the names to skip.
func copyTree(from, to string, skip ...string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(skip, name) {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return copyFile(path, filepath.Join(to, name))
	})
}

// copyFile copies a file that must not exist yet.
func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return errors.Join(out.Sync(), out.Close())
}
