package casework

import (
	"context"
	"database/sql"
	"time"

	"github.com/flatwatt/flatwatt/access"
)

// Sign-ins lie beside the records: they are no decisions, change by the minute and end by
// themselves, so the trail knows only that they began.
var _ access.Keeper = (*DB)(nil)

// LoadSessions implements access.Keeper.
func (db *DB) LoadSessions(ctx context.Context) (map[string]access.Session, error) {
	rows, err := db.sql.QueryContext(ctx, "SELECT digest, user, began, seen, address, browser FROM sessions")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]access.Session{}
	for rows.Next() {
		var digest, began, seen string
		var one access.Session
		if err := rows.Scan(&digest, &one.User, &began, &seen, &one.From, &one.Browser); err != nil {
			return nil, err
		}
		// A time that cannot be read is the zero time: such a session has ended.
		one.Began, _ = time.Parse(time.RFC3339Nano, began)
		one.Seen, _ = time.Parse(time.RFC3339Nano, seen)
		all[digest] = one
	}
	return all, rows.Err()
}

// PutSession implements access.Keeper.
func (db *DB) PutSession(ctx context.Context, digest string, one access.Session) error {
	_, err := db.sql.ExecContext(ctx, "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET seen = excluded.seen",
		digest, one.User, one.Began.UTC().Format(time.RFC3339Nano), one.Seen.UTC().Format(time.RFC3339Nano), one.From, one.Browser)
	return err
}

// DropSessions implements access.Keeper.
func (db *DB) DropSessions(ctx context.Context, digests ...string) error {
	return db.within(ctx, func(tx *sql.Tx) error {
		for _, digest := range digests {
			if _, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE digest = ?", digest); err != nil {
				return err
			}
		}
		return nil
	})
}
