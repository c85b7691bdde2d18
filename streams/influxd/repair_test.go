package influxd_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/influxd"
)

// TestOpenRepairsWhatAKillLeaves puts a database into the states in which kills of the
// service have left it, and wants everything acknowledged before and after to be there
// at the second start.
func TestOpenRepairsWhatAKillLeaves(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, dir string){
		"half an entry of the write-ahead log": func(t *testing.T, dir string) {
			log := only(t, dir, "wal/flatwatt/autogen/*/*.wal")
			whole := readAll(t, log)
			writeAll(t, log, append(whole, whole[:len(whole)/2]...))
		},
		"an empty manifest": func(t *testing.T, dir string) {
			writeAll(t, only(t, dir, "data/flatwatt/autogen/*/index/0/MANIFEST"), nil)
		},
		"half a manifest": func(t *testing.T, dir string) {
			name := only(t, dir, "data/flatwatt/autogen/*/index/5/MANIFEST")
			text := readAll(t, name)
			writeAll(t, name, text[:len(text)/2])
		},
		"no index yet": func(t *testing.T, dir string) {
			shard := filepath.Dir(only(t, dir, "data/flatwatt/autogen/*/index"))
			if err := errors.Join(os.RemoveAll(filepath.Join(shard, "index")), os.Remove(filepath.Join(shard, "fields.idx"))); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			life := func(lines string) {
				db, base := served(t, dir, influxd.Options{})
				write(t, base, lines, 204)
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			life("m,k=a x=1 100\nm,k=b x=2 100\n")
			harm(t, dir)
			life("m,k=c x=3,y=4 200\n")
			only(t, dir, "data/flatwatt/autogen/*/index/0/MANIFEST") // the index is on disk
			_, base := served(t, dir, influxd.Options{})
			got := query(t, base, "SELECT * FROM m WHERE k =~ /./ GROUP BY *")
			for _, want := range []string{`"k":"a"`, `[100,1,null]`, `"k":"b"`, `[100,2,null]`, `"k":"c"`, `[200,3,4]`} {
				if !strings.Contains(got, want) {
					t.Errorf("%s is lost: %s", want, got)
				}
			}
		})
	}
}

func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%s: %v, %v, want one", pattern, names, err)
	}
	return names[0]
}

func readAll(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeAll(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
