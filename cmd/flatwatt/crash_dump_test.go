package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// An influxAnswer is what /query answers, each point kept as it came.
type influxAnswer struct {
	Results []struct {
		Error  string
		Series []struct {
			Name    string
			Tags    json.RawMessage
			Columns json.RawMessage
			Values  []json.RawMessage
			Partial bool
		}
	}
}

// dumpDatabase reads every field of every point of every measurement. A line is a point
// or the head of a series; the order is the database's own, by tags and time.
func dumpDatabase(t *testing.T, base string) []byte {
	t.Helper()
	var b bytes.Buffer
	eachDumped(t, base, func(_ string, _ int, lines []byte) { b.Write(lines) })
	return b.Bytes()
}

// digestDatabase is a line a series of what dumpDatabase reads, for databases of which
// memory does not hold two dumps, and how many scores there are.
func digestDatabase(t *testing.T, base string) (digest []byte, scores int) {
	t.Helper()
	var b bytes.Buffer
	eachDumped(t, base, func(measurement string, points int, lines []byte) {
		head, _, _ := bytes.Cut(lines, []byte("\n"))
		fmt.Fprintf(&b, "%s: %d points, %x\n", head, points, sha256.Sum256(lines))
		if measurement == "score" {
			scores += points
		}
	})
	return b.Bytes(), scores
}

// eachDumped calls each with the lines of every series, which are its own until it returns.
func eachDumped(t *testing.T, base string, each func(measurement string, points int, lines []byte)) {
	t.Helper()
	for _, list := range askInflux(t, base, "SHOW MEASUREMENTS").Results[0].Series {
		for _, raw := range list.Values {
			var name [1]string
			if err := json.Unmarshal(raw, &name); err != nil {
				t.Fatal(err)
			}
			for offset := 0; dumpSeries(t, base, name[0], offset, each); offset += dumpedSeries {
			}
		}
	}
}

// dumpedSeries is how many series are read at a time: an answer holds a bounded number of points.
const dumpedSeries = 100

// dumpSeries calls each with the series of a measurement from number offset on; false where
// there are no more.
func dumpSeries(t *testing.T, base, measurement string, offset int, each func(string, int, []byte)) bool {
	t.Helper()
	answer := askInflux(t, base, fmt.Sprintf("SELECT * FROM %q GROUP BY * SLIMIT %d SOFFSET %d", measurement, dumpedSeries, offset))
	var b bytes.Buffer
	for _, s := range answer.Results[0].Series {
		if s.Partial {
			t.Fatalf("measurement %s has too many points for one answer: it was cut", measurement)
		}
		b.Reset()
		fmt.Fprintf(&b, "# %s %s %s\n", s.Name, s.Tags, s.Columns)
		for _, v := range s.Values {
			fmt.Fprintf(&b, "%s %s %s\n", s.Name, s.Tags, v)
		}
		each(measurement, len(s.Values), b.Bytes())
	}
	return len(answer.Results[0].Series) == dumpedSeries
}

func askInflux(t *testing.T, base, q string) (a influxAnswer) {
	t.Helper()
	to := base + "/query?" + url.Values{"db": {"flatwatt"}, "epoch": {"s"}, "q": {q}}.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+crashToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &a); err != nil || len(a.Results) != 1 || a.Results[0].Error != "" {
		t.Fatalf("%s: %v: %.500s", q, err, body)
	}
	return a
}

// points counts the points of a measurement in a dump.
func points(t *testing.T, dump []byte, measurement string) (n int) {
	t.Helper()
	for line := range bytes.Lines(dump) {
		if bytes.HasPrefix(line, []byte(measurement+" ")) {
			n++
		}
	}
	return n
}
