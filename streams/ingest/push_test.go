package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/flatwatt/flatwatt/streams/ingest"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

const secret = "a-token-of-good-length"

// serve runs a push server on a port of its own.
func (s *site) serve(tb testing.TB, limits ingest.Limits) (url string) {
	tb.Helper()
	tokens, err := ingest.ParseTokens("# clients\nhead-end " + secret + "\nother another-token-of-good-length\n")
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := ingest.Server(ingest.NewPush(s.intake, open, tokens, limits, nil), limits)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	tb.Cleanup(func() { _ = server.Close(); <-done })
	return "http://" + l.Addr().String() + ingest.ReadingsPath
}

type reply struct {
	code     int
	header   http.Header
	Accepted int
	Rejected int
	Format   string
	Error    string
	Repeat   bool
	More     int `json:"more_rejects"`
	Rejects  []struct {
		Where, Field, Reason, Raw string
		Line                      int
	}
}

func post(tb testing.TB, url, token string, body io.Reader, header ...string) reply {
	tb.Helper()
	req, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		tb.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	r := reply{code: res.StatusCode, header: res.Header}
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
		tb.Fatalf("answer %d is no JSON: %v", res.StatusCode, err)
	}
	return r
}

func TestPushStoresBeforeItAnswers(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{})
	r := post(t, url, secret, strings.NewReader(lines(0, 3000)))
	if r.code != http.StatusOK || r.Accepted != 3000 || r.Format != "ndjson" {
		t.Fatalf("%+v", r)
	}
	all := s.stored(t)
	sum := 0.0
	for _, x := range all {
		sum += float64(x.Energy)
	}
	if len(all) != 3000 || sum != 750 {
		t.Errorf("%d readings of %v kWh are stored", len(all), sum)
	}
	// Ten concentrators, 300 readings each: one message each, whatever order they came in.
	if n := s.messages(t, jetstream.ReadingsStream); n != 10 {
		t.Errorf("%d messages, want 10", n)
	}
	// Once more, and in other pieces of the connection: stored once.
	if r := post(t, url, secret, io.MultiReader(strings.NewReader(lines(0, 3000)[:777]), strings.NewReader(lines(0, 3000)[777:]))); r.Accepted != 3000 {
		t.Errorf("%+v", r)
	}
	if n := s.messages(t, jetstream.ReadingsStream); n != 10 {
		t.Errorf("%d messages after the repeat, want 10", n)
	}
}

func TestPushTellsWhatItRejects(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{})
	body := strings.Join([]string{
		line("m1", start, 1),
		"{", // line 2
		line("m2", start, 1),
		`{"meter_id":"m3","start":"yesterday","length_s":900,"energy_kwh":1}`, // 4
		"",
		line("nobody", start, 1), // 6
		`{"meter_id":"m4","start":"2026-03-01T00:00:00Z","length_s":60,"energy_kwh":1}`, // 7
		line("m5", time.Now().AddDate(1, 0, 0), 1),                                      // 8
		strings.Repeat("x", 100_000),                                                    // 9
		line("m6", start, 1) + " ",                                                      // 10, good
	}, "\n")
	r := post(t, url+"?name=monday.json", secret, strings.NewReader(body))
	if r.code != http.StatusMultiStatus || r.Accepted != 3 || r.Rejected != 6 {
		t.Fatalf("%+v", r)
	}
	want := map[string]string{"monday.json:2": "", "monday.json:4": "start", "monday.json:7": "length_s", "monday.json:9": ""}
	for _, x := range r.Rejects {
		if field, ok := want[x.Where]; ok {
			if field != x.Field || fmt.Sprint("monday.json:", x.Line) != x.Where || x.Reason == "" {
				t.Errorf("%+v", x)
			}
			delete(want, x.Where)
		}
	}
	if len(want) > 0 {
		t.Errorf("not told: %v in %+v", want, r.Rejects)
	}
	if n := s.rejects(t); n != 6 {
		t.Errorf("%d rejects are kept, want 6", n)
	}
	_ = post(t, url+"?name=monday.json", secret, strings.NewReader(body))
	if n := s.rejects(t); n != 6 {
		t.Errorf("%d rejects after a repeat, want 6", n)
	}
	if r := post(t, url, secret, strings.NewReader("{\n{\n")); r.code != http.StatusUnprocessableEntity || r.Rejected != 2 {
		t.Errorf("%+v", r)
	}
	if len(s.stored(t)) != 3 {
		t.Error("more is stored than was accepted")
	}
}

func TestPushBoundsRejects(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{})
	const n = 25_000
	r := post(t, url, secret, strings.NewReader(strings.Repeat("{\n", n)))
	if r.Rejected != n || len(r.Rejects) != ingest.MaxRejectsTold || r.More != n-ingest.MaxRejectsTold {
		t.Errorf("%d rejected, %d told, %d more", r.Rejected, len(r.Rejects), r.More)
	}
	if k := s.rejects(t); k != ingest.MaxRejectsStored+1 {
		t.Errorf("%d rejects are kept", k)
	}
}

