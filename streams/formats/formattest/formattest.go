// Package formattest is the test suite that every file format runs: what a sample file
// says, whatever it is wrapped in, encoded as and delivered in, and what becomes of
// damage. Formats add tests of their own for what only they know.
package formattest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
)

// A Sample is a small file of a format and what is in it.
type Sample struct {
	Name string // of the file; places of rejects begin with it
	Data string // UTF-8, lines ending in LF, where the format is text
	Opt  formats.Options
	Want string // as Result.String has it; tabs and a first line end are ignored

	// Late says that what stands later in the file changes what was before, so that its
	// beginning may give other intervals than the whole.
	Late bool
}

// A Result is what came out of a file.
type Result struct {
	Readings []flatwatt.Reading
	Rejected []flatwatt.Rejected
	Info     formats.Info
}

// Read reads a file whole and checks what every source promises of positions and counts.
func Read(t testing.TB, name string, data []byte, opt formats.Options) Result {
	t.Helper()
	return ReadFrom(t, name, bytes.NewReader(data), opt)
}

// ReadFrom is Read of any reader.
func ReadFrom(t testing.TB, name string, r io.Reader, opt formats.Options) (res Result) {
	t.Helper()
	src, info, err := formats.Open(name, r, opt)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	res.Info = info
	var next flatwatt.Position
	for {
		b, err := src.Read(context.Background())
		res.Readings = append(res.Readings, b.Readings...)
		res.Rejected = append(res.Rejected, b.Rejected...)
		if next += flatwatt.Position(len(b.Readings) + len(b.Rejected)); b.Next != next {
			t.Fatalf("%s: position %d after %d readings and rejects", name, b.Next, next)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
	}
	if int64(len(res.Readings)) != info.Tally.Readings || int64(len(res.Rejected)) != info.Tally.Rejected {
		t.Fatalf("%s: tally %+v for %d readings, %d rejects", name, *info.Tally, len(res.Readings), len(res.Rejected))
	}
	for _, x := range res.Rejected {
		if strings.Contains(x.Reason, "fault of flatwatt") {
			t.Fatalf("%s: panicked: %s", name, x.Reason)
		}
	}
	return res
}

// String writes a reading a line: meter, start, minutes, kWh, kVArh, V, quality; then
// the rejects as "! place [field]".
func (r Result) String() string {
	var s strings.Builder
	for _, x := range r.Readings {
		fmt.Fprintf(&s, "%s %s %g %s %s %s %c\n", x.Meter, x.Start.UTC().Format("01-02T15:04"), x.Length.Minutes(),
			number(float64(x.Energy)), number(float64(x.Reactive)), number(float64(x.Voltage)), "AEM"[x.Quality])
	}
	for _, x := range r.Rejected {
		fmt.Fprintf(&s, "! %s [%s]\n", x.Where, x.Field)
	}
	return s.String()
}

func number(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.6g", v)
}

// First keeps the first n readings and no rejects, which is enough to compare by eye.
func (r Result) First(n int) Result {
	r.Readings, r.Rejected = r.Readings[:min(n, len(r.Readings))], nil
	return r
}

// KWh adds the energy up.
func (r Result) KWh() (sum float64) {
	for _, x := range r.Readings {
		sum += float64(x.Energy)
	}
	return sum
}

// Check compares what a file gives with what it should, and wants a reason and a remedy
// for each reject.
func Check(t *testing.T, r Result, want string) {
	t.Helper()
	want = strings.ReplaceAll(strings.TrimLeft(want, "\n"), "\t", "")
	if got := r.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
		for _, x := range r.Rejected {
			t.Logf("%s [%s] %s", x.Where, x.Field, x.Reason)
		}
	}
	for _, x := range r.Rejected {
		if len(x.Reason) < 20 {
			t.Errorf("%s: reason %q says too little", x.Where, x.Reason)
		}
	}
}
