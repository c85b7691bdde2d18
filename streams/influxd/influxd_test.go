package influxd_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/influxd"
)

const token, readToken = "write-token", "read-only-token"

// served opens a database that Close is called on when the test ends.
func served(t testing.TB, dir string, o influxd.Options) (*influxd.DB, string) {
	t.Helper()
	o.Token, o.ReadToken, o.Org = token, readToken, "o"
	db, err := influxd.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	base, err := db.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	return db, base
}

// do sends a request and returns its status and body.
func do(t testing.TB, method, url, auth, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if auth != "" {
		r.Header.Set("Authorization", auth)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const writePath = "/api/v2/write?org=o&bucket=flatwatt&precision=s"

func write(t testing.TB, base, lines string, want int) string {
	t.Helper()
	status, body := do(t, "POST", base+writePath, "Token "+token, lines)
	if status != want {
		t.Fatalf("write %.60q: status %d, want %d: %s", lines, status, want, body)
	}
	return body
}

func query(t testing.TB, base, q string, more ...string) string {
	t.Helper()
	v := url.Values{"db": {"flatwatt"}, "q": {q}, "epoch": {"s"}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	status, body := do(t, "GET", base+"/query?"+v.Encode(), "Token "+readToken, "")
	if status != 200 {
		t.Fatalf("query %q: status %d: %s", q, status, body)
	}
	return strings.TrimSpace(body)
}

func TestWriteReplacesAndReads(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{})
	write(t, base, "m,tag=a f=1,s=\"x\" 100\nm,tag=a f=2,s=\"y\" 200\n", 204)
	write(t, base, "m,tag=a f=3,s=\"z\" 200", 204)
	want := `{"results":[{"statement_id":0,"series":[{"name":"m","columns":["time","f","s","tag"],` +
		`"values":[[100,1,"x","a"],[200,3,"z","a"]]}]}]}`
	if got := query(t, base, "SELECT * FROM m"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := query(t, base, "SELECT f FROM m WHERE s = $s", "params", `{"s":"z"}`); !strings.Contains(got, "[[200,3]]") {
		t.Errorf("with params: %s", got)
	}
	if got := query(t, base, "SELECT f FROM m", "epoch", ""); !strings.Contains(got, `"1970-01-01T00:01:40Z"`) {
		t.Errorf("without epoch times must be RFC 3339: %s", got)
	}
}

func TestErrorsAreShownInTheV2Form(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{MaxBodyBytes: 1000})
	f := func(path, auth, body string, status int, code, message string) {
		t.Helper()
		got, text := do(t, "POST", base+path, auth, body)
		var e struct{ Code, Message string }
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("%s: %v in %q", path, err, text)
		}
		if got != status || e.Code != code || !strings.Contains(e.Message, message) {
			t.Errorf("%s: %d %+v; want %d %s …%s…", path, got, e, status, code, message)
		}
	}
	ok := "Token " + token
	f(writePath, "", "m f=1 1", 401, "unauthorized", "unauthorized access")
	f(writePath, "Token wrong", "m f=1 1", 401, "unauthorized", "")
	f(writePath, "Token "+readToken, "m f=1 1", 401, "unauthorized", "")
	f(writePath, ok, "m f=1 1\nbad line\n", 400, "invalid", "unable to parse 'bad line'")
	f(writePath, ok, strings.Repeat("x", 1001), 413, "request too large", "")
	f("/api/v2/write?org=o&bucket=none", ok, "m f=1 1", 404, "not found", `bucket "none"`)
	f("/api/v2/write?org=x&bucket=flatwatt", ok, "m f=1 1", 404, "not found", `organization name "x"`)
	f("/api/v2/write?org=o&bucket=flatwatt&precision=x", ok, "m f=1 1", 400, "invalid", "precision")
	f("/api/v2/query?org=o", ok, "", 404, "not found", "not served")
}

func TestABadLineRefusesTheBodyAndABadFieldOnlyItsPoint(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{})
	write(t, base, "m f=1 1\nbad line\nm f=2 2", 400)
	if got := query(t, base, "SELECT * FROM m"); got != `{"results":[{"statement_id":0}]}` {
		t.Errorf("after a bad line: %s", got)
	}
	write(t, base, "m f=1 1", 204)
	body := write(t, base, "m f=\"text\" 2\nm f=3 3", 422)
	if !strings.Contains(body, "field type conflict") || !strings.Contains(body, "dropped=1") {
		t.Errorf("field type conflict: %s", body)
	}
	if got := query(t, base, "SELECT f FROM m"); !strings.Contains(got, "[[1,1],[3,3]]") {
		t.Errorf("after a field type conflict: %s", got)
	}
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func TestGzip(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{MaxBodyBytes: 1000})
	f := func(body string, want int) {
		t.Helper()
		if got, text := do(t, "POST", base+writePath, "Token "+token, body, "Content-Encoding", "gzip"); got != want {
			t.Errorf("status %d, want %d: %s", got, want, text)
		}
	}
	f(zipped("m f=1 1"), 204)
	f("m f=1 1", 400)                                // says gzip and is not
	f(zipped(strings.Repeat("m f=1 1\n", 125)), 204) // exactly 1000 bytes
	f(zipped(strings.Repeat("m f=1 1\n", 126)), 413) // a bomb is stopped while it unpacks
}

