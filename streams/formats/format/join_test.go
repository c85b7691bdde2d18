package format_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// joined gives what a joiner makes of values.
func joined(t *testing.T, opt format.Options, add func(j *format.Joiner, tally *format.Tally)) (string, format.Tally) {
	t.Helper()
	tally := &format.Tally{}
	j := format.NewJoiner(opt, 0)
	added := false
	src := format.NewSource(&format.Input{Name: "f", Tally: tally}, opt, func(o *format.Out) error {
		if !added {
			add(j, tally)
			added = true
			j.Drain(o)
			return nil
		}
		if j.Flush(o) {
			return io.EOF
		}
		return nil
	})
	var s strings.Builder
	for {
		b, err := src.Read(context.Background())
		for _, r := range b.Readings {
			fmt.Fprintf(&s, "%s@%d+%v:%g/%g/%g%d ", r.Meter, r.Start.Unix()/900, r.Length.Minutes(), r.Energy, r.Reactive, r.Voltage, r.Quality)
		}
		for _, r := range b.Rejected {
			fmt.Fprintf(&s, "!%s ", r.Field)
		}
		if err == io.EOF {
			return strings.TrimSpace(s.String()), *tally
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

const base = 1768435200 // a midnight

func TestChannelsAreJoined(t *testing.T) {
	type channel struct {
		quantity format.Quantity
		rank     uint8
		length   int64
		values   []float64
	}
	nan := math.NaN()
	start := base / 900
	at := func(i int) int { return start + i }
	for _, x := range []struct {
		name string
		of   []channel
		want string
	}{
		{"import less export, with the rest", []channel{{format.Import, 0, 900, []float64{5, 6}}, {format.Export, 0, 900, []float64{1, 0}}, {format.ReactiveImport, 0, 900, []float64{3, nan}}, {format.ReactiveExport, 0, 900, []float64{1, 1}}, {format.Voltage, 0, 900, []float64{230, 231}}},
			fmt.Sprintf("7@%d+15:4/2/2300 7@%d+15:6/NaN/2310", at(0), at(1))},
		{"a total makes phases superfluous", []channel{{format.Import, format.RankPhase, 900, []float64{1}}, {format.Import, format.RankPhase, 900, []float64{2}}, {format.Import, 0, 900, []float64{9}}}, fmt.Sprintf("7@%d+15:9/NaN/NaN0", at(0))},
		{"phases alone are added up", []channel{{format.Import, format.RankPhase, 900, []float64{1}}, {format.Import, format.RankPhase, 900, []float64{2}}}, fmt.Sprintf("7@%d+15:3/NaN/NaN0", at(0))},
		{"of one phase too few", []channel{{format.Import, format.RankPhase, 900, []float64{1, 1}}, {format.Import, format.RankPhase, 900, []float64{2, nan}}}, fmt.Sprintf("7@%d+15:3/NaN/NaN0 !energy_kwh", at(0))},
		{"net has export in it", []channel{{format.Import, format.RankNet, 900, []float64{4}}, {format.Export, 0, 900, []float64{1}}}, fmt.Sprintf("7@%d+15:4/NaN/NaN0", at(0))},
		{"forward and reverse rather than net", []channel{{format.Import, format.RankNet, 900, []float64{4}}, {format.Import, 0, 900, []float64{6}}, {format.Export, 0, 900, []float64{1}}}, fmt.Sprintf("7@%d+15:5/NaN/NaN0", at(0))},
		{"registers beside intervals", []channel{{format.Import, format.RankRegister, 900, []float64{4}}, {format.Import, 0, 900, []float64{6}}}, fmt.Sprintf("7@%d+15:6/NaN/NaN0", at(0))},
		{"registers of another length", []channel{{format.Import, format.RankRegister, 3600, []float64{24}}, {format.Import, 0, 900, []float64{6}}}, fmt.Sprintf("7@%d+15:6/NaN/NaN0", at(0))},
		{"the same, later", []channel{{format.Import, 0, 900, []float64{6}}, {format.Import, format.RankRegister, 3600, []float64{24}}}, fmt.Sprintf("7@%d+15:6/NaN/NaN0", at(0))},
		{"registers of export beside intervals, to the last of which they say nothing", []channel{{format.Import, 0, 900, []float64{-1, -1}}, {format.Import, format.RankRegister, 900, []float64{0}}, {format.Export, format.RankRegister, 900, []float64{1}}}, fmt.Sprintf("7@%d+15:-1/NaN/NaN0 7@%d+15:-1/NaN/NaN0", at(0), at(1))},
		{"registers of export, of another length", []channel{{format.Import, 0, 900, []float64{-1}}, {format.Export, format.RankRegister, 3600, []float64{4}}}, fmt.Sprintf("7@%d+15:-1/NaN/NaN0", at(0))},
		{"intervals of export beside a register", []channel{{format.Import, format.RankRegister, 900, []float64{3}}, {format.Export, 0, 900, []float64{1}}}, fmt.Sprintf("7@%d+15:2/NaN/NaN0", at(0))},
		{"voltage alone is no reading", []channel{{format.Voltage, 0, 900, []float64{230}}}, ""},
		{"voltage of another length beside it", []channel{{format.Voltage, 0, 3600, []float64{230}}, {format.Import, format.RankRegister, 900, []float64{1}}}, fmt.Sprintf("7@%d+15:1/NaN/NaN0", at(0))},
	} {
		got, _ := joined(t, format.Options{}, func(j *format.Joiner, tally *format.Tally) {
			for i, c := range x.of {
				j.Add(tally, "7", format.Channel{Name: fmt.Sprint(i), Quantity: c.quantity, Rank: c.rank}, &format.Values{Start: base, Length: c.length, V: c.values})
			}
		})
		if got != x.want {
			t.Errorf("%s: got %s, want %s", x.name, got, x.want)
		}
	}
}

func TestTheLaterVersionStays(t *testing.T) {
	add := func(j *format.Joiner, tally *format.Tally, v float64, version int64, q flatwatt.Quality) {
		j.Add(tally, "7", format.Channel{}, &format.Values{Start: base, Length: 900, V: []float64{v}, Version: version, All: q})
	}
	got, tally := joined(t, format.Options{}, func(j *format.Joiner, tally *format.Tally) {
		add(j, tally, 1, 2, flatwatt.Actual)
		add(j, tally, 2, 5, flatwatt.Edited)
		add(j, tally, 3, 4, flatwatt.Actual)
		add(j, tally, 2, 5, flatwatt.Edited)
	})
	if want := fmt.Sprintf("7@%d+15:2/NaN/NaN2", base/900); got != want || tally.Corrections != 2 || tally.Duplicates != 1 {
		t.Errorf("%s, %+v", got, tally)
	}
}

// What is held is bounded: the oldest day goes out, and what comes for it later is a
// second reading, which those who store readings know how to take.
func TestTheWindowIsBounded(t *testing.T) {
	got, _ := joined(t, format.Options{Window: 100}, func(j *format.Joiner, tally *format.Tally) {
		for day := range int64(3) {
			j.Add(tally, "7", format.Channel{}, &format.Values{Start: base + day*86400, Length: 3600, V: []float64{1}})
		}
	})
	if n := len(strings.Fields(got)); n != 3 {
		t.Errorf("%d readings: %s", n, got)
	}
}
