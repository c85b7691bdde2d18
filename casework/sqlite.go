package casework

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver, in Go alone
)

// migrations bring a database from version i to i+1. Append; never change one.
var migrations = []string{`
CREATE TABLE records (
	kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
	PRIMARY KEY (kind, id, version)
) WITHOUT ROWID;
CREATE TABLE heads (
	kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
	PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE audit (
	seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, role TEXT NOT NULL, action TEXT NOT NULL,
	kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, note TEXT NOT NULL,
	prev TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE INDEX audit_record ON audit (kind, id, seq);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER records_no_update BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'versions are append-only'); END;
CREATE TRIGGER records_no_delete BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'versions are append-only'); END;
`, `
CREATE TABLE sessions (
	digest TEXT PRIMARY KEY, user TEXT NOT NULL, began TEXT NOT NULL, seen TEXT NOT NULL, address TEXT NOT NULL, browser TEXT NOT NULL
) WITHOUT ROWID;
`}

// DB is the Store over SQLite. Several processes may open one file.
type DB struct{ sql *sql.DB }

var _ Store = (*DB)(nil)

// Open opens the database at path, makes it where it does not exist and brings it up to
// this program's version. A file of a newer program is refused.
func Open(ctx context.Context, path string) (*DB, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("casework %s: %w", path, err)
	}
	// Every commit is on the disk before it is acknowledged; a writer waits for another.
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)"}, "_txlock": {"immediate"}}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("casework %s: %w", path, err)
	}
	db := &DB{pool}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("casework %s: %w", path, err), pool.Close())
	}
	return db, nil
}

// private makes the file at path, where it is not there, and those that SQLite keeps beside
// it the owner's alone: they hold names and addresses of customers. SQLite makes those with
// the mode of the file itself, which it must have before. On Windows modes do nothing.
func private(path string) error {
	// A file that is there is not opened: to close it would end the locks of this process.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	for _, beside := range []string{"", "-wal", "-shm", "-journal"} {
		_ = os.Chmod(path+beside, 0o600) // some are not there; a file of another owner stays as it is
	}
	return nil
}

// Close closes the database.
func (db *DB) Close() error { return db.sql.Close() }

func (db *DB) migrate(ctx context.Context) error {
	return db.within(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("is of schema %d, this program knows %d: use the newer program", version, len(migrations))
		}
		for ; version < len(migrations); version++ {
			if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
				return fmt.Errorf("migrate to %d: %w", version+1, err)
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
		return err
	})
}

