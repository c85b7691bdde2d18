package formats_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/flatwatt/flatwatt/streams/formats"
	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

// refusedCheaply reads what is to be refused, for the reason given, and says how much
// memory was asked for at most: an attack must not pay.
func refusedCheaply(t *testing.T, name string, r io.Reader, opt formats.Options, because string, mostMiB uint64) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	res := formattest.ReadFrom(t, name, r, opt)
	runtime.ReadMemStats(&after)
	if n := len(res.Rejected); n == 0 || !strings.Contains(res.Rejected[n-1].Reason, because) {
		t.Errorf("%s: rejected %.500v, want a reason with %q", name, res.Rejected, because)
	}
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > mostMiB {
		t.Errorf("%s: %d MiB were allocated, want at most %d", name, got, mostMiB)
	}
}

// endless gives one byte for ever.
type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

// blank is long lines of spaces, for ever.
type blank struct{}

func (blank) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	b[len(b)-1] = '\n'
	return len(b), nil
}

// packed is n bytes packed by gzip or zstd: some megabytes that stand for gigabytes.
func packed(t *testing.T, kind string, first string, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if kind == "zstd" {
		var err error
		if w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.Copy(w, io.MultiReader(strings.NewReader(first), io.LimitReader(blank{}, n))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const csvHead = "meter_id,start,energy_kwh\n7,2026-01-15T00:00Z,1\n7,2026-01-15T01:00Z,1\n"

func TestDecompressionBombsAreRefused(t *testing.T) {
	for _, kind := range []string{"gzip", "zstd"} {
		bomb := packed(t, kind, csvHead, 72<<20)
		refusedCheaply(t, kind, bytes.NewReader(bomb), formats.Options{}, "decompression bomb", 32)
		var z bytes.Buffer
		w := zip.NewWriter(&z)
		f, err := w.CreateHeader(&zip.FileHeader{Name: "a.csv." + kind, Method: zip.Store})
		if err == nil {
			_, err = f.Write(bomb)
		}
		if err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		refusedCheaply(t, kind+" in zip", bytes.NewReader(z.Bytes()), formats.Options{}, "decompression bomb", 32)
	}
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	f, err := w.Create("a.csv")
	if err == nil {
		_, err = io.Copy(f, io.MultiReader(strings.NewReader(csvHead), io.LimitReader(blank{}, 72<<20)))
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	refusedCheaply(t, "zip", bytes.NewReader(z.Bytes()), formats.Options{}, "decompression bomb", 32)
	limits := formats.Limits{ExpandedBytes: 1 << 20}
	refusedCheaply(t, "too large", bytes.NewReader(packed(t, "gzip", csvHead, 2<<20)), formats.Options{Limits: limits}, "expands to more than", 32)
}

func TestZipsOfZipsAndOfThousandsAreRefused(t *testing.T) {
	inner := zipped(t, map[string]string{"a.csv": csvHead})
	refusedCheaply(t, "nested", bytes.NewReader(zipped(t, map[string]string{"in.zip": string(inner)})), formats.Options{}, "another zip", 8)
	many := map[string]string{}
	for i := range 30 {
		many[fmt.Sprintf("%02d.csv", i)] = csvHead
	}
	refusedCheaply(t, "many", bytes.NewReader(zipped(t, many)), formats.Options{Limits: formats.Limits{Members: 20}}, "the limit is 20", 8)
	refusedCheaply(t, "streamed", io.MultiReader(bytes.NewReader(inner), io.LimitReader(endless(0), 1<<20)), formats.Options{Limits: formats.Limits{SpoolBytes: 1 << 18}}, "must be files on disk", 8)
	refusedCheaply(t, "cut off", bytes.NewReader(inner[:len(inner)-30]), formats.Options{}, "damaged or cut off", 8)
}

func TestXMLTricksAreRefused(t *testing.T) {
	feed := `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi">`
	laughs := `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>`
	for _, format := range []string{"espi", "cim"} {
		opt := formats.Options{Format: format}
		for _, x := range []struct{ name, text, because string }{
			{"billion laughs", laughs + feed + "<id>&lol2;</id></feed>", "document type"},
			{"external entity", `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>` + feed + "<id>&f;</id></feed>", "document type"},
			{"unknown entity", feed + "<id>&f;</id></feed>", "malformed"},
			{"deep", feed + strings.Repeat("<a>", 10_000), "nested deeper than"},
			{"an endless tag", feed + "<" + strings.Repeat("a", 2<<20), "longer than"},
			{"an endless text", feed + "<id>" + strings.Repeat("a", 2<<20), "longer than"},
			{"an endless attribute", feed + `<id x="` + strings.Repeat("a", 2<<20), "longer than"},
			{"thousands of attributes", feed + "<id" + strings.Repeat(` x="1"`, 5000) + "/>", "attributes"},
			{"crossed", feed + "<id><x></id></x></feed>", "closes nothing"},
			{"not UTF-8 as declared", `<?xml version="1.0" encoding="UTF-7"?>` + feed + "\xff\xfe<id", "malformed"},
		} {
			t.Run(format+" "+x.name, func(t *testing.T) {
				o := opt
				o.Encoding = "utf-8"
				refusedCheaply(t, "f", strings.NewReader(x.text), o, x.because, 24)
			})
		}
	}
}

// A line or field that has no end costs itself and a bounded memory; the lines after it
// are read.
func TestHugeLinesAndFields(t *testing.T) {
	huge := strings.Repeat("9", 3<<20)
	for _, x := range []struct {
		format, before, after string
		n                     int
	}{
		{"csv", csvHead, "7,2026-01-15T02:00Z,1\n", 3},
		{"nem12", "100,NEM12,x\n200,7,E1,,E1,N1,M,kWh,60,\n", "300,20260115" + strings.Repeat(",1", 24) + ",A,,,,\n900\n", 24},
		{"cmep", "", "MEPMD01,1,U,,E,,202601160000,7,OK,E,KWH,1,00000015,1,202601150015,R,1\n", 1},
		{"sgcc", "ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG" + formattest.Columns("P", 24) + "\n", "7,2026-01-15,1,3" + strings.Repeat(",1", 24) + "\n", 24},
		{"lineprotocol", "reading,meter=7 energy_kwh=1,length_s=900i 1768435200000000000\n", "reading,meter=7 energy_kwh=1,length_s=900i 1768436100000000000\n", 2},
	} {
		t.Run(x.format, func(t *testing.T) {
			for _, line := range []string{huge, "\"" + huge, "7," + huge, huge + ",7\"", strings.Repeat(",", 3<<20)} {
				r := formattest.ReadFrom(t, "f", strings.NewReader(x.before+line+"\n"+x.after), formats.Options{Format: x.format})
				if len(r.Readings) != x.n || len(r.Rejected) != 1 || !strings.Contains(r.Rejected[0].Reason, "longer than") {
					t.Errorf("%.9s…: %d readings, rejected %.300v", line, len(r.Readings), r.Rejected)
				}
			}
			refusedCheaply(t, "f", io.MultiReader(strings.NewReader(x.before), io.LimitReader(endless('9'), 24<<20)), formats.Options{Format: x.format}, "", 24)
		})
	}
	refusedCheaply(t, "f", io.MultiReader(strings.NewReader(`{"mpId":"7","density":"3","data":"`), io.LimitReader(endless('9'), 24<<20)), formats.Options{Format: "sgcc"}, "longer than", 24)
}

// Files of a few hundred bytes whose lengths claim gigabytes.
func TestParquetThatClaimsTooMuch(t *testing.T) {
	good := parquetFile(t, 1, 10)
	footer := append([]byte(nil), good...)
	binary.LittleEndian.PutUint32(footer[len(footer)-8:], 1<<31)
	refusedCheaply(t, "footer", bytes.NewReader(footer), formats.Options{}, "claims", 8)
	// A list of 2^28 elements where the schema was.
	list := append([]byte("PAR1"), 0x15, 2, 0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 1, 0)
	list = append(binary.LittleEndian.AppendUint32(list, uint32(len(list)-4)), "PAR1"...)
	refusedCheaply(t, "list", bytes.NewReader(list), formats.Options{}, "describes too much", 8)
}

// A file of a zip that cannot be read costs itself, also where it is the first.
func TestADamagedFileOfAZipCostsItself(t *testing.T) {
	good := "meter_id,start,energy_kwh\n7,2026-01-15 00:00,1\n7,2026-01-15 00:30,1\n"
	for _, empty := range []string{"a.csv", "c.csv"} {
		r := formattest.Read(t, "d.zip", zipped(t, map[string]string{empty: "", "b.csv": good}), formats.Options{})
		if len(r.Readings) != 2 || len(r.Rejected) != 1 || r.Rejected[0].Where != "d.zip/"+empty+":1" {
			t.Errorf("%s empty: %s", empty, r)
		}
	}
}
