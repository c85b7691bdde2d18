// Package durable writes files that appear under their names whole or not at all, and stay
// through a power cut.
package durable

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Temporary begins the name of a file that is not complete. No reader of a folder looks at
// such files; a crash leaves one behind.
const Temporary = ".tmp-"

// A File is written under a temporary name in its folder, and gets its own when it is
// complete and on disk. End it with Commit or Abort. One goroutine may use it at a time.
type File struct {
	*bufio.Writer
	file *os.File
	path string
	mode fs.FileMode
}

// Create begins the file path, which will have the mode given.
func Create(path string, mode fs.FileMode) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), Temporary+filepath.Base(path)+"-*")
	if err != nil {
		return nil, err
	}
	return &File{Writer: bufio.NewWriterSize(f, 256<<10), file: f, path: path, mode: mode}, nil
}

// Path is the name that the file will have.
func (f *File) Path() string { return f.path }

// Commit makes the file durable, then visible. A crash before the rename leaves the old
// file and a hidden temporary one.
func (f *File) Commit() error {
	err := f.Flush()
	if err == nil {
		err = f.file.Chmod(f.mode)
	}
	if err == nil { // before the rename: else a power cut leaves the name on an empty file
		err = f.file.Sync()
	}
	err = errors.Join(err, f.file.Close())
	if err == nil {
		err = os.Rename(f.file.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.file.Name()))
	}
	return syncDir(filepath.Dir(f.path))
}

// Abort removes what was written. After a Commit it does nothing.
func (f *File) Abort() {
	if err := f.file.Close(); err == nil {
		_ = os.Remove(f.file.Name())
	}
}

// Write writes the file path with what each appends.
func Write(path string, mode fs.FileMode, each func(w *bufio.Writer) error) error {
	f, err := Create(path, mode)
	if err != nil {
		return err
	}
	if err := each(f.Writer); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

// WriteBytes writes the file path.
func WriteBytes(path string, mode fs.FileMode, data []byte) error {
	return Write(path, mode, func(w *bufio.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
