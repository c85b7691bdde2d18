package ingest_test

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/ingest"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// A list is a source of readings, in batches of a size.
type list struct {
	all  []flatwatt.Reading
	size int
	end  error
}

func (l *list) Read(context.Context) (flatwatt.Batch, error) {
	if len(l.all) == 0 {
		if l.end != nil {
			return flatwatt.Batch{}, l.end
		}
		return flatwatt.Batch{}, io.EOF
	}
	n := min(l.size, len(l.all))
	b := flatwatt.Batch{Readings: l.all[:n]}
	l.all = l.all[n:]
	return b, nil
}

// What Take accepts, the service decodes; what the service would reject, Take rejects.
func TestTakeAgreesWithTheService(t *testing.T) {
	s := newSite(t)
	s.intake.Now = func() time.Time { return start }
	s.intake.Route = ingest.AnyMeter("x")
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(v ...float64) float64 { return v[rng.IntN(len(v))] }
	nan, inf := math.NaN(), math.Inf(1)
	accepted, rejected := 0, 0
	for range 400 {
		r := flatwatt.Reading{
			Meter:    flatwatt.MeterID([]string{"m", "m", "m", "", strings.Repeat("m", 128), strings.Repeat("m", 129), "tab\t", "\xff", "表计"}[rng.IntN(9)]),
			Start:    start.Add(time.Duration(pick(0, 0, 0, -3600, 3600, 3601, -9e8, -8e8))*time.Second + time.Duration(pick(0, 0, 1e8))),
			Length:   time.Duration(pick(5, 15, 30, 60, 15, 15, 1, 0, 7)) * time.Minute,
			Energy:   flatwatt.KWh(pick(0, 1, -1, 1e9, -1e9, 1.1e9, nan, inf, 1, 1, 1)),
			Reactive: flatwatt.KVArh(pick(nan, 0, -1e9, 2e9, inf, nan, nan)),
			Voltage:  flatwatt.Volt(pick(nan, 0, 230, -1, 2e9, nan, nan)),
			Quality:  flatwatt.Quality(pick(0, 0, 0, 1, 2, 3)),
		}
		res, err := s.intake.Take(t.Context(), &list{all: []flatwatt.Reading{r}, size: 1})
		if err != nil {
			t.Fatal(err)
		}
		r.Start = r.Start.Round(time.Second)
		body, err := wire.AppendBody(nil, wire.Batch, []flatwatt.Reading{r})
		ok := err == nil
		if ok {
			var b flatwatt.Batch
			d := wire.Decoder{Known: wire.AnyMeter(0, 1e6)}
			d.Append(&b, wire.Message{Body: body, Format: wire.Batch, Received: start})
			ok = len(b.Readings) == 1
		}
		if ok != (res.Accepted == 1) {
			t.Fatalf("%+v: the service takes it: %v; Take: %+v", r, ok, res)
		}
		accepted += res.Accepted
		rejected += res.Rejected
	}
	if accepted < 10 || rejected < 100 {
		t.Errorf("%d accepted, %d rejected: too few of one kind to show anything", accepted, rejected)
	}
}

func many(n int) []flatwatt.Reading {
	var all []flatwatt.Reading
	for i := range n {
		all = append(all, flatwatt.Reading{
			Meter: flatwatt.MeterID("m" + string(rune('0'+i%10))), Start: start.Add(time.Duration(i/10) * 15 * time.Minute), Length: 15 * time.Minute,
			Energy: flatwatt.KWh(i), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()),
		})
	}
	return all
}

// The same readings in other batches make the same messages, beyond one buffer too.
func TestBatchesDoNotMatter(t *testing.T) {
	s := newSite(t)
	s.intake.Now = func() time.Time { return start.AddDate(10, 0, 0) }
	all := many(ingest.MaxBuffered + 5000)
	var first uint64
	for _, size := range []int{1000, 77, len(all)} {
		res, err := s.intake.Take(t.Context(), &list{all: all, size: size})
		if err != nil || res.Accepted != len(all) || !res.First.Equal(start) || !res.Last.Equal(all[len(all)-1].End()) {
			t.Fatalf("%+v, error %v", res, err)
		}
		n := s.messages(t, jetstream.ReadingsStream)
		if first == 0 {
			first = n
		}
		if n != first {
			t.Errorf("batches of %d: %d messages, want the %d of the first time", size, n, first)
		}
	}
}

