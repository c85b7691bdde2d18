package partition

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A View is the table as people see it.
type View struct {
	Layout  Layout   `json:"layout"`
	Workers []string `json:"workers"` // by name; one that died may stay for the time to live
	Owners  []string `json:"owners"`  // by partition; "" where nobody works on it
	Next    int      `json:"next"`    // the number of partitions that is being changed to; 0: none
}

// Look reads the table.
func Look(ctx context.Context, s Store) (View, error) {
	value, revision, err := s.Load(ctx)
	if err != nil {
		return View{}, fmt.Errorf("load the table of partitions: %w", err)
	}
	if revision == 0 {
		return View{}, ErrNobody
	}
	t, err := decodeTable(value)
	if err != nil {
		return View{}, err
	}
	return View{Layout: t.Layout, Workers: slices.Sorted(maps.Keys(t.Beats)), Owners: t.Owners, Next: t.Next}, nil
}

// ErrNobody says that there is no table yet.
var ErrNobody = errors.New("no worker has shared partitions yet: set partitions.buckets and start `flatwatt run`")
