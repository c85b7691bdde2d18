package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/durable"
)

// A Folder takes files that others drop into Dir/in. A file whose readings are stored goes
// to Dir/done, one of which nothing could be taken to Dir/rejected, each with a report
// NAME.report.json beside it that lists what was rejected and why.
//
// Whoever drops a file should write it as NAME.tmp, or as .NAME, and rename it; such names
// are left alone, as are NAME.part and NAME.filepart, which transfer programs use. Other
// files are taken once their size and time have not changed for Settle.
//
// A crash anywhere takes a file again at the next start. That stores nothing twice within
// the stream's dedupe window, for the same file is cut into the same messages.
type Folder struct {
	Dir    string
	Intake *Intake
	Open   Open
	Settle time.Duration // 0: DefaultSettle
	Every  time.Duration // between two looks; 0: DefaultEvery

	// Note, if not nil, is told in one line what became of each file.
	Note func(format string, args ...any)

	seen map[string]seenFile
}

const (
	// DefaultSettle is long for a network to pause within a file, short for a person.
	DefaultSettle = 10 * time.Second

	// DefaultEvery is how often the folder is looked at.
	DefaultEvery = 2 * time.Second

	folderIn, folderDone, folderRejected = "in", "done", "rejected"

	reportSuffix = ".report.json"
)

// halfWritten are endings of files that somebody is still writing.
var halfWritten = []string{".tmp", ".part", ".filepart", ".crdownload", reportSuffix}

// A seenFile is what a file was like when it was looked at last, and since when.
type seenFile struct {
	size    int64
	changed time.Time // its modification time
	since   time.Time
}

// Run takes files until ctx ends. A file that cannot be stored because JetStream does not
// answer stays where it is and is tried again.
func (f *Folder) Run(ctx context.Context) error {
	if err := f.Prepare(); err != nil {
		return err
	}
	every := f.Every
	if every == 0 {
		every = DefaultEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := f.Look(ctx, time.Now()); err != nil && ctx.Err() == nil {
			f.note("folder %s: %v; trying again", f.Dir, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Prepare makes the three folders.
func (f *Folder) Prepare() error {
	for _, sub := range []string{folderIn, folderDone, folderRejected} {
		if err := os.MkdirAll(filepath.Join(f.Dir, sub), 0o750); err != nil {
			return fmt.Errorf("drop folder: %w", err)
		}
	}
	return nil
}

// Look takes every file that is ready at now, in order of their names.
func (f *Folder) Look(ctx context.Context, now time.Time) error {
	entries, err := os.ReadDir(filepath.Join(f.Dir, folderIn)) // sorted by name
	if err != nil {
		return err
	}
	seen := make(map[string]seenFile, len(entries))
	var ready []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.ContainsFunc(halfWritten, func(s string) bool { return strings.HasSuffix(name, s) }) {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() { // gone, a folder, or a link to who knows where
			continue
		}
		s := f.settled(name, info, now)
		seen[name] = s
		if settle := f.settle(); now.Sub(s.since) >= settle && now.Sub(s.changed) >= settle {
			ready = append(ready, name)
		}
	}
	f.seen = seen
	var errs []error
	for _, name := range ready {
		if err := f.take(ctx, name); err != nil {
			errs = append(errs, err)
		} else {
			delete(f.seen, name) // the next of this name is another file
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func (f *Folder) settle() time.Duration {
	if f.Settle == 0 {
		return DefaultSettle
	}
	return f.Settle
}

// settled is since when a file is as it is now. At the first look that is its own
// modification time, so that files that waited for a start are taken at once.
func (f *Folder) settled(name string, info fs.FileInfo, now time.Time) seenFile {
	s := seenFile{size: info.Size(), changed: info.ModTime(), since: now}
	old, ok := f.seen[name]
	switch {
	case ok && old.size == s.size && old.changed.Equal(s.changed):
		return old
	case !ok && s.changed.Before(now):
		s.since = s.changed
	}
	return s
}

// take stores one file and moves it. The report is there before the file is: whoever
// watches for the file finds both.
func (f *Folder) take(ctx context.Context, name string) error {
	path := filepath.Join(f.Dir, folderIn, name)
	a, err := f.read(ctx, path, name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	to := folderDone
	if a.Accepted == 0 && (a.Rejected > 0 || a.Error != "") {
		to = folderRejected
	}
	target, err := f.free(to, name)
	if err != nil {
		return err
	}
	if err := writeReport(target+reportSuffix, a); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	// A crash here leaves a report without its file; the next start takes the file again
	// and writes the report anew.
	if err := os.Rename(path, target); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.note("%s: %d accepted, %d rejected %s", filepath.Join(to, filepath.Base(target)), a.Accepted, a.Rejected, a.Error)
	return nil
}

// read stores a file's readings. Its error is the world's; the file's own are in the answer.
func (f *Folder) read(ctx context.Context, path, name string) (answer, error) {
	file, err := os.Open(path)
	if err != nil {
		return answer{}, err
	}
	defer file.Close()
	src, format, err := f.Open("", plain(name), file)
	if err != nil {
		return answerOf(Result{}, format, &SourceError{err}), nil
	}
	res, err := f.Intake.Take(ctx, src)
	var own *SourceError
	if err != nil && (!errors.As(err, &own) || ctx.Err() != nil) {
		return answer{}, err
	}
	return answerOf(res, format, err), nil
}

// free is a path in a folder that no file has yet: NAME, NAME.1, …
func (f *Folder) free(folder, name string) (string, error) {
	for i := range 10_000 {
		path := filepath.Join(f.Dir, folder, name)
		if i > 0 {
			path += fmt.Sprint(".", i)
		}
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: ten thousand files of that name are in %s: clear it out", name, folder)
}

// writeReport writes the answer as JSON, whole or not at all.
func writeReport(path string, a answer) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteBytes(path, 0o640, append(text, '\n'))
}

func (f *Folder) note(format string, args ...any) {
	if f.Note != nil {
		f.Note(format, args...)
	}
}
