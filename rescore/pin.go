package rescore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"reflect"

	"github.com/flatwatt/flatwatt/streams/archive"
)

func pinKey(id string) string { return runPrefix(id) + "archive.json" }

// pin remembers the archive that a run reads.
func (r Runs) pin(ctx context.Context, id string, a *archive.Archive) error {
	text, err := a.Snapshot()
	if err != nil {
		return fmt.Errorf("run %s: %w", id, err)
	}
	return r.Store.Put(ctx, pinKey(id), text)
}

// Unfinished finds a run that was asked for as spec is, was not done, and can be gone on
// with: readings that came meanwhile are not in it, but the archive that it began with is
// still there. It returns that archive and the run's own spec; nil where there is none.
func (r Runs) Unfinished(ctx context.Context, a *archive.Archive, spec Spec) (*archive.Archive, Spec, error) {
	list, err := r.List(ctx)
	if err != nil {
		return nil, spec, err
	}
	spec.Content = nil
	for _, e := range list {
		asked := e.Spec
		asked.Content = nil
		if e.Outcome == Done || !reflect.DeepEqual(asked, spec) {
			continue
		}
		text, err := r.Store.Get(ctx, pinKey(e.ID))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, spec, err
		}
		then, err := archive.OpenSnapshot(ctx, a.Store(), text)
		if errors.Is(err, archive.ErrNone) {
			continue // too long ago
		}
		return then, e.Spec, err
	}
	return nil, spec, nil
}
