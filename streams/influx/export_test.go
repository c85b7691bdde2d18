package influx

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// testExport: what is exported and imported into an empty bucket is the same, to the byte
// of a second export, with names that need escapes, and texts that hold anything.
func testExport(t *testing.T, c Config) {
	client := open(t, c)
	if empty, err := client.Empty(t.Context()); err != nil || !empty {
		t.Errorf("empty: %v, %v", empty, err)
	}
	s := sinkOf(t, client, grid())
	mustWrite(t, s, full("m000", firstDay), full(`sp ace,com=ma "q" 'a' ü`, firstDay), unknown("m1 ", firstDay+1), full("m010", firstDay+1))
	if err := client.NoteRun(t.Context(), Run{ID: "r1", Model: "m2", From: firstDay, To: firstDay, At: time.Unix(1_709_600_000, 0)}); err != nil {
		t.Fatal(err)
	}
	if empty, err := client.Empty(t.Context()); err != nil || empty {
		t.Errorf("empty: %v, %v", empty, err)
	}
	var first, second bytes.Buffer
	n, err := client.Export(t.Context(), &first)
	if err != nil || n < 100 || int(n) != strings.Count(first.String(), "\n") {
		t.Fatalf("%d points, %v", n, err)
	}
	other, _ := embedded(t)
	to := open(t, other)
	if got, err := to.Import(t.Context(), bytes.NewReader(first.Bytes())); err != nil || got != n {
		t.Fatalf("imported %d of %d: %v", got, n, err)
	}
	if _, err := to.Export(t.Context(), &second); err != nil || second.String() != first.String() {
		t.Errorf("the second export differs: %v", err)
	}
	for _, id := range []flatwatt.MeterID{"m000", `sp ace,com=ma "q" 'a' ü`, "m1 "} {
		want, err := client.Scores(t.Context(), id, time.Unix(0, 0), time.Now())
		if err != nil || len(want) != 1 {
			t.Fatalf("%d scores, %v", len(want), err)
		}
		got, err := to.Scores(t.Context(), id, time.Unix(0, 0), time.Now())
		sameScores(t, got, err, want...)
	}
}