// A source that breaks keeps what came before, and says that it was the source.
func TestASourceThatBreaks(t *testing.T) {
	s := newSite(t)
	broken := errors.New("the disk is gone")
	res, err := s.intake.Take(t.Context(), &list{all: many(100), size: 7, end: broken})
	var own *ingest.SourceError
	if !errors.As(err, &own) || !errors.Is(err, broken) || res.Accepted != 100 || len(s.stored(t)) != 100 {
		t.Errorf("%+v, error %v", res, err)
	}
}

func TestNDJSON(t *testing.T) {
	f := func(text string, readings, rejected int, wantErr bool) {
		t.Helper()
		src, err := ingest.OpenNDJSON("f", strings.NewReader(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		n, bad := 0, 0
		for {
			b, err := src.Read(t.Context())
			n, bad = n+len(b.Readings), bad+len(b.Rejected)
			if err != nil {
				if (err != io.EOF) != wantErr {
					t.Errorf("%.40q: error %v", text, err)
				}
				break
			}
		}
		if n != readings || bad != rejected {
			t.Errorf("%.40q: %d readings, %d rejected, want %d, %d", text, n, bad, readings, rejected)
		}
	}
	a, b := line("m1", start, 1), line("m2", start, 2)
	f("", 0, 0, false)
	f(a, 1, 0, false)
	f("\ufeff"+a+"\r\n\r\n"+b+"\r\n", 2, 0, false)
	f("["+a+",\n"+b+"]", 2, 0, false)
	f(" \n\t[]", 0, 0, false)
	f("["+a+","+a[:20], 1, 1, false)
	f("["+strings.Repeat(a+",", 200_000)+a+"]", 0, 0, true) // larger than a body may be
	f("{}\n[]\n17\n"+a, 1, 2, false)
	f(strings.Repeat(" ", 1<<20)+a, 1, 0, false)
	f(strings.Repeat(a+"\n", 10_000), 10_000, 0, false)
}

// A register gives the length that a reading leaves out, and rejects strangers by line.
func TestNDJSONWithARegister(t *testing.T) {
	known := wire.Registered([]flatwatt.Meter{{ID: "m1", Interval: 30 * time.Minute}})
	text := `{"meter_id":"m1","start":"2026-03-01T00:00:00Z","energy_kwh":1}` + "\n" + line("m2", start, 1)
	src, err := ingest.OpenNDJSON("f", strings.NewReader(text), known)
	if err != nil {
		t.Fatal(err)
	}
	b, err := src.Read(t.Context())
	if err != nil || len(b.Readings) != 1 || b.Readings[0].Length != 30*time.Minute || len(b.Rejected) != 1 || b.Rejected[0].Where != "f:2" || b.Rejected[0].Field != "meter_id" {
		t.Errorf("%+v, error %v", b, err)
	}
}

func FuzzNDJSON(f *testing.F) {
	f.Add("[" + line("m1", start, 1) + "]")
	f.Add(line("m1", start, 1) + "\n" + line("m2", start, 1e300))
	f.Add("\ufeff{\"meter_id\":\"a\\u0000b\"}")
	f.Fuzz(func(t *testing.T, text string) {
		src, err := ingest.OpenNDJSON("f", strings.NewReader(text), nil)
		if err != nil {
			return
		}
		last := flatwatt.Position(0)
		for range len(text) + 2 {
			b, err := src.Read(context.Background())
			if err != nil {
				return
			}
			if b.Next < last {
				t.Fatalf("position went back to %d", b.Next)
			}
			last = b.Next
			for _, r := range b.Rejected {
				if r.Reason == "" || r.Where == "" {
					t.Fatalf("%+v", r)
				}
			}
		}
		t.Fatal("does not end")
	})
}