func TestTokensOfOldClients(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{})
	q := "/query?db=flatwatt&q=SHOW+DATABASES"
	f := func(method, path, auth, body string, want int) {
		t.Helper()
		var h []string
		if body != "" {
			h = []string{"Content-Type", "application/x-www-form-urlencoded"}
		}
		if got, text := do(t, method, base+path, auth, body, h...); got != want {
			t.Errorf("%s %s: status %d, want %d: %s", method, path, got, want, text)
		}
	}
	basic := func(password string) string {
		r, _ := http.NewRequest("GET", "/", nil)
		r.SetBasicAuth("anyone", password)
		return r.Header.Get("Authorization")
	}
	f("GET", q, "", "", 401)
	f("GET", q, basic("wrong"), "", 401)
	f("GET", q, basic(readToken), "", 200)
	f("GET", q, basic(token), "", 200)
	f("GET", q, "Bearer "+readToken, "", 200)
	f("GET", q+"&u=grafana&p="+readToken, "", "", 200)
	f("POST", "/query", "", "p="+readToken+"&q=SHOW+DATABASES", 200)
	f("POST", "/query", "", "p=wrong&q=SHOW+DATABASES", 401)
}

func TestQueryOnlyReads(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{})
	write(t, base, "m f=1 1", 204)
	for _, q := range []string{
		"DROP DATABASE flatwatt", "DELETE FROM m", "DROP MEASUREMENT m", "SELECT f INTO n FROM m",
		"CREATE DATABASE x", "SELECT f FROM m; DROP SERIES FROM m", "KILL QUERY 1", "CREATE USER u WITH PASSWORD 'p'",
		"SELECT", "",
	} {
		v := url.Values{"db": {"flatwatt"}, "q": {q}}
		if status, body := do(t, "POST", base+"/query?"+v.Encode(), "Token "+token, ""); status != 400 || !strings.Contains(body, `"error"`) {
			t.Errorf("%q: status %d: %s", q, status, body)
		}
	}
	if got := query(t, base, "SELECT f FROM m; SHOW MEASUREMENTS"); !strings.Contains(got, `[[1,1]]`) ||
		!strings.Contains(got, `{"statement_id":1,"series":[{"name":"measurements","columns":["name"],"values":[["m"]]}]}`) {
		t.Errorf("got %s", got)
	}
	if got := query(t, base, "SELECT f FROM m", "db", "none"); !strings.Contains(got, "database not found: none") {
		t.Errorf("unknown database: %s", got)
	}
}

func TestRowsAreCutAndSaySo(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{MaxRows: 10})
	var lines strings.Builder
	for i := range 11 {
		fmt.Fprintf(&lines, "m,t=%c f=%d %d\n", 'a'+i%2, i, i)
	}
	write(t, base, lines.String(), 204)
	f := func(q string, rows int, partial bool, more ...string) {
		t.Helper()
		got := query(t, base, q, more...)
		if partial != strings.Contains(got, `"partial":true`) {
			t.Errorf("%s: partial must be %t: %s", q, partial, got)
		}
		if n := countRows(t, got); n != rows {
			t.Errorf("%s: %d rows, want %d", q, n, rows)
		}
	}
	f("SELECT f FROM m LIMIT 10", 10, false) // at the limit
	f("SELECT f FROM m", 10, true)           // one past it
	f("SELECT f FROM m GROUP BY t", 10, true)
	f("SELECT f FROM m; SELECT f FROM m", 10, true)
	if got := query(t, base, "SELECT f FROM m LIMIT 10", "chunk_size", "3"); strings.Count(got, `"columns"`) != 1 || countRows(t, got) != 10 {
		t.Errorf("parts of one series must be joined: %s", got)
	}
	f("SELECT f FROM m", 11, true, "chunked", "true", "chunk_size", "4") // chunks are not cut; all but the last say partial
}

// countRows adds up the rows of every result in a stream of JSON documents.
func countRows(t testing.TB, body string) (n int) {
	d := json.NewDecoder(strings.NewReader(body))
	for d.More() {
		var r struct {
			Results []struct{ Series []struct{ Values [][]any } }
		}
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Results {
			for _, s := range x.Series {
				n += len(s.Values)
			}
		}
	}
	return n
}