func TestPushAsksWhoYouAre(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{})
	for _, h := range []string{"", "Bearer", "Bearer ", "Bearer wrong-token-of-length", "Basic " + secret, secret, "Bearer " + secret + "x", "Bearer " + secret[1:]} {
		body := &counted{r: strings.NewReader(lines(0, 100_000))}
		r := post(t, url, "", body, "Authorization", h)
		if r.code != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%q: %+v", h, r)
		}
	}
	if r := post(t, url, "another-token-of-good-length", strings.NewReader(lines(0, 1))); r.code != http.StatusOK {
		t.Errorf("the second client: %+v", r)
	}
	if len(s.stored(t)) != 1 {
		t.Error("something of a stranger is stored")
	}
	for _, bad := range []string{"", "# none\n", "short\n", "a b c-very-long-token-here\n"} {
		if _, err := ingest.ParseTokens(bad); err == nil {
			t.Errorf("tokens %q were taken", bad)
		}
	}
}

type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestPushPathsAndMethods(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{})
	get := func(method, url string) int {
		req, _ := http.NewRequest(method, url, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	base := strings.TrimSuffix(url, ingest.ReadingsPath)
	if c := get("GET", url); c != http.StatusMethodNotAllowed {
		t.Error(c)
	}
	if c := get("POST", base+"/api/v1/other"); c != http.StatusNotFound {
		t.Error(c)
	}
	if c := get("GET", base+"/healthz"); c != http.StatusOK {
		t.Error(c)
	}
	if r := post(t, url+"?format=punchcards", secret, strings.NewReader("x")); r.code != http.StatusUnsupportedMediaType || !strings.Contains(r.Error, "punchcards") {
		t.Errorf("%+v", r)
	}
	if r := post(t, url, secret, strings.NewReader("x"), "Content-Encoding", "br"); r.code != http.StatusUnsupportedMediaType {
		t.Errorf("%+v", r)
	}
	if r := post(t, url, secret, strings.NewReader("")); r.code != http.StatusOK || r.Accepted != 0 {
		t.Errorf("an empty body: %+v", r)
	}
}

func zipped(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		tb.Fatal(err)
	}
	z.Close()
	return b.Bytes()
}

func TestPushUnpacks(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{})
	body := lines(0, 500)
	if r := post(t, url, secret, bytes.NewReader(zipped(t, body)), "Content-Encoding", "gzip"); r.Accepted != 500 {
		t.Errorf("gzip: %+v", r)
	}
	e, _ := zstd.NewWriter(nil)
	if r := post(t, url, secret, bytes.NewReader(e.EncodeAll([]byte(body), nil)), "Content-Encoding", "zstd"); r.Accepted != 500 {
		t.Errorf("zstd: %+v", r)
	}
	if r := post(t, url, secret, strings.NewReader(body), "Content-Encoding", "gzip"); r.code != http.StatusBadRequest {
		t.Errorf("not gzip: %+v", r)
	}
	z := zipped(t, body)
	if r := post(t, url, secret, bytes.NewReader(z[:len(z)-20]), "Content-Encoding", "gzip"); r.code != http.StatusBadRequest || r.Error == "" {
		t.Errorf("gzip that broke off: %+v", r)
	}
}

// A few kilobytes that unpack to a gigabyte, and a body of a gigabyte, cost their bound.
func TestPushRefusesBombs(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{BodyBytes: 1 << 20, UnpackedBytes: 4 << 20})
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	chunk := bytes.Repeat([]byte("\n"), 1<<20)
	for range 256 {
		_, _ = z.Write(chunk)
	}
	z.Close()
	if bomb.Len() > 1<<20 {
		t.Fatalf("the bomb has %d bytes", bomb.Len())
	}
	began := time.Now()
	if r := post(t, url, secret, bytes.NewReader(bomb.Bytes()), "Content-Encoding", "gzip"); r.code != http.StatusRequestEntityTooLarge || r.Repeat {
		t.Errorf("%+v", r)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the bomb took %v", took)
	}

	// A gigabyte that says so is refused unread.
	conn := dial(t, url)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1073741824\r\n\r\n", ingest.ReadingsPath, secret)
	if code := status(t, conn); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a gigabyte: %d", code)
	}
	// One that does not say so is cut off: what was whole before the limit is stored and told.
	sent := &counted{r: &endless{text: []byte(line("m1", start, 1) + "\n")}}
	req, _ := http.NewRequest(http.MethodPost, url, io.NopCloser(io.LimitReader(sent, 1<<30)))
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := http.DefaultClient.Do(req)
	if err == nil { // else the client met the closed connection before the answer
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("an endless body: %d", res.StatusCode)
		}
	}
	if sent.n > 64<<20 {
		t.Errorf("%d bytes were taken over the connection", sent.n)
	}
}

