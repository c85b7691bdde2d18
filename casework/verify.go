package casework

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Verify follows the whole trail and compares every version of every record with the
// digest in it. known is a head noted earlier, zero if none was. The error is a
// TamperError where something was changed.
func (db *DB) Verify(ctx context.Context, known Head) (Head, error) {
	// An index that lost a row would hide an entry from the trail of its record.
	var whole string
	if err := db.sql.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&whole); err != nil {
		return Head{}, err
	}
	if whole != "ok" {
		return Head{}, TamperError{0, "the file is damaged: " + whole}
	}
	if err := db.verifySchema(ctx); err != nil {
		return Head{}, err
	}
	return db.verifyRecords(ctx, known)
}

// verifySchema compares tables, indexes and triggers with those of a new database: without
// its triggers a trail is append-only no more.
func (db *DB) verifySchema(ctx context.Context) error {
	fresh, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		return err
	}
	defer fresh.Close()
	fresh.SetMaxOpenConns(1) // each connection would have a memory of its own
	for _, m := range migrations {
		if _, err := fresh.ExecContext(ctx, m); err != nil {
			return err
		}
	}
	want, err := schemaOf(ctx, fresh)
	if err != nil {
		return err
	}
	got, err := schemaOf(ctx, db.sql)
	if err == nil && got != want {
		return TamperError{0, "the file's tables, indexes or triggers are not those that this program made"}
	}
	return err
}

func schemaOf(ctx context.Context, pool *sql.DB) (text string, err error) {
	err = pool.QueryRowContext(ctx, "SELECT coalesce(group_concat(line, char(10)), '') FROM (SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') AS line FROM sqlite_schema ORDER BY line)").Scan(&text)
	return text, err
}

// verifyRecords is Verify but for the file's own structure.
func (db *DB) verifyRecords(ctx context.Context, known Head) (Head, error) {
	trail, err := db.Trail(ctx, "", "")
	if err != nil {
		return Head{}, err
	}
	head, err := checkChain(trail, known)
	if err != nil {
		return Head{}, err
	}
	latest, written := map[[2]string]int{}, 0
	for _, e := range trail {
		if e.Version == 0 {
			continue
		}
		written++
		latest[[2]string{e.Kind, e.ID}] = e.Version
		r, err := db.Get(ctx, e.Kind, e.ID, e.Version)
		if errors.Is(err, ErrNotFound) || err == nil && sum(r.Body) != e.Body {
			return Head{}, TamperError{e.Seq, fmt.Sprintf("%s %s version %d is not what was written", e.Kind, e.ID, e.Version)}
		}
		if err != nil {
			return Head{}, err
		}
	}
	return head, db.verifyHeads(ctx, latest, written)
}

// verifyHeads finds versions that nobody wrote and records shown at an old version.
func (db *DB) verifyHeads(ctx context.Context, latest map[[2]string]int, written int) error {
	var versions int
	if err := db.sql.QueryRowContext(ctx, "SELECT count(*) FROM records").Scan(&versions); err != nil {
		return err
	}
	if versions != written {
		return TamperError{0, fmt.Sprintf("%d versions of records are there, %d were written", versions, written)}
	}
	rows, err := db.sql.QueryContext(ctx, "SELECT kind, id, version FROM heads")
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var key [2]string
		var version int
		if err := rows.Scan(&key[0], &key[1], &version); err != nil {
			return err
		}
		if latest[key] != version {
			return TamperError{0, fmt.Sprintf("%s %s is shown at version %d, its latest is %d", key[0], key[1], version, latest[key])}
		}
	}
	if n != len(latest) {
		return TamperError{0, fmt.Sprintf("%d records are shown, %d were written", n, len(latest))}
	}
	return rows.Err()
}
