package casework

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/flatwatt/flatwatt/access"
)

// Kinds of records of this package.
const (
	KindCase = "case"
	KindFile = "file" // an attachment's bytes, under their SHA-256
	KindUser = "user"
)

// MaxFile bounds an attachment, in bytes.
const MaxFile = 20 << 20

// A Desk is where cases are worked on, by one person at one moment.
type Desk struct {
	Store Store
	Who   access.Actor
	Now   time.Time
}

// Act is the change that the desk's person makes now, without its writes.
func (d Desk) Act(action, note string) Change {
	return Change{At: d.Now, Actor: d.Who, Action: action, Note: note}
}

// ToCome says whether a date, 2006-01-02, is still to come: with a day's grace, because the
// clock may be of another zone.
func (d Desk) ToCome(date string) bool {
	return date > d.Now.UTC().AddDate(0, 0, 1).Format(time.DateOnly)
}

// See refuses what lies outside the person's areas as if it were not there.
func (d Desk) See(kind, id, area string) error {
	if !d.Who.Sees(area) {
		return fmt.Errorf("%s %s: %w", kind, id, ErrNotFound)
	}
	return nil
}

// Add commits a new record under the first free number of the year, e.g. C-2026-00001 for
// prefix C. more, if not nil, gives what else is written in the same change.
func (d Desk) Add(ctx context.Context, action, note, kind, prefix string, v any, more func(id string) ([]Record, error)) (id string, err error) {
	list, err := d.Store.List(ctx, kind)
	if err != nil {
		return "", err
	}
	for n := len(list) + 1; ; n++ { // somebody else may take a number first
		id = fmt.Sprintf("%s-%d-%05d", prefix, d.Now.Year(), n)
		w, err := Write(kind, id, 0, v)
		if err != nil {
			return "", err
		}
		change := d.Act(action, note)
		change.Writes = []Record{w}
		if more != nil {
			others, err := more(id)
			if err != nil {
				return "", err
			}
			change.Writes = append(change.Writes, others...)
		}
		err = d.Store.Commit(ctx, change)
		if taken := (ConflictError{}); !errors.As(err, &taken) || taken.ID != id {
			return id, err
		}
	}
}

// Open opens a case and returns its ID, e.g. C-2026-00001. more, if not nil, gives what
// else is written in the same change, such as the alarm that led to the case.
func (d Desk) Open(ctx context.Context, c Case, more func(id string) ([]Record, error)) (id string, err error) {
	if err := d.Who.Need(access.Operator); err != nil {
		return "", err
	}
	if !d.Who.Sees(c.Area) {
		return "", access.ErrForbidden{Actor: d.Who.Name, Needs: "the area " + c.Area + " is not theirs"}
	}
	return d.Add(ctx, "case.open", "", KindCase, "C", c, more)
}

// Case is a case with the version to give to Change; ErrNotFound also where it is not
// the actor's to see.
func (d Desk) Case(ctx context.Context, id string) (Case, int, error) {
	c, version, err := Get[Case](ctx, d.Store, KindCase, id)
	if err == nil && !d.Who.Sees(c.Area) {
		return Case{}, 0, fmt.Errorf("%s %s: %w", KindCase, id, ErrNotFound)
	}
	return c, version, err
}

// Cases are the cases that the actor sees, by ID.
func (d Desk) Cases(ctx context.Context) ([]Versioned[Case], error) {
	list, err := List[Case](ctx, d.Store, KindCase)
	var seen []Versioned[Case]
	for _, c := range list {
		if d.Who.Sees(c.Value.Area) {
			seen = append(seen, c)
		}
	}
	return seen, err
}

// Change applies do to a case read at version; 0 stands for whatever is there. It fails
// with a ConflictError where somebody else changed the case since.
func (d Desk) Change(ctx context.Context, id string, version int, action, note string, do func(*Case) error, more ...Record) error {
	c, now, err := d.Case(ctx, id)
	if err != nil {
		return err
	}
	if version == 0 {
		version = now
	}
	// An old version is left to Commit to refuse: it knows who came first.
	if version == now {
		if err := do(&c); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	w, err := Write(KindCase, id, version, c)
	if err != nil {
		return err
	}
	change := d.Act(action, note)
	change.Writes = append([]Record{w}, more...)
	return d.Store.Commit(ctx, change)
}

// Attach adds a file to a case.
func (d Desk) Attach(ctx context.Context, id string, version int, name string, body []byte) error {
	if len(body) == 0 || len(body) > MaxFile {
		return fmt.Errorf("attachment %s: %d bytes; want 1 to %d", name, len(body), MaxFile)
	}
	a := Attachment{Name: filepath.Base(filepath.ToSlash(name)), SHA256: sum(body), Bytes: len(body), By: d.Who.Name, At: d.Now}
	var more []Record
	if _, err := d.Store.Get(ctx, KindFile, a.SHA256, 0); errors.Is(err, ErrNotFound) {
		more = append(more, Record{Kind: KindFile, ID: a.SHA256, Body: body})
	} else if err != nil {
		return err
	}
	return d.Change(ctx, id, version, "case.attach", a.Name, func(c *Case) error {
		c.Attachments = append(c.Attachments, a)
		return d.Who.Need(access.Operator)
	}, more...)
}

// A Bundle is a case with all that belongs to it, for a file that leaves the house.
type Bundle struct {
	ID      string            `json:"id"`
	Version int               `json:"version"`
	Case    Case              `json:"case"`
	Trail   []Entry           `json:"trail"` // of this case
	Files   map[string][]byte `json:"files"` // by SHA-256, base64
	Head    Head              `json:"head"`  // of the whole trail when it was exported
}

// Export is a case with its trail and files.
func (d Desk) Export(ctx context.Context, id string) (Bundle, error) {
	c, version, err := d.Case(ctx, id)
	if err != nil {
		return Bundle{}, err
	}
	b := Bundle{ID: id, Version: version, Case: c, Files: map[string][]byte{}}
	if b.Trail, err = d.Store.Trail(ctx, KindCase, id); err != nil {
		return b, err
	}
	for _, a := range c.Attachments {
		r, err := d.Store.Get(ctx, KindFile, a.SHA256, 0)
		if err != nil {
			return b, err
		}
		b.Files[a.SHA256] = r.Body
	}
	b.Head, err = d.Store.Head(ctx)
	return b, err
}
