package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flatwatt/flatwatt/durable"
)

// A Store keeps named objects. Keys are paths with slashes, never beginning with one.
// Implementations: Dir and S3.
type Store interface {
	// Get is the whole object; an error that is fs.ErrNotExist where there is none.
	Get(ctx context.Context, key string) ([]byte, error)
	// Open reads an object by ranges; the same error where there is none.
	Open(ctx context.Context, key string) (Object, error)
	// Put replaces the object whole or not at all, and returns once it is durable.
	Put(ctx context.Context, key string, data []byte) error
	// Remove is no error where there is none.
	Remove(ctx context.Context, key string) error
	// List is the keys that begin with prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
	// String names the store for people, without secrets.
	String() string
}

// An Object is read by ranges. Close gives it back.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// A Dir is a Store in a directory of a local file system.
type Dir string

// String implements Store.
func (d Dir) String() string { return string(d) }

func (d Dir) path(key string) string { return filepath.Join(string(d), filepath.FromSlash(key)) }

// Get implements Store.
func (d Dir) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return os.ReadFile(d.path(key))
}

// Open implements Store.
func (d Dir) Open(ctx context.Context, key string) (Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(key))
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return dirObject{f, st.Size()}, nil
}

type dirObject struct {
	*os.File
	size int64
}

func (o dirObject) Size() int64 { return o.size }

// Put implements Store.
func (d Dir) Put(ctx context.Context, key string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name := d.path(key)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return durable.WriteBytes(name, 0o644, data)
}

// Remove implements Store.
func (d Dir) Remove(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Remove(d.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List implements Store. What a killed Put left behind is none of it.
func (d Dir) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	root := d.path(path.Dir(prefix + "x"))
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(string(d), name)
		if key := filepath.ToSlash(rel); err == nil && !e.IsDir() && strings.HasPrefix(key, prefix) && !strings.HasPrefix(e.Name(), durable.Temporary) {
			keys = append(keys, key)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", d, err)
	}
	slices.Sort(keys)
	return keys, nil
}

// Lock keeps other writers out of the directory until release is called or the process
// ends. It does nothing where the system has no flock.
func (d Dir) Lock() (release func() error, err error) {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is being written by another process: stop it, or wait: %w", d, err), f.Close())
	}
	return f.Close, nil
}