func TestDelete(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{})
	path := base + "/api/v2/delete?org=o&bucket=flatwatt"
	remove := func(start, stop int, predicate string, want int) {
		t.Helper()
		body := fmt.Sprintf(`{"start":"1970-01-01T00:00:%02dZ","stop":"1970-01-01T00:00:%02dZ","predicate":%q}`, start, stop, predicate)
		if got, text := do(t, "POST", path, "Token "+token, body); got != want {
			t.Errorf("%s: status %d, want %d: %s", predicate, got, want, text)
		}
	}
	left := func(want string) {
		t.Helper()
		if got := query(t, base, "SELECT f, t FROM m, n"); !strings.Contains(got, want) {
			t.Errorf("left: %s; want %s", got, want)
		}
	}
	for _, m := range []string{"m", "n"} {
		write(t, base, m+",t=a f=1 1\n"+m+",t=a f=2 2\n"+m+",t=b\\ \"c f=3 3\n", 204)
	}
	remove(2, 2, `_measurement="m" AND t="a"`, 204)
	left(`"m","columns":["time","f","t"],"values":[[1,1,"a"],[3,3,"b \"c"]]},{"name":"n","columns":["time","f","t"],"values":[[1,1,"a"],[2,2,"a"],`)
	remove(0, 9, `"t"="b \"c" and _measurement = "m"`, 204)
	left(`"m","columns":["time","f","t"],"values":[[1,1,"a"]]},{"name":"n","columns":["time","f","t"],"values":[[1,1,"a"],[2,2,"a"],[3,3`)
	remove(2, 3, ``, 204)
	left(`"m","columns":["time","f","t"],"values":[[1,1,"a"]]},{"name":"n","columns":["time","f","t"],"values":[[1,1,"a"]]}]`)
	for _, bad := range []string{`t="a" OR t="b"`, `t!="a"`, `t=a`, `t="a`, `t="a" AND`, `="a"`, `_field="f"`, `_measurement="m" AND _measurement="n"`} {
		remove(0, 9, bad, 400)
	}
	remove(9, 0, "", 400)
	left(`"m","columns":["time","f","t"],"values":[[1,1,"a"]]`)
}

func TestSeriesAreLimited(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{MaxSeries: 3})
	write(t, base, "m,t=a f=1 1\nm,t=b f=1 1", 204)
	body := write(t, base, "m,t=c f=1 1\nm,t=d f=1 1\nm,t=c f=1 2\nm,t=a f=2 2", 422)
	if !strings.Contains(body, "limit of 3 series") || !strings.Contains(body, "dropped=1") {
		t.Errorf("past the limit: %s", body)
	}
	want := `a"},"columns":["time","f"],"values":[[1,1],[2,2]]},b"},"columns":["time","f"],"values":[[1,1]]},` +
		`c"},"columns":["time","f"],"values":[[1,1],[2,1]]}]}]}`
	if got := query(t, base, "SELECT f FROM m GROUP BY t"); strings.ReplaceAll(got, `{"name":"m","tags":{"t":"`, "") != `{"results":[{"statement_id":0,"series":[`+want {
		t.Errorf("got %s", got)
	}
	write(t, base, "m,t=a f=3 3", 204) // what exists still takes points
}

func TestHealthReadyPing(t *testing.T) {
	_, base := served(t, t.TempDir(), influxd.Options{})
	if status, body := do(t, "GET", base+"/health", "", ""); status != 200 || !strings.Contains(body, `"status":"pass"`) || !strings.Contains(body, `"version":"1.8.3"`) {
		t.Errorf("health: %d %s", status, body)
	}
	if status, body := do(t, "GET", base+"/ready", "", ""); status != 200 || !strings.Contains(body, `"status":"ready"`) {
		t.Errorf("ready: %d %s", status, body)
	}
	if status, _ := do(t, "HEAD", base+"/ping", "", ""); status != 204 {
		t.Errorf("ping: %d", status)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	db, base := served(t, dir, influxd.Options{})
	if _, err := influxd.Open(dir, influxd.Options{Token: token}); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("second open of a directory: %v", err)
	}
	write(t, base, "m f=1 1", 204) // the refused one has not disturbed the first
	if _, err := influxd.Open(t.TempDir(), influxd.Options{Token: "short"}); err == nil || !strings.Contains(err.Error(), "at least 8") {
		t.Errorf("short token: %v", err)
	}
	if _, err := influxd.Open(t.TempDir(), influxd.Options{Token: token, MaxRows: -1}); err == nil {
		t.Error("negative limit was accepted")
	}
	if _, err := db.Listen("0.0.0.0:0"); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("listening to the world: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if _, err := db.Listen(""); err == nil {
		t.Error("a closed database listens")
	}
	_, base = served(t, dir, influxd.Options{})
	if got := query(t, base, "SELECT f FROM m"); !strings.Contains(got, "[[1,1]]") {
		t.Errorf("after reopening: %s", got)
	}
}

// TestWhatWasAcknowledgedSurvivesAKill runs the database in a process of its own and
// kills that as soon as a write is acknowledged.
func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	if dir := os.Getenv("INFLUXD_TEST_DIR"); dir != "" {
		_, base := served(t, dir, influxd.Options{})
		fmt.Println("serving", base)
		select {} // until killed
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "INFLUXD_TEST_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var base string
	if _, err := fmt.Fscanf(out, "serving %s\n", &base); err != nil {
		t.Fatalf("child did not start: %v", err)
	}
	var lines strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&lines, "m,t=%d f=%d %d\n", i%1000, i, i)
	}
	write(t, base, lines.String(), 204)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	_, base = served(t, dir, influxd.Options{})
	if got := query(t, base, "SELECT count(f), sum(f) FROM m"); !strings.Contains(got, "5000,12497500") { // 0+1+…+4999
		t.Errorf("after the kill: %s", got)
	}
}
