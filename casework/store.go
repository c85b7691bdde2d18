// Package casework keeps what people decide: cases, and through its sub-packages alarms,
// the ledger, prices and reports. Every change is a new version of a record and one link
// of an audit trail, in one transaction.
package casework

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/flatwatt/flatwatt/access"
)

// A Record is one version of something that people work on. Kind and ID name it. Body is
// its JSON, or the bytes of an attachment. Versions count from 1; none is ever replaced.
type Record struct {
	Kind    string
	ID      string
	Version int
	Body    []byte
}

// A Change is what one act of one person does: records to write and why. All of it
// happens or none of it.
type Change struct {
	At     time.Time
	Actor  access.Actor
	Action string // e.g. "case.assign"
	Note   string // the person's own words; may be ""
	// Writes are the next versions. A Version is the one expected to be there now, 0 for
	// a record that must not exist: whoever was overtaken gets ErrConflict.
	Writes []Record
}

// A Store keeps records and their trail. SQLite is behind it; another database needs
// these six methods and the conformance test of this package.
type Store interface {
	// Get is a version of a record, the latest for version 0; ErrNotFound if there is none.
	Get(ctx context.Context, kind, id string, version int) (Record, error)
	// List is the latest version of every record of a kind, by ID.
	List(ctx context.Context, kind string) ([]Record, error)
	// Commit applies a change.
	Commit(ctx context.Context, c Change) error
	// Trail gives every entry of the audit trail that is about a record, all of it for
	// kind "", in order.
	Trail(ctx context.Context, kind, id string) ([]Entry, error)
	// Since gives up to limit entries of the trail after number seq, in order: what is new
	// for whoever follows it.
	Since(ctx context.Context, seq, limit int) ([]Entry, error)
	// Head is the end of the trail; zero where it is empty.
	Head(ctx context.Context) (Head, error)
}

// ErrNotFound says that a record does not exist.
var ErrNotFound = errors.New("not found")

// A ConflictError says that somebody else changed a record first.
type ConflictError struct {
	Kind, ID      string
	Expected, Now int    // versions; 0: does not exist
	By            string // who made the present version
}

func (e ConflictError) Error() string {
	if e.Now == 0 {
		return fmt.Sprintf("%s %s does not exist any more, or never did", e.Kind, e.ID)
	}
	return fmt.Sprintf("%s %s was changed by %s meanwhile (version %d, yours was %d): look at it again, then repeat what you did", e.Kind, e.ID, e.By, e.Now, e.Expected)
}

// Get reads a record's latest version into a T, with its version for the next change.
func Get[T any](ctx context.Context, s Store, kind, id string) (v T, version int, err error) {
	r, err := s.Get(ctx, kind, id, 0)
	if err != nil {
		return v, 0, err
	}
	if err := json.Unmarshal(r.Body, &v); err != nil {
		return v, 0, fmt.Errorf("%s %s version %d: %w", kind, id, r.Version, err)
	}
	return v, r.Version, nil
}

// GetVersion reads one version of a record, from 1, into a T.
func GetVersion[T any](ctx context.Context, s Store, kind, id string, version int) (v T, err error) {
	r, err := s.Get(ctx, kind, id, version)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(r.Body, &v); err != nil {
		return v, fmt.Errorf("%s %s version %d: %w", kind, id, version, err)
	}
	return v, nil
}

// A Versioned is a value with the version that it was read at.
type Versioned[T any] struct {
	ID      string
	Version int
	Value   T
}

// List reads the latest version of every record of a kind, by ID.
func List[T any](ctx context.Context, s Store, kind string) ([]Versioned[T], error) {
	records, err := s.List(ctx, kind)
	if err != nil {
		return nil, err
	}
	list := make([]Versioned[T], len(records))
	for i, r := range records {
		list[i].ID, list[i].Version = r.ID, r.Version
		if err := json.Unmarshal(r.Body, &list[i].Value); err != nil {
			return nil, fmt.Errorf("%s %s version %d: %w", kind, r.ID, r.Version, err)
		}
	}
	return list, nil
}

// Write is the record to commit for v where version is there now.
func Write(kind, id string, version int, v any) (Record, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return Record{}, fmt.Errorf("%s %s: %w", kind, id, err)
	}
	return Record{Kind: kind, ID: id, Version: version, Body: body}, nil
}

// Put commits one record.
func Put(ctx context.Context, s Store, c Change, kind, id string, version int, v any) error {
	r, err := Write(kind, id, version, v)
	if err != nil {
		return err
	}
	c.Writes = append(c.Writes, r)
	return s.Commit(ctx, c)
}
