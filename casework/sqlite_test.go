package casework

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/access"
)

var (
	at   = time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC)
	wang = access.Actor{Name: "wang", Role: access.Operator}
	li   = access.Actor{Name: "li", Role: access.Inspector}
	zhao = access.Actor{Name: "zhao", Role: access.Supervisor}
	sun  = access.Actor{Name: "sun", Role: access.Supervisor}
	root = access.Actor{Name: "root", Role: access.Administrator}
)

func open(t *testing.T) *DB {
	t.Helper()
	db, err := Open(context.Background(), filepath.Join(t.TempDir(), "case work?.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// fill writes two records with three versions, as two people.
func fill(t *testing.T, db *DB) Head {
	t.Helper()
	ctx := context.Background()
	for i, c := range []Change{
		{Actor: wang, Action: "case.open", Writes: []Record{{"case", "a", 0, []byte(`{"x":1}`)}, {"file", "b", 0, []byte("\x00\xff")}}},
		{Actor: li, Action: "case.note", Note: "seen", Writes: []Record{{"case", "a", 1, []byte(`{"x":2}`)}}},
		{Actor: zhao, Action: "session.start"},
	} {
		c.At = at.Add(time.Duration(i) * time.Minute)
		if err := db.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	head, err := db.Verify(ctx, Head{})
	if err != nil || head.Seq != 4 {
		t.Fatalf("head %v, error %v", head, err)
	}
	return head
}

// TestOneTamperedByteIsFound changes, one at a time, every byte of every field of the
// trail and of every record, behind the triggers' back.
func TestOneTamperedByteIsFound(t *testing.T) {
	ctx, db := context.Background(), open(t)
	fill(t, db)
	for _, name := range []string{"audit_no_update", "audit_no_delete", "records_no_update", "records_no_delete"} {
		if _, err := db.sql.Exec("DROP TRIGGER " + name); err != nil {
			t.Fatal(err)
		}
	}
	tried := 0
	for table, columns := range map[string]string{
		"audit":   "seq at actor role action kind id version body note prev hash",
		"records": "kind id version body", "heads": "kind id version",
	} {
		key := map[string]string{"audit": "seq", "records": "kind||id||version", "heads": "kind||id"}[table]
		for column := range strings.FieldsSeq(columns) {
			tried += tamper(ctx, t, db, table, column, key)
		}
	}
	if tried < 800 {
		t.Errorf("only %d bytes were tried", tried)
	}
	if _, err := db.verifyRecords(ctx, Head{}); err != nil {
		t.Fatalf("the database was not put back: %v", err)
	}
}

func tamper(ctx context.Context, t *testing.T, db *DB, table, column, key string) (tried int) {
	var keys []string
	rows, err := db.sql.Query(fmt.Sprintf("SELECT %s FROM %s", key, table))
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var k string
		if err := rows.Scan(&k); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	for _, k := range keys {
		var old any
		if err := db.sql.QueryRow(fmt.Sprintf("SELECT %s FROM %s WHERE %s = ?", column, table, key), k).Scan(&old); err != nil {
			t.Fatal(err)
		}
		for i := range len(text(old)) {
			tried++
			tx, err := db.sql.Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE %s = ?", table, column, key), flipped(old, i), k); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if _, err := db.verifyRecords(ctx, Head{}); err == nil {
				t.Errorf("%s.%s of %s: byte %d was changed and nobody noticed", table, column, k, i)
			}
			restore(t, db, table, column, key, k, old, i)
		}
	}
	return tried
}

// restore finds the row by the key it has now.
func restore(t *testing.T, db *DB, table, column, key, k string, old any, i int) {
	t.Helper()
	now := k
	if strings.Contains(key, column) {
		parts := strings.Split(key, "||")
		now = ""
		for _, part := range parts {
			var v any
			q := fmt.Sprintf("SELECT %s FROM %s WHERE %s = ?", part, table, column)
			if part == column {
				v = flipped(old, i)
			} else if err := db.sql.QueryRow(q, flipped(old, i)).Scan(&v); err != nil {
				t.Fatal(err)
			}
			now += fmt.Sprint(text(v))
		}
	}
	q := fmt.Sprintf("UPDATE %s SET %s = ? WHERE %s = ? AND %s = ?", table, column, key, column)
	res, err := db.sql.Exec(q, old, now, flipped(old, i))
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := res.RowsAffected(); n != 1 {
		t.Fatalf("%s.%s of %s: %d rows were put back", table, column, k, n)
	}
}

func text(v any) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	default:
		return fmt.Sprint(v)
	}
}

// flipped is v with its i-th byte changed, another number for a number.
func flipped(v any, i int) any {
	switch v := v.(type) {
	case int64:
		return v + 100
	case []byte:
		b := append([]byte(nil), v...)
		b[i] ^= 1
		return b
	case string:
		b := []byte(v)
		b[i] ^= 1
		return string(b)
	}
	panic(fmt.Sprintf("%T", v))
}

func TestTheTrailsEndCannotBeCutOff(t *testing.T) {
	ctx, db := context.Background(), open(t)
	head := fill(t, db)
	if _, err := db.sql.Exec("DELETE FROM audit WHERE seq = 4"); err == nil || !strings.Contains(err.Error(), "append-only") {
		t.Fatalf("an entry was deleted: %v", err)
	}
	if _, err := db.sql.Exec("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE seq = 4"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Verify(ctx, Head{}); !errors.As(err, &TamperError{}) {
		t.Error("a trigger is gone:", err)
	}
	if _, err := db.verifyRecords(ctx, Head{}); err != nil {
		t.Fatal("without a head noted elsewhere, a sign-in at the end can be cut off unseen:", err)
	}
	if _, err := db.verifyRecords(ctx, head); !errors.As(err, &TamperError{}) {
		t.Errorf("the end was cut off: %v", err)
	}
	if back, err := ParseHead(head.String()); err != nil || back != head {
		t.Errorf("head %v came back as %v, %v", head, back, err)
	}
}

// TestTwoCannotOverwriteEachOther has many people change one record at once, through two
// connections to one file: exactly one wins each version, and every win is kept.
func TestTwoCannotOverwriteEachOther(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "c.db")
	var dbs [2]*DB
	for i := range dbs {
		var err error
		if dbs[i], err = Open(ctx, path); err != nil {
			t.Fatal(err)
		}
		defer dbs[i].Close()
	}
	if err := Put(ctx, dbs[0], Change{At: at, Actor: wang, Action: "x"}, "n", "1", 0, 0); err != nil {
		t.Fatal(err)
	}
	var wins, conflicts int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 5 {
				n, version, err := Get[int](ctx, dbs[i%2], "n", "1")
				if err == nil {
					err = Put(ctx, dbs[i%2], Change{At: at, Actor: wang, Action: "x"}, "n", "1", version, n+1)
				}
				conflict := ConflictError{}
				mu.Lock()
				switch {
				case err == nil:
					wins++
				case errors.As(err, &conflict):
					conflicts++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	n, version, err := Get[int](ctx, dbs[0], "n", "1")
	if err != nil || n != wins || version != wins+1 || wins+conflicts != 40 {
		t.Errorf("%d wins, %d conflicts, but the record is %d at version %d (%v)", wins, conflicts, n, version, err)
	}
	if _, err := dbs[1].Verify(ctx, Head{}); err != nil {
		t.Error(err)
	}
}

func TestAChangeHappensWholeOrNotAtAll(t *testing.T) {
	ctx, db := context.Background(), open(t)
	fill(t, db)
	err := db.Commit(ctx, Change{At: at, Actor: li, Action: "x", Writes: []Record{{"case", "new", 0, []byte("1")}, {"case", "a", 1, []byte("2")}}})
	conflict := ConflictError{}
	if !errors.As(err, &conflict) || conflict.By != "li" || conflict.Now != 2 {
		t.Fatalf("an old version was taken: %v", err)
	}
	if _, err := db.Get(ctx, "case", "new", 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("half of the change was kept: %v", err)
	}
	if first, err := db.Get(ctx, "case", "a", 1); err != nil || string(first.Body) != `{"x":1}` {
		t.Errorf("the first version is %s, %v", first.Body, err)
	}
}

func TestBackupIsWholeAndNewerFilesAreRefused(t *testing.T) {
	ctx, db := context.Background(), open(t)
	head := fill(t, db)
	path := filepath.Join(t.TempDir(), "it's a copy.db")
	if err := db.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(ctx, path); err == nil {
		t.Error("a file was overwritten")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the copy: %v %v", info, err)
	}
	again, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, err := again.Verify(ctx, head); err != nil || got != head {
		t.Errorf("the copy's head is %v, %v", got, err)
	}
	if _, err := again.sql.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, path); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("a file of a newer program: %v", err)
	}
}

// TestAFileOfTheFirstSchemaIsMigrated: testdata/schema1.sql is a file that the program of
// schema 1 wrote, dumped as SQL.
func TestAFileOfTheFirstSchemaIsMigrated(t *testing.T) {
	ctx := context.Background()
	text, err := os.ReadFile("testdata/schema1.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.db")
	old, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.ExecContext(ctx, string(text)); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version int
	if err := db.sql.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version != len(migrations) || version < 2 {
		t.Errorf("schema %d after the migration, %v", version, err)
	}
	// The head that the old program printed.
	head, err := ParseHead("4:7e008ad4cd55da1d954c0de73c62551705be64a6f8ac504abb574fc0b0108809")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Verify(ctx, head); err != nil {
		t.Errorf("what the old program wrote is not whole: %v", err)
	}
	c, _, err := Desk{Store: db, Who: wang, Now: at}.Case(ctx, "C-2026-00001")
	if err != nil || c.Meter != "m1" || c.State != DeskReview {
		t.Errorf("case %+v, %v", c, err)
	}
	if err := db.PutSession(ctx, "d", access.Session{User: "wang", Began: at, Seen: at}); err != nil {
		t.Errorf("a session in the migrated file: %v", err)
	}
}

func TestABackupHoldsNoSessions(t *testing.T) {
	db, ctx := open(t), context.Background()
	fill(t, db)
	if err := db.PutSession(ctx, "d", access.Session{User: "wang", Began: at, Seen: at}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy?.db")
	if err := db.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	restored, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if list, err := restored.LoadSessions(ctx); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	if list, err := db.LoadSessions(ctx); err != nil || len(list) != 1 {
		t.Errorf("the backup signed out %v %v", list, err)
	}
	if _, err := restored.Verify(ctx, Head{}); err != nil {
		t.Error(err)
	}
}
