package file

import (
	"bufio"
	"os"
	"path/filepath"
)

// An atomicFile appears under its name whole or not at all: it is written under a
// temporary name in the same folder, which no reader of a fleet looks at, and renamed
// when it is complete and on disk.
type atomicFile struct {
	*bufio.Writer
	file *os.File
	path string
}

// createAtomic begins the file path. End it with commit or abort.
func createAtomic(path string) (*atomicFile, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return nil, err
	}
	return &atomicFile{Writer: bufio.NewWriterSize(f, 256<<10), file: f, path: path}, nil
}

// commit makes the file durable, then visible. A crash before the rename leaves the old
// file and a hidden temporary one.
func (a *atomicFile) commit() error {
	err := a.Flush()
	if err == nil {
		err = a.file.Chmod(0o644)
	}
	if err == nil {
		err = a.file.Sync()
	}
	if err != nil {
		a.abort()
		return err
	}
	if err := a.file.Close(); err != nil {
		os.Remove(a.file.Name())
		return err
	}
	if err := os.Rename(a.file.Name(), a.path); err != nil {
		os.Remove(a.file.Name())
		return err
	}
	return syncDir(filepath.Dir(a.path))
}

// abort removes what was written. It may follow a commit that failed.
func (a *atomicFile) abort() {
	a.file.Close()
	os.Remove(a.file.Name())
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// writeFile writes path atomically with what f appends.
func writeFile(path string, f func(w *bufio.Writer) error) error {
	a, err := createAtomic(path)
	if err != nil {
		return err
	}
	if err := f(a.Writer); err != nil {
		a.abort()
		return err
	}
	return a.commit()
}