// endless repeats a text.
type endless struct {
	text []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

func dial(tb testing.TB, url string) net.Conn {
	tb.Helper()
	host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), ingest.ReadingsPath)
	conn, err := net.Dial("tcp", host)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func status(tb testing.TB, conn net.Conn) int {
	tb.Helper()
	var code int
	if _, err := fmt.Fscanf(conn, "HTTP/1.1 %d", &code); err != nil {
		tb.Fatal(err)
	}
	return code
}

// Half a body: only whole lines count, and what a number lost at its end is not a reading.
func TestPushThatBreaksOff(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{})
	body := lines(0, 10) + line("m500", start, 0.412)
	for _, cut := range []int{1, 3, 20} { // within the last line
		conn := dial(t, url)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
			ingest.ReadingsPath, secret, len(body), body[:len(body)-cut])
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if code := status(t, conn); code != http.StatusBadRequest {
			t.Errorf("cut by %d: status %d", cut, code)
		}
	}
	conn := dial(t, url) // a reader that does not know better is kept from it too
	fmt.Fprintf(conn, "POST %s?format=naive HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\nm1 0.75\nm500 0.4", ingest.ReadingsPath, secret)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if code := status(t, conn); code != http.StatusBadRequest {
		t.Errorf("status %d", code)
	}
	for _, r := range s.stored(t) {
		if r.Meter == "m500" {
			t.Errorf("half a line became a reading: %+v", r)
		}
	}
	if n := len(s.stored(t)); n != 11 {
		t.Errorf("%d readings are stored, want the 10 whole ones, and one of the naive reader", n)
	}
}

// Slow senders lose their place: those without a token at once, the others when they stop.
func TestSlowSendersAreCutOff(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{Idle: 200 * time.Millisecond, InFlight: 2})
	half := func(token string) net.Conn {
		conn := dial(t, url)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"met\r\n", ingest.ReadingsPath, token)
		return conn
	}
	stranger := half("wrong-token-of-length")
	if code := status(t, stranger); code != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", code)
	}
	a, b := half(secret), half(secret)
	await(t, func() bool { // both places are taken, and a third is sent away
		r := post(t, url, secret, strings.NewReader(lines(0, 1)))
		return r.code == http.StatusServiceUnavailable && r.header.Get("Retry-After") != ""
	})
	for _, conn := range []net.Conn{a, b} {
		if code := status(t, conn); code != http.StatusRequestTimeout {
			t.Errorf("a sender that stopped: %d", code)
		}
	}
	await(t, func() bool { return post(t, url, secret, strings.NewReader(lines(0, 1))).code == http.StatusOK })

	// A header that never ends.
	conn := dial(t, url)
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	_, _ = io.ReadAll(conn) // ends when the server gives up, or at the deadline
	if _, err := conn.Write([]byte("x")); err == nil {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a header that never ends is waited for")
		}
	}
}

func await(tb testing.TB, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("it did not happen")
		}
	}
}

func TestPushRate(t *testing.T) {
	s := newSite(t)
	var mu sync.Mutex
	now := time.Now()
	s.intake.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	body := lines(0, 100)
	url := s.serve(t, ingest.Limits{BytesPerS: 1000, BodyBytes: int64(len(body)) + 100})
	for i := 0; ; i++ {
		r := post(t, url, secret, strings.NewReader(body))
		if r.code == http.StatusTooManyRequests {
			if i == 0 || r.header.Get("Retry-After") == "" {
				t.Errorf("after %d: %+v", i, r)
			}
			break
		}
		if i > 3 {
			t.Fatal("no bound")
		}
	}
	if r := post(t, url, "another-token-of-good-length", strings.NewReader(body)); r.code != http.StatusOK {
		t.Errorf("another client pays for the first: %+v", r)
	}
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	if r := post(t, url, secret, strings.NewReader(body)); r.code != http.StatusOK {
		t.Errorf("after an hour: %+v", r)
	}
}

// Many at once: every reading is there once.
func TestPushesAtOnce(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{InFlight: 16})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			// Two senders send the same.
			if r := post(t, url, secret, strings.NewReader(lines(i/2*1000, 1000))); r.Accepted != 1000 {
				t.Errorf("%+v", r)
			}
		}()
	}
	wg.Wait()
	all := s.stored(t)
	seen := map[string]int{}
	for _, r := range all {
		seen[fmt.Sprint(r.Meter, r.Start)]++
	}
	if len(all) != 8000 || len(seen) != 8000 {
		t.Errorf("%d readings of %d kinds are stored, want 8000", len(all), len(seen))
	}
}

// Without JetStream nobody is told that anything was taken.
func TestPushWithoutJetStream(t *testing.T) {
	s := newSite(t)
	url := s.serve(t, ingest.Limits{Whole: 2 * time.Second})
	if err := s.jet.DeleteStream(context.Background(), jetstream.ReadingsStream); err != nil {
		t.Fatal(err)
	}
	if r := post(t, url, secret, strings.NewReader(lines(0, 10))); r.code != http.StatusServiceUnavailable || r.Accepted != 0 || !r.Repeat {
		t.Errorf("%+v", r)
	}
}
