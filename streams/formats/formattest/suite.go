package formattest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats"
)

// Suite runs every sample through what every format must bear.
func Suite(t *testing.T, format string, samples ...Sample) {
	for _, s := range samples {
		t.Run(s.Name, func(t *testing.T) {
			r := Read(t, s.Name, []byte(s.Data), s.Opt)
			if r.Info.Format.Name != format {
				t.Fatalf("taken for %s with %d %%, want %s", r.Info.Format.Name, r.Info.Confidence, format)
			}
			Check(t, r, s.Want)
			told := s.Opt
			told.Format = format
			s.wrapped(t)
			if !s.binary() {
				s.encoded(t, told)
			}
			s.delivered(t, told)
			s.cutOff(t, told)
			s.ratios(t, told, r)
			s.registered(t, told, r)
			s.breaks(t, told)
		})
	}
	t.Run("empty", func(t *testing.T) {
		r := Read(t, "empty", nil, formats.Options{Format: format})
		if len(r.Readings) != 0 || len(r.Rejected) != 1 {
			t.Errorf("of nothing: %s", r)
		}
	})
}

func (s *Sample) binary() bool { return strings.HasPrefix(s.Data, "PAR1") }

// same reads the sample in another shape. prefix is what stands before its name then.
func (s *Sample) same(t *testing.T, what, name, prefix string, data []byte, opt formats.Options) {
	t.Helper()
	r := Read(t, name, data, opt)
	want := strings.ReplaceAll(strings.ReplaceAll(strings.TrimLeft(s.Want, "\n"), "\t", ""), "! "+s.Name, "! "+prefix+s.Name)
	if got := r.String(); got != want {
		t.Errorf("%s: got:\n%.500s\nwant:\n%.500s", what, got, want)
	}
}

