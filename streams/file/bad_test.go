package file

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/flatwatt/flatwatt"
)

const twoMeters = "meter_id,timezone,interval_minutes\nm1,UTC,15\nm2,UTC,15\n"

// fleetOf writes a fleet directory: name → content; names without a slash are in dir.
func fleetOf(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "readings"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// day is n quarter-hours of m1 from midnight of 2026-01-01 on, as CSV without a header.
func day(n int) string {
	var b strings.Builder
	for i := range n {
		at := time.Date(2026, 1, 1, 0, 15*i, 0, 0, time.UTC)
		fmt.Fprintf(&b, "m1,%s,%d.5\n", at.Format(time.RFC3339), i)
	}
	return b.String()
}

const header = "meter_id,start,energy_kwh\n"

// wantReject checks that exactly one piece was rejected, as told: where it ends with
// where, has field, and its reason contains reason.
func wantReject(t *testing.T, f *Fleet, where, field, reason string) {
	t.Helper()
	r := f.Rejects()
	if len(r) != 1 {
		t.Fatalf("rejects %+v, want one", r)
	}
	if r[0].Where != where || r[0].Field != field || !strings.Contains(r[0].Reason, reason) {
		t.Errorf("rejected %s: %q: %s\nwant %s: %q: … %s …", r[0].Where, r[0].Field, r[0].Reason, where, field, reason)
	}
}

// TestABadRowCostsThatRowOnly puts each kind of bad row between good ones.
func TestABadRowCostsThatRowOnly(t *testing.T) {
	full := "meter_id,start,energy_kwh,reactive_kvarh,voltage_v,quality\n"
	var good strings.Builder
	for line := range strings.Lines(day(96)) {
		good.WriteString(strings.TrimSpace(line) + ",,,\n")
	}
	bad := func(name, row, field, reason string) {
		t.Run(name, func(t *testing.T) {
			dir := fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": full + "m2,2026-01-01T00:00:00Z,1,,,\n" + row + "\n" + good.String()})
			f := load(t, dir, Options{})
			wantReject(t, f, "readings/a.csv:3", field, reason)
			if s := f.Stats(); s.Readings != 97 || s.Rejected != 1 || s.Rows != 98 {
				t.Errorf("something else was lost: %+v", s)
			}
			if raw := string(f.Rejects()[0].Raw); raw != row[:min(len(row), MaxLineBytes)] && len(row) < MaxLineBytes {
				t.Errorf("raw %q, want %q", raw, row)
			}
		})
	}
	bad("NaN", "m2,2026-01-01T00:15:00Z,NaN,,,", "energy_kwh", "leave the field empty")
	bad("Inf", "m2,2026-01-01T00:15:00Z,Inf,,,", "energy_kwh", "check the unit")
	bad("minus Inf", "m2,2026-01-01T00:15:00Z,-inf,,,", "energy_kwh", "check the unit")
	bad("overflow", "m2,2026-01-01T00:15:00Z,1e999,,,", "energy_kwh", "check the unit")
	bad("text", "m2,2026-01-01T00:15:00Z,twelve,,,", "energy_kwh", "not a number")
	bad("hexadecimal", "m2,2026-01-01T00:15:00Z,0x1p-2,,,", "energy_kwh", "not a number")
	bad("decimal comma", "m2,2026-01-01T00:15:00Z,1,5,,,", "", "decimal comma")
	bad("reactive", "m2,2026-01-01T00:15:00Z,1,NaN,,", "reactive_kvarh", "not a number")
	bad("voltage", "m2,2026-01-01T00:15:00Z,1,,-3,", "voltage_v", "not between")
	bad("quality", "m2,2026-01-01T00:15:00Z,1,,,guessed", "quality", "not actual, estimated or edited")
	bad("unknown meter", "m3,2026-01-01T00:15:00Z,1,,,", "meter_id", `meter "m3" is not in meters.csv`)
	bad("no meter", ",2026-01-01T00:15:00Z,1,,,", "meter_id", "is empty")
	bad("1970", "m2,1970-01-01T00:15:00Z,1,,,", "start", "clock is wrong")
	bad("2101", "m2,2101-01-01T00:15:00Z,1,,,", "start", "clock is wrong")
	bad("no zone", "m2,2026-01-01T00:15:00,1,,,", "start", "RFC 3339")
	bad("31 February", "m2,2026-02-31T00:15:00Z,1,,,", "start", "RFC 3339")
	bad("between minutes", "m2,2026-01-01T00:15:20Z,1,,,", "start", "off a full minute")
	bad("NUL", "m2,2026-01-01T00:15:00Z,\x001,,,", "energy_kwh", "NUL bytes")
	bad("NUL in meter", "m2\x00,2026-01-01T00:15:00Z,1,,,", "meter_id", "NUL bytes")
	bad("NUL line", strings.Repeat("\x00", 50), "", "NUL bytes")
	bad("short", "m2,2026-01-01T00", "", "has 2 fields")
	bad("long line", "m2,2026-01-01T00:15:00Z,1,,,"+strings.Repeat("x", MaxLineBytes), "", "longer than")
}

func TestALineOfManyMegabytesIsSkippedWithoutBeingHeld(t *testing.T) {
	long := strings.Repeat("z", 5*pieceBytes+17)
	dir := fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": header + day(10) + long + "\nm2,2026-01-01T00:00:00Z,1\n"})
	f := load(t, dir, Options{})
	wantReject(t, f, "readings/a.csv:12", "", "longer than")
	if s := f.Stats(); s.Readings != 11 {
		t.Errorf("%+v", s)
	}
	if n := len(f.Rejects()[0].Raw); n > flatwatt.MaxRejectedBytes {
		t.Errorf("%d bytes of the line were kept", n)
	}
}

// TestOddButGoodFiles are spellings that are taken.
func TestOddButGoodFiles(t *testing.T) {
	good := func(name, content string) {
		t.Run(name, func(t *testing.T) {
			f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": content}), Options{})
			s, ok := f.Series("m1")
			if !ok || len(f.Rejects()) > 0 || f.Stats().Readings != 2 || s.Energy[0] != 0.5 || s.Energy[1] != 1.5 {
				t.Errorf("%+v, rejects %+v, %+v", s, f.Rejects(), f.Stats())
			}
		})
	}
	good("plain", header+day(2))
	good("byte order mark", "\ufeff"+header+day(2))
	good("CRLF", strings.ReplaceAll(header+day(2), "\n", "\r\n"))
	good("no line break at the end", strings.TrimSuffix(header+day(2), "\n"))
	good("blank lines", "\n"+header+"\n"+day(2)+"\n\n")
	good("quoted", "\"meter_id\",start,\"energy_kwh\"\n\"m1\",\"2026-01-01T00:00:00Z\",0.5\nm1,2026-01-01T00:15:00Z,\"1.5\"\n")
	good("blanks", "meter_id, start, energy_kwh\nm1, 2026-01-01T00:00:00Z, 0.5\nm1 ,2026-01-01T00:15:00Z,1.5 \n")
	good("other columns and order", "energy_kwh,note,START,meter_id\n.5,x,2026-01-01T00:00:00Z,m1\n1.5,\"a,b\",2026-01-01T00:15:00Z,m1\n")
	good("offsets", header+"m1,2026-01-01T08:00:00+08:00,5e-1\nm1,2025-12-31 18:45:00.000-05:30,1.5\n")
	good("few seconds off", header+"m1,2025-12-31T23:59:57Z,0.5\nm1,2026-01-01T00:15:05Z,1.5\n")
	good("missing readings", header+day(2)+"m1,2026-01-01T00:30:00Z,\n")
}

// TestAFileThatCannotBeUsedCostsThatFileOnly has a good file behind the bad one.
func TestAFileThatCannotBeUsedCostsThatFileOnly(t *testing.T) {
	bad := func(name, file, content, where, field, reason string) {
		t.Run(name, func(t *testing.T) {
			f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/" + file: content, "readings/z.csv": header + day(3)}), Options{})
			wantReject(t, f, where, field, reason)
			if f.Stats().Readings != 3 {
				t.Errorf("%+v", f.Stats())
			}
		})
	}
	bad("missing column", "a.csv", "meter_id,start\nm1,2026-01-01T00:00:00Z\n", "readings/a.csv:1", "energy_kwh", "no column energy_kwh")
	bad("semicolons", "a.csv", "meter_id;start;energy_kwh\n", "readings/a.csv:1", "meter_id", "separated by commas")
	bad("column twice", "a.csv", "meter_id,start,energy_kwh,start\n", "readings/a.csv:1", "start", "twice")
	bad("empty", "a.csv", "", "readings/a.csv:1", "", "the file is empty")
	bad("only blank lines", "a.csv", "\n\n", "readings/a.csv:1", "", "the file is empty")
	bad("not gzip", "a.csv.gz", "meter_id,start,energy_kwh\n", "readings/a.csv.gz", "", "not a gzip file")
	bad("empty parquet", "a.parquet", "", "readings/a.parquet", "", "not a whole parquet file")
	bad("text as parquet", "a.parquet", strings.Repeat("PAR1 is not all ", 20), "readings/a.parquet", "", "not a whole parquet file")
	bad("long header", "a.csv", strings.Repeat("h", 3*pieceBytes), "readings/a.csv:1", "", "longer than")
}

func TestATruncatedGzipKeepsTheRowsBeforeTheCut(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	var text strings.Builder
	text.WriteString(header)
	for i := range 50_000 { // several pieces
		fmt.Fprintf(&text, "m1,%s,%d.125\n", time.Date(2020, 1, 1, 0, 15*i, 0, 0, time.UTC).Format(time.RFC3339), i%977)
	}
	w.Write([]byte(text.String()))
	w.Close()
	for _, share := range []float64{0.2, 0.7, 1} {
		cutAt := int(share*float64(z.Len())) - 9 // at 1: only the checksum is cut
		f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv.gz": z.String()[:cutAt], "readings/b.csv": header + "m2,2026-01-01T00:00:00Z,1\n"}), Options{})
		s := f.Stats()
		// gzip gives out what it has decoded, at least up to the block before the cut.
		if low := int64((share - 0.15) * 50_000); s.Readings < low || s.Readings > 50_001 {
			t.Errorf("cut at %.0f %%: %d readings kept", 100*share, s.Readings)
		}
		wantReject(t, f, fmt.Sprintf("readings/a.csv.gz:%d", s.Readings-1+2), "", "cut off or damaged")
		if _, ok := f.Series("m2"); !ok {
			t.Error("the next file was not read")
		}
	}
}

func TestBadRegister(t *testing.T) {
	bad := func(name, rows, where, field, reason string) {
		t.Run(name, func(t *testing.T) {
			reg := "meter_id,parent,kind,timezone,interval_minutes,contracted_kw\nm1,,,UTC,15,\n" + rows + "\nm2,,,UTC,15,\n"
			f, err := Open(fleetOf(t, map[string]string{"meters.csv": reg}), Options{})
			if err != nil {
				t.Fatal(err)
			}
			wantReject(t, f, where, field, reason)
			if len(f.Meters()) != 2 {
				t.Errorf("meters %+v", f.Meters())
			}
		})
	}
	bad("duplicate", "m1,,,UTC,30,", "meters.csv:3", "meter_id", "already in line 2")
	bad("no id", ",,,UTC,15,", "meters.csv:3", "meter_id", "is empty")
	bad("timezone", "m3,,,Europe/Atlantis,15,", "meters.csv:3", "timezone", "IANA")
	bad("no timezone", "m3,,,,15,", "meters.csv:3", "timezone", "IANA")
	bad("machine's timezone", "m3,,,Local,15,", "meters.csv:3", "timezone", "IANA")
	bad("negative interval", "m3,,,UTC,-15,", "meters.csv:3", "interval_minutes", "-15 is not")
	bad("interval zero", "m3,,,UTC,0,", "meters.csv:3", "interval_minutes", "0 is not")
	bad("odd interval", "m3,,,UTC,7,", "meters.csv:3", "interval_minutes", "7 is not")
	bad("interval text", "m3,,,UTC,hourly,", "meters.csv:3", "interval_minutes", "not a finite number")
	bad("kind", "m3,,house,UTC,15,", "meters.csv:3", "kind", "is not customer")
	bad("own parent", "m3,m3,,UTC,15,", "meters.csv:3", "parent", "own parent")
	bad("contracted", "m3,,,UTC,15,NaN", "meters.csv:3", "contracted_kw", "not a finite number")
	bad("negative contract", "m3,,,UTC,15,-1", "meters.csv:3", "contracted_kw", "negative")
	bad("fields", "m3,,UTC", "meters.csv:3", "", "has 3 fields")
	bad("NUL", "m3,,\x00,UTC,15,", "meters.csv:3", "", "NUL")
	bad("long line", strings.Repeat("m", 3*MaxLineBytes), "meters.csv:3", "", "longer than")
}

func TestReadingsOfARefusedMeterSayWhy(t *testing.T) {
	reg := "meter_id,timezone\nm1,UTC\nm2,Europe/Atlantis\n"
	f := load(t, fleetOf(t, map[string]string{"meters.csv": reg, "readings/a.csv": header + day(2) + "m2,2026-01-01T00:00:00Z,1\n"}), Options{})
	if n := f.Stats().RejectedByReason["refused meter"]; n != 1 {
		t.Errorf("%+v", f.Stats())
	}
}

// TestErrors are the cases in which nothing can be done.
func TestErrors(t *testing.T) {
	fails := func(name string, files map[string]string, want string) {
		t.Run(name, func(t *testing.T) {
			f, err := Open(fleetOf(t, files), Options{})
			if err == nil {
				err = f.Load(context.Background(), nil)
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want … %s …", err, want)
			}
		})
	}
	fails("no register", nil, "needs meters.csv")
	fails("empty register", map[string]string{"meters.csv": ""}, "the first line must name the columns")
	fails("register without a column", map[string]string{"meters.csv": "id,timezone\n"}, `column "meter_id" is missing`)
	fails("register without rows", map[string]string{"meters.csv": "meter_id,timezone\n"}, "no rows")
	fails("register all bad", map[string]string{"meters.csv": "meter_id,timezone\nm,Mars\n"}, "IANA")
	fails("column twice", map[string]string{"meters.csv": "meter_id,timezone,meter_id\n"}, "twice")
	fails("no readings", map[string]string{"meters.csv": twoMeters}, "none that could be taken")
	fails("all bad", map[string]string{"meters.csv": twoMeters, "readings/a.csv": header + "m9,2026-01-01T00:00:00Z,1\n"}, "add it there")
	fails("weather without a column", map[string]string{"meters.csv": twoMeters, "weather.csv": "region,start\n"}, `column "temperature_c" is missing`)
	fails("truth without a column", map[string]string{"meters.csv": twoMeters, "truth.csv": "meter_id\n"}, `column "label" is missing`)
	if f, err := Open(t.TempDir(), Options{}); err == nil {
		t.Errorf("an empty directory opens: %+v", f)
	}
}

func TestLoadStopsWhenCancelled(t *testing.T) {
	f, err := Open(fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": header + day(9)}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.Load(ctx, nil); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("error %v", err)
	}
}

func TestRejectsAreBoundedAndCounted(t *testing.T) {
	rows := strings.Repeat("m9,2026-01-01T00:00:00Z,1\n", 200_000)
	f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": header + rows + day(1)}), Options{MaxRejects: 7})
	if r := f.Rejects(); len(r) != 7 || r[6].Where != "readings/a.csv:8" {
		t.Errorf("%d kept: %+v", len(r), r)
	}
	if s := f.Stats(); s.Rejected != 200_000 || s.RejectedByReason["unknown meter"] != 200_000 {
		t.Errorf("%+v", s)
	}
}

func TestParents(t *testing.T) {
	reg := "meter_id,parent,timezone\na,tx,UTC\nb,gone,UTC\ntx,fd,UTC\nfd,,UTC\nx,z,UTC\ny,x,UTC\nz,y,UTC\nw,y,UTC\n"
	f, err := Open(fleetOf(t, map[string]string{"meters.csv": reg}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var parents []string
	for _, m := range f.Meters() {
		parents = append(parents, string(m.ID+"<"+m.Parent))
	}
	if got := strings.Join(parents, " "); got != "a<tx b<gone fd< tx<fd w<y x< y<x z<y" {
		t.Errorf("parents %s", got)
	}
	if n := f.Notes(); len(n) != 2 || n[0].Meter != "b" || n[1].Meter != "x" {
		t.Errorf("notes %+v", n)
	}
}

func TestAFleetIsLoadedOnce(t *testing.T) {
	f := load(t, fleetOf(t, map[string]string{"meters.csv": twoMeters, "readings/a.csv": header + day(9)}), Options{})
	if err := f.Load(context.Background(), nil); err == nil || f.Stats().Readings != 9 {
		t.Errorf("error %v, %+v", err, f.Stats())
	}
}

func TestProgressEndsAtTheTotal(t *testing.T) {
	reg, text := readingsText(60_000, 1000, true)
	dir := fleetOf(t, map[string]string{"meters.csv": reg, "readings/a.csv": text, "readings/b.csv": "", "readings/c.csv.gz": "no"})
	f, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var last, calls int64
	err = f.Load(context.Background(), func(done, total int64) {
		if done < last || done > total || total != int64(len(text)+2) {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
		calls++
	})
	if err != nil || last != int64(len(text)+2) || calls < 3 {
		t.Errorf("%v: ended at %d of %d after %d calls", err, last, len(text)+2, calls)
	}
}

func TestARegisterFromASpreadsheet(t *testing.T) {
	reg := "\ufeff" + strings.ReplaceAll("Meter_ID, Timezone ,interval_minutes\nm1, UTC,15\n\nm2,UTC,15.0\n", "\n", "\r\n")
	f, err := Open(fleetOf(t, map[string]string{"meters.csv": reg}), Options{})
	if err != nil || len(f.Meters()) != 2 || len(f.Rejects()) > 0 || f.Meters()[1].Interval != 15*time.Minute {
		t.Errorf("%v: %+v, rejects %+v", err, f.Meters(), f.Rejects())
	}
}
