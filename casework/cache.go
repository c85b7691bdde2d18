package casework

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Cache keeps the latest version of every record of a kind decoded, and reads only what
// the trail says is new: a list of 10,000 costs a query of one row where nothing changed.
// Any number of goroutines may use it. What it returns must not be changed.
type Cache[T any] struct {
	store Store
	kind  string

	mu     sync.Mutex // guards what follows
	seq    int        // of the last entry that was followed
	loaded bool
	items  map[string]Versioned[T]
	sorted []Versioned[T] // by ID; nil after a change
}

// NewCache is an empty cache of a kind.
func NewCache[T any](s Store, kind string) *Cache[T] {
	return &Cache[T]{store: s, kind: kind, items: map[string]Versioned[T]{}}
}

// followMost is how many new entries are followed one by one before all is read anew.
const followMost = 5000

// List is the latest version of every record, by ID.
func (c *Cache[T]) List(ctx context.Context) ([]Versioned[T], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.follow(ctx); err != nil {
		return nil, err
	}
	if c.sorted == nil {
		c.sorted = slices.SortedFunc(maps.Values(c.items), func(a, b Versioned[T]) int { return strings.Compare(a.ID, b.ID) })
	}
	return c.sorted, nil
}

func (c *Cache[T]) follow(ctx context.Context) error {
	fresh, err := c.store.Since(ctx, c.seq, followMost)
	if err != nil || len(fresh) == 0 && c.loaded {
		return err
	}
	if !c.loaded || len(fresh) == followMost {
		return c.readAll(ctx)
	}
	seen := map[string]bool{}
	for _, e := range slices.Backward(fresh) {
		if e.Kind != c.kind || e.Version == 0 || seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		r, err := c.store.Get(ctx, c.kind, e.ID, 0)
		if err != nil {
			return err
		}
		if err := c.put(r); err != nil {
			return err
		}
	}
	c.seq = fresh[len(fresh)-1].Seq
	return nil
}

// readAll notes the trail's end before it reads: what is written meanwhile is read twice.
func (c *Cache[T]) readAll(ctx context.Context) error {
	head, err := c.store.Head(ctx)
	if err != nil {
		return err
	}
	records, err := c.store.List(ctx, c.kind)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := c.put(r); err != nil {
			return err
		}
	}
	c.seq, c.loaded = head.Seq, true
	return nil
}

func (c *Cache[T]) put(r Record) error {
	v := Versioned[T]{ID: r.ID, Version: r.Version}
	if v.Version == c.items[r.ID].Version {
		return nil
	}
	if err := json.Unmarshal(r.Body, &v.Value); err != nil {
		return fmt.Errorf("%s %s version %d: %w", c.kind, r.ID, r.Version, err)
	}
	c.items[r.ID], c.sorted = v, nil
	return nil
}
