package formats_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
)

// A result is what came out of a file, as text that a test can say.
type result struct {
	readings []flatwatt.Reading
	rejected []flatwatt.Rejected
	info     formats.Info
}

func read(t testing.TB, name string, data []byte, opt formats.Options) result {
	t.Helper()
	return readFrom(t, name, bytes.NewReader(data), opt)
}

func readFrom(t testing.TB, name string, r io.Reader, opt formats.Options) (res result) {
	t.Helper()
	src, info, err := formats.Open(name, r, opt)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	res.info = info
	var next flatwatt.Position
	for {
		b, err := src.Read(context.Background())
		res.readings = append(res.readings, b.Readings...)
		res.rejected = append(res.rejected, b.Rejected...)
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
	if int64(len(res.readings)) != info.Tally.Readings || int64(len(res.rejected)) != info.Tally.Rejected {
		t.Fatalf("%s: tally %+v for %d readings, %d rejects", name, *info.Tally, len(res.readings), len(res.rejected))
	}
	return res
}

// String writes a reading a line: meter, start, minutes, kWh, kVArh, V, quality; then
// the rejects as "! place [field]".
func (r result) String() string {
	var s strings.Builder
	for _, x := range r.readings {
		fmt.Fprintf(&s, "%s %s %g %s %s %s %c\n", x.Meter, x.Start.UTC().Format("01-02T15:04"), x.Length.Minutes(),
			number(float64(x.Energy)), number(float64(x.Reactive)), number(float64(x.Voltage)), "AEM"[x.Quality])
	}
	for _, x := range r.rejected {
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

// check compares what a file gives with what it should, and wants a reason for each reject.
func check(t *testing.T, r result, want string) {
	t.Helper()
	want = strings.ReplaceAll(strings.TrimLeft(want, "\n"), "\t", "")
	if got := r.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
		for _, x := range r.rejected {
			t.Logf("%s [%s] %s", x.Where, x.Field, x.Reason)
		}
	}
	for _, x := range r.rejected {
		if len(x.Reason) < 20 {
			t.Errorf("%s: reason %q says too little", x.Where, x.Reason)
		}
	}
}

// sum adds the energy and reactive energy up.
func (r result) sum() (kWh, kVArh float64) {
	for _, x := range r.readings {
		kWh += float64(x.Energy)
		if v := float64(x.Reactive); !math.IsNaN(v) {
			kVArh += v
		}
	}
	return kWh, kVArh
}

// row writes a wide row's points: value i is f(i), empty where it is NaN.
func row(n int, f func(i int) float64) string {
	var s strings.Builder
	for i := range n {
		if s.WriteByte(','); !math.IsNaN(f(i)) {
			fmt.Fprintf(&s, "%g", f(i))
		}
	}
	return s.String()
}

func constant(v float64) func(int) float64 { return func(int) float64 { return v } }

const quarter = 15 * time.Minute