// wrapped reads the sample from gzip, zstd and zip, without being told what it is.
func (s *Sample) wrapped(t *testing.T) {
	var g, z, p bytes.Buffer
	gw := gzip.NewWriter(&g)
	zw, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	pw := zip.NewWriter(&p)
	member, err := pw.Create(s.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.Writer{gw, zw, member} {
		if _, err := io.WriteString(w, s.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(gw.Close(), zw.Close(), pw.Close()); err != nil {
		t.Fatal(err)
	}
	s.same(t, "gzip", s.Name, "", g.Bytes(), s.Opt)
	s.same(t, "zstd", s.Name, "", z.Bytes(), s.Opt)
	s.same(t, "zip", "a.zip", "a.zip/", p.Bytes(), s.Opt)
	path := filepath.Join(t.TempDir(), s.Name)
	if err := os.WriteFile(path, []byte(s.Data), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, want := ReadFrom(t, s.Name, f, s.Opt).String(), Read(t, s.Name, []byte(s.Data), s.Opt).String(); got != want {
		t.Errorf("from a file on disk: %s", got)
	}
}

// encoded reads the sample with a byte order mark, line ends of other systems, and in
// other encodings.
func (s *Sample) encoded(t *testing.T, told formats.Options) {
	s.same(t, "byte order mark", s.Name, "", []byte("\ufeff"+s.Data), s.Opt)
	s.same(t, "CRLF", s.Name, "", []byte(strings.ReplaceAll(s.Data, "\n", "\r\n")), s.Opt)
	s.same(t, "no last line end", s.Name, "", []byte(strings.TrimRight(s.Data, "\n")), s.Opt)
	le := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	be := unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	for what, e := range map[string]encoding.Encoding{"UTF-16 little-endian": le, "UTF-16 big-endian": be} {
		data, err := e.NewEncoder().Bytes([]byte(s.Data))
		if err != nil {
			t.Fatal(err)
		}
		s.same(t, what, s.Name, "", data, s.Opt)
	}
	gb, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(s.Data))
	if err != nil {
		t.Fatal(err)
	}
	told.Encoding = "gb18030"
	s.same(t, "GB18030", s.Name, "", gb, told)
}

// delivered reads the sample a byte at a time, and two at once.
func (s *Sample) delivered(t *testing.T, told formats.Options) {
	want := Read(t, s.Name, []byte(s.Data), told).String()
	if got := ReadFrom(t, s.Name, iotest.OneByteReader(strings.NewReader(s.Data)), told).String(); got != want {
		t.Errorf("a byte at a time: got:\n%.500s\nwant:\n%.500s", got, want)
	}
	if got := ReadFrom(t, s.Name, iotest.DataErrReader(strings.NewReader(s.Data)), told).String(); got != want {
		t.Errorf("the end with the last bytes: got:\n%swant:\n%s", got, want)
	}
}

// cutOff reads many beginnings of the sample: it ends, and gives no interval that the
// whole does not give (where all of that was taken).
func (s *Sample) cutOff(t *testing.T, told formats.Options) {
	whole := Read(t, s.Name, []byte(s.Data), told)
	type place struct {
		meter  flatwatt.MeterID
		start  int64
		length time.Duration
	}
	placeOf := func(r *flatwatt.Reading) place { return place{r.Meter, r.Start.Unix(), r.Length} }
	there := map[place]bool{}
	for i := range whole.Readings {
		there[placeOf(&whole.Readings[i])] = true
	}
	step := max(1, len(s.Data)/50)
	for n := 1; n < len(s.Data); n += step {
		r := Read(t, s.Name, []byte(s.Data[:n]), told)
		for i := range r.Readings {
			if x := &r.Readings[i]; !s.Late && len(whole.Rejected) == 0 && !there[placeOf(x)] {
				t.Errorf("the first %d bytes give %+v, the whole does not", n, *x)
			}
		}
		sane(t, r)
	}
}

// ratios applies the ratio of transformers, by option and by the register: active and
// reactive energy grow, voltage does not.
func (s *Sample) ratios(t *testing.T, told formats.Options, r Result) {
	if told.Register != nil || told.Multiplier != 0 {
		return
	}
	by := told
	by.Multiplier = 40
	s.grown(t, "multiplier", r, by)
	by.Multiplier, by.Register = 0, map[flatwatt.MeterID]flatwatt.Meter{}
	for _, x := range r.Readings {
		by.Register[x.Meter] = flatwatt.Meter{ID: x.Meter, Extra: map[string]string{"ct": "20", "pt": "2"}}
	}
	s.grown(t, "ct and pt of the register", r, by)
}

func (s *Sample) grown(t *testing.T, what string, r Result, by formats.Options) {
	t.Helper()
	g := Read(t, s.Name, []byte(s.Data), by)
	if len(g.Readings) != len(r.Readings) {
		t.Fatalf("%s: %d readings of %d: %s", what, len(g.Readings), len(r.Readings), g)
	}
	near := func(a, b float64) bool { return a != a && b != b || abs(a-b) <= 1e-9*abs(b) }
	for i, x := range g.Readings {
		y := r.Readings[i]
		if !near(float64(x.Energy), 40*float64(y.Energy)) || !near(float64(x.Reactive), 40*float64(y.Reactive)) || !near(float64(x.Voltage), float64(y.Voltage)) {
			t.Errorf("%s: %+v became %+v", what, y, x)
		}
	}
}

func abs(v float64) float64 { return max(v, -v) }

// registered takes no meter that the register does not know.
func (s *Sample) registered(t *testing.T, told formats.Options, r Result) {
	told.Register = map[flatwatt.MeterID]flatwatt.Meter{"nobody": {ID: "nobody"}}
	g := Read(t, s.Name, []byte(s.Data), told)
	if len(g.Readings) != 0 || len(r.Readings) > 0 && len(g.Rejected) == 0 {
		t.Errorf("strangers were taken: %s", g)
	}
	for _, x := range g.Rejected {
		if strings.Contains(x.Reason, "is not in the register") || strings.Contains(x.Reason, "is not registered") {
			return
		}
	}
	if len(r.Readings) > 0 {
		t.Errorf("no reject says that the meter is not in the register: %v", g.Rejected)
	}
}

// breaks reads from a disk that fails: an error, not a reject. And it heeds its context.
func (s *Sample) breaks(t *testing.T, told formats.Options) {
	disk := &os.PathError{Op: "read", Path: s.Name, Err: errors.New("input/output error")}
	r := io.MultiReader(strings.NewReader(s.Data[:len(s.Data)/2]), iotest.ErrReader(disk))
	src, _, err := formats.Open(s.Name, r, told)
	for err == nil {
		_, err = src.Read(context.Background())
	}
	if !errors.Is(err, disk) {
		t.Errorf("a disk that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if src, _, err = formats.Open(s.Name, strings.NewReader(s.Data), told); err == nil {
		_, err = src.Read(ctx)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}
