package formattest

import (
	"bytes"
	"context"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
)

// mostItems is how many readings and rejects of one fuzzed input are looked at.
const mostItems = 200_000

// mostTime is how long a small input may take on a busy machine.
const mostTime = 20 * time.Second

// Fuzz gives any bytes to a format, under options that a number picks, and checks what
// every format promises: it ends without a panic, gives out only what a meter can have
// measured, says of each reject where and why, and gives the same whatever the sizes in
// which the bytes arrive. The seeds are the samples and their halves.
func Fuzz(f *testing.F, format string, samples ...Sample) {
	for _, s := range samples {
		for _, knobs := range []uint8{0, 0b0101_0101, 0b1010_1010} {
			f.Add([]byte(s.Data), knobs)
			f.Add([]byte(s.Data[:len(s.Data)/2]), knobs)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, knobs uint8) {
		opt := options(format, knobs)
		begun := time.Now()
		whole, err := readSome(bytes.NewReader(data), opt)
		if err != nil {
			t.Fatal(err)
		}
		sane(t, whole)
		if took := time.Since(begun); took > mostTime && len(data) < 64<<10 {
			t.Fatalf("%d bytes took %v", len(data), took)
		}
		if len(data) < 4<<10 {
			parts, err := readSome(iotest.OneByteReader(bytes.NewReader(data)), opt)
			if a, b := whole.String(), parts.String(); err != nil || a != b {
				t.Fatalf("whole:\n%sa byte at a time:\n%s%v", a, b, err)
			}
		}
	})
}

var london = mustZone("Europe/London")

func mustZone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}

// options are those that the bits of knobs ask for.
func options(format string, knobs uint8) formats.Options {
	opt := formats.Options{Format: format, Encoding: "utf-8", Limits: formats.Limits{SpoolBytes: 1 << 20, ExpandedBytes: 8 << 20}}
	is := func(bit int) bool { return knobs>>bit&1 == 1 }
	if is(0) {
		opt.Zone = london
	}
	if is(1) && format != "nem12" {
		opt.Stamp = formats.StampEnd
	}
	if is(2) {
		opt.Interval = 15 * time.Minute
	}
	opt.Totals = is(3)
	if is(4) { // so that limits are met
		opt.Limits.LineBytes, opt.Limits.Depth, opt.Limits.Meters, opt.Window = 512, 6, 4, 64
	}
	if is(5) {
		opt.Register = map[flatwatt.MeterID]flatwatt.Meter{
			"7": {ID: "7", Zone: london, Extra: map[string]string{"ct": "20", "pt": "2"}}, "A": {ID: "A", Interval: time.Hour}, "": {},
		}
	}
	if is(6) {
		opt.Mapping = &formats.Mapping{Meter: "7", Channels: map[string]string{"V": "voltage", "R": "register", "E": "import"}, Qualities: map[string]string{"9": "missing"}}
	}
	if is(7) {
		opt.StripPrefix, opt.IDDigits, opt.Multiplier, opt.FirstPoint, opt.Encoding = "B", 8, 2.5, -15*time.Minute, ""
	}
	return opt
}

// readSome reads until the end or mostItems. An input of no known format is none.
func readSome(r io.Reader, opt formats.Options) (res Result, err error) {
	src, info, err := formats.Open("f", r, opt)
	if err != nil {
		return res, nil
	}
	res.Info = info
	for len(res.Readings)+len(res.Rejected) < mostItems {
		b, err := src.Read(context.Background())
		res.Readings = append(res.Readings, b.Readings...)
		res.Rejected = append(res.Rejected, b.Rejected...)
		if err == io.EOF {
			return res, nil
		}
		if err != nil {
			return res, err
		}
	}
	return res, nil
}

// sane is what every format promises, whatever it is given.
func sane(t *testing.T, res Result) {
	t.Helper()
	for i := range res.Readings {
		r := &res.Readings[i]
		id := string(r.Meter)
		if id == "" || len(id) > 160 || !utf8.ValidString(id) || strings.ContainsAny(id, "\x00\n\r\t\x7f") {
			t.Errorf("took the meter %q", id)
		}
		if y := r.Start.Year(); y < 1990 || y > 2100 || r.Start.Location() != time.UTC {
			t.Errorf("took the start %v", r.Start)
		}
		if r.Length <= 0 {
			t.Errorf("took the length %v", r.Length)
		}
		if !(math.Abs(float64(r.Energy)) <= 1e8) || math.Abs(float64(r.Reactive)) > 1e8 || r.Voltage < 0 || r.Voltage > 2e6 {
			t.Errorf("took %v kWh, %v kVArh, %v V", r.Energy, r.Reactive, r.Voltage)
		}
		if r.Quality > flatwatt.Edited {
			t.Errorf("took the quality %d", r.Quality)
		}
	}
	for _, r := range res.Rejected {
		if strings.Contains(r.Reason, "fault of flatwatt") {
			t.Errorf("panicked: %.600s", r.Reason)
		}
		if r.Where == "" || len(r.Reason) < 15 || len(r.Raw) > flatwatt.MaxRejectedBytes || len(r.Reason) > 4<<10 {
			t.Errorf("a reject without a place or a reason, or too long: %.300q %d %.600q", r.Where, len(r.Raw), r.Reason)
		}
	}
}
