package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/ingest"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/natsd"
)

// A body that is packed without saying so by its header may unpack to as much as others.
func TestPackedBodiesAreBounded(t *testing.T) {
	_, j := startStream(t, natsd.Options{InProcessOnly: true})
	if _, err := jetstream.EnsureReadings(t.Context(), j, jetstream.Retention{}); err != nil {
		t.Fatal(err)
	}
	m := []flatwatt.Meter{{ID: "a", Parent: "C", Zone: time.UTC, Interval: 15 * time.Minute}}
	in, err := intakeApart(j, m)
	if err != nil {
		t.Fatal(err)
	}
	limits := pushSettings{MaxBodyMB: 1, MBPerS: 100, InFlight: 1}.limits()
	tokens, err := ingest.ParseTokens(pushToken)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(ingest.NewPush(in, openPushed(formats.Options{Register: registerOf(m)}, limits), tokens, limits, nil))
	defer server.Close()
	for _, how := range []string{"gzip", "zstd", "zip"} {
		for mb, want := range map[int]int{4: http.StatusOK, 17: http.StatusRequestEntityTooLarge} {
			code, text := push(t, server.URL+ingest.ReadingsPath, pushToken, packed(t, how, mb))
			if code != want {
				t.Errorf("%s of %d MB: %d %.200s, want %d", how, mb, code, text, want)
			}
		}
	}
}

// packed is a CSV file of so many MiB; in a zip it is in two.
func packed(t *testing.T, how string, mb int) string {
	t.Helper()
	const head = "meter_id,start,energy_kwh,note\n"
	line := "a,2026-01-05T00:00:00Z,1," + strings.Repeat("x", 4000) + "\n"
	half := head + strings.Repeat(line, mb<<19/len(line))
	var b bytes.Buffer
	var w io.WriteCloser
	switch how {
	case "zip":
		z := zip.NewWriter(&b)
		for _, name := range []string{"a.csv", "b.csv"} {
			f, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(f, half)
		}
		_ = z.Close()
		return b.String()
	case "gzip":
		w = gzip.NewWriter(&b)
	default:
		w, _ = zstd.NewWriter(&b)
	}
	_, _ = io.WriteString(w, half+strings.TrimPrefix(half, head))
	_ = w.Close()
	return b.String()
}
