package console

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/casework/price"
	"github.com/flatwatt/flatwatt/casework/tips"
)

// auditPage is the end of the audit trail.
type auditPage struct {
	Head  casework.Head    `json:"head"`
	Rows  []casework.Entry `json:"entries"` // the latest first
	Whole *bool            `json:"whole"`   // null where it was not verified now
	Wrong string           `json:"wrong,omitempty"`
	After int              `json:"-"`
	Part  bool             `json:"-"` // entries of other areas show their place only
}

// auditRows is how many entries a page of the trail shows.
const auditRows = 200

func auditView(c *call) (any, error) {
	head, err := c.Store.Head(c.ctx)
	if err != nil {
		return nil, err
	}
	last := head.Seq
	if n := c.int("to"); n > 0 {
		last = min(last, n)
	}
	p := auditPage{Head: head, Rows: []casework.Entry{}, After: max(0, last-auditRows), Part: len(c.who.Areas) > 0}
	entries, err := c.Store.Since(c.ctx, p.After, min(last, auditRows))
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(entries) {
		p.Rows = append(p.Rows, e)
	}
	if err := c.veil(p.Rows); err != nil {
		return nil, err
	}
	if c.bool("verify") {
		return p, p.verify(c)
	}
	return p, nil
}

// verify follows the whole trail, where the store can.
func (p *auditPage) verify(c *call) error {
	store, ok := c.Store.(interface {
		Verify(context.Context, casework.Head) (casework.Head, error)
	})
	if !ok {
		return errors.New("this store cannot verify its trail")
	}
	_, err := store.Verify(c.ctx, casework.Head{})
	wrong := casework.TamperError{}
	if errors.As(err, &wrong) {
		if len(c.who.Areas) > 0 { // what is wrong names a record, of whatever area
			wrong.What = "is not as it was written; somebody who sees all areas is told more"
		}
		p.Wrong, err = wrong.Error(), nil
	}
	whole := p.Wrong == "" && err == nil
	p.Whole = &whole
	return err
}

// placed are the kinds of records that belong to one area, and whose pages go by it. Entries
// of all others, such as users, files and reports of the whole, tell of every area.
var placed = []string{casework.KindCase, alarms.Kind, ledger.Kind, price.KindStatement, tips.Kind, tips.KindCommitment, tips.KindApplicant}

// veil leaves of entries of records that are not the person's to see only what ties the
// trail together: number, time and hashes.
func (c *call) veil(rows []casework.Entry) error {
	if len(c.who.Areas) == 0 {
		return nil
	}
	seen := map[[2]string]bool{}
	for i, e := range rows {
		key := [2]string{e.Kind, e.ID}
		ok, known := seen[key]
		if !known {
			var err error
			if ok, err = c.seesRecord(e.Kind, e.ID); err != nil {
				return err
			}
			seen[key] = ok
		}
		if own := e.Kind == "" && e.Actor == c.who.Name; !ok && !own { // their sign-ins
			rows[i] = casework.Entry{Seq: e.Seq, At: e.At, Prev: e.Prev, Hash: e.Hash}
		}
	}
	return nil
}

// seesRecord goes by the area that a record has now, as its page does.
func (c *call) seesRecord(kind, id string) (bool, error) {
	if !slices.Contains(placed, kind) {
		return false, nil
	}
	r, err := c.Store.Get(c.ctx, kind, id, 0)
	if errors.Is(err, casework.ErrNotFound) { // somebody took it out of the file
		return false, nil
	}
	var about struct {
		Area string `json:"area"`
	}
	if err == nil {
		err = json.Unmarshal(r.Body, &about)
	}
	return err == nil && c.who.Sees(about.Area), err
}