func (db *DB) within(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Get implements Store.
func (db *DB) Get(ctx context.Context, kind, id string, version int) (Record, error) {
	r := Record{Kind: kind, ID: id}
	query := "SELECT version, body FROM records WHERE kind = ? AND id = ? AND (version = ? OR ? = 0) ORDER BY version DESC LIMIT 1"
	err := db.sql.QueryRowContext(ctx, query, kind, id, version, version).Scan(&r.Version, &r.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, fmt.Errorf("%s %s: %w", kind, id, ErrNotFound)
	}
	return r, err
}

// List implements Store.
func (db *DB) List(ctx context.Context, kind string) ([]Record, error) {
	rows, err := db.sql.QueryContext(ctx, "SELECT h.id, h.version, r.body FROM heads h JOIN records r USING (kind, id, version) WHERE h.kind = ? ORDER BY h.id", kind)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Record
	for rows.Next() {
		r := Record{Kind: kind}
		if err := rows.Scan(&r.ID, &r.Version, &r.Body); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// Commit implements Store.
func (db *DB) Commit(ctx context.Context, c Change) error {
	if c.Action == "" || c.At.IsZero() || strings.TrimSpace(c.Actor.Name) == "" {
		return fmt.Errorf("commit: action, time and actor are needed, got %q, %v, %q", c.Action, c.At, c.Actor.Name)
	}
	return db.within(ctx, func(tx *sql.Tx) error {
		var head Head
		err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").Scan(&head.Seq, &head.Hash)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		e := Entry{At: c.At.UTC().Round(0), Actor: c.Actor.Name, Role: string(c.Actor.Role), Action: c.Action, Note: c.Note}
		if len(c.Writes) == 0 { // an act that writes nothing, such as a sign-in, is still noted
			_, err := appendEntry(ctx, tx, e, head)
			return err
		}
		for _, w := range c.Writes {
			if err := writeRecord(ctx, tx, w); err != nil {
				return err
			}
			e.Kind, e.ID, e.Version, e.Body = w.Kind, w.ID, w.Version+1, sum(w.Body)
			if head, err = appendEntry(ctx, tx, e, head); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeRecord adds the version after w.Version, unless that is not the present one.
func writeRecord(ctx context.Context, tx *sql.Tx, w Record) error {
	now := 0
	err := tx.QueryRowContext(ctx, "SELECT version FROM heads WHERE kind = ? AND id = ?", w.Kind, w.ID).Scan(&now)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if now != w.Version {
		conflict := ConflictError{Kind: w.Kind, ID: w.ID, Expected: w.Version, Now: now}
		err := tx.QueryRowContext(ctx, "SELECT actor FROM audit WHERE kind = ? AND id = ? ORDER BY seq DESC LIMIT 1", w.Kind, w.ID).Scan(&conflict.By)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return conflict
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO records VALUES (?, ?, ?, ?)", w.Kind, w.ID, now+1, w.Body); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO heads VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version", w.Kind, w.ID, now+1)
	return err
}

func appendEntry(ctx context.Context, tx *sql.Tx, e Entry, head Head) (Head, error) {
	e.Seq, e.Prev = head.Seq+1, head.Hash
	e.Hash = e.hash()
	_, err := tx.ExecContext(ctx, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", e.Seq, e.At.Format(time.RFC3339Nano),
		e.Actor, e.Role, e.Action, e.Kind, e.ID, e.Version, e.Body, e.Note, e.Prev, e.Hash)
	return Head{e.Seq, e.Hash}, err
}

// Trail implements Store.
func (db *DB) Trail(ctx context.Context, kind, id string) ([]Entry, error) {
	if kind == "" {
		return db.entries(ctx, "SELECT * FROM audit ORDER BY seq")
	}
	return db.entries(ctx, "SELECT * FROM audit WHERE kind = ? AND id = ? ORDER BY seq", kind, id)
}

// Since implements Store.
func (db *DB) Since(ctx context.Context, seq, limit int) ([]Entry, error) {
	return db.entries(ctx, "SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
}

// Head implements Store.
func (db *DB) Head(ctx context.Context) (h Head, err error) {
	err = db.sql.QueryRowContext(ctx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").Scan(&h.Seq, &h.Hash)
	if errors.Is(err, sql.ErrNoRows) {
		return Head{}, nil
	}
	return h, err
}

// entries reads rows of the trail.
func (db *DB) entries(ctx context.Context, query string, args ...any) ([]Entry, error) {
	rows, err := db.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var trail []Entry
	for rows.Next() {
		var e Entry
		var at string
		if err := rows.Scan(&e.Seq, &at, &e.Actor, &e.Role, &e.Action, &e.Kind, &e.ID, &e.Version, &e.Body, &e.Note, &e.Prev, &e.Hash); err != nil {
			return nil, err
		}
		// A time that is written in any other way than ours is not ours.
		if e.At, err = time.Parse(time.RFC3339Nano, at); err != nil || e.At.UTC().Format(time.RFC3339Nano) != at {
			return nil, TamperError{e.Seq, "its time is not as it was written"}
		}
		e.At = e.At.UTC()
		trail = append(trail, e)
	}
	return trail, rows.Err()
}

// Backup writes a whole, consistent copy to path, which must not exist, while others work.
func (db *DB) Backup(ctx context.Context, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("backup %s: exists already, or cannot be read: name a new file", path)
	}
	if err := private(path); err != nil { // an empty file counts as none to VACUUM
		return fmt.Errorf("backup %s: %w", path, err)
	}
	if _, err := db.sql.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return errors.Join(fmt.Errorf("backup %s: %w", path, err), os.Remove(path))
	}
	// Who signed out since would be signed in again where the copy is restored.
	copied, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String())
	if err != nil {
		return fmt.Errorf("backup %s: %w", path, err)
	}
	_, err = copied.ExecContext(ctx, "DELETE FROM sessions")
	if err = errors.Join(err, copied.Close()); err != nil {
		return fmt.Errorf("backup %s: %w", path, err)
	}
	return nil
}
