package detectors

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

var shanghai = mustZone("Asia/Shanghai")

func mustZone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return z
}

// home simulates a quiet home in 15-minute readings: a base of 0.2 kW, a fridge that
// cycles, and evenings.
func home(id flatwatt.MeterID, start time.Time, days int, seed uint64, block func(t time.Time) float64) []flatwatt.Reading {
	rng := rand.New(rand.NewPCG(seed, 1))
	var out []flatwatt.Reading
	for i := range days * 96 {
		t := start.Add(time.Duration(i) * 15 * time.Minute)
		kw := 0.2 + 0.02*rng.NormFloat64()
		if (i/3)%3 == 0 {
			kw += 0.1
		}
		if h := t.In(shanghai).Hour(); h >= 18 && h < 22 {
			kw += rng.ExpFloat64() * 0.8
		}
		if block != nil {
			kw += block(t) * (1 + 0.004*rng.NormFloat64())
		}
		out = append(out, flatwatt.Reading{
			Meter: id, Start: t, Length: 15 * time.Minute, Energy: flatwatt.KWh(max(0, kw) / 4),
			Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN()),
		})
	}
	return out
}

func testMeters(ids ...flatwatt.MeterID) (m []flatwatt.Meter) {
	for _, id := range ids {
		m = append(m, flatwatt.Meter{ID: id, Kind: flatwatt.Customer, Class: "residential", Zone: shanghai, Interval: 15 * time.Minute})
	}
	return m
}

func newTestFleet(t testing.TB, ids ...flatwatt.MeterID) *Fleet {
	t.Helper()
	f, err := NewFleet(DefaultParams(), testMeters(ids...), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var march = time.Date(2026, 3, 1, 0, 0, 0, 0, shanghai).UTC()

func TestMinerIsFoundAndHomeIsNot(t *testing.T) {
	onset := march.Add(20*24*time.Hour + 13*time.Hour + 30*time.Minute)
	f := newTestFleet(t, "miner", "home")
	readings := append(home("home", march, 40, 1, nil), home("miner", march, 40, 2, func(at time.Time) float64 {
		if at.Before(onset) {
			return 0
		}
		return 3.3
	})...)
	sortReadings(readings)
	scores := f.Close(f.Score(nil, readings))
	last := map[flatwatt.MeterID]flatwatt.Score{}
	for _, s := range scores {
		last[s.Meter] = s
	}
	miner, other := last["miner"], last["home"]
	if !(miner.Probability > 0.5) || !(other.Probability < 0.05) {
		t.Errorf("probabilities: miner %.3f, home %.3f; evidence %v", miner.Probability, other.Probability, miner.Evidence)
	}
	if math.Abs(miner.Block.Value-3.3) > 0.1 {
		t.Errorf("block is %.3f kW, want 3.3 within 3 %%", miner.Block.Value)
	}
	if e := miner.Onset.At.Sub(onset).Abs(); e > 15*time.Minute {
		t.Errorf("onset is %v, want %v within an interval", miner.Onset.At, onset)
	}
}

// A partition that is taken over gets its fleet while others score by the same model.
func TestFleetsAreBuiltWhileOthersScore(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, mustZone("Asia/Shanghai"))
	readings := home("a", start, 20, 1, func(time.Time) float64 { return 0 })
	params := DefaultParams()
	scoring, err := NewFleet(params, testMeters("a"), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	built := make(chan error)
	go func() {
		var errs []error
		for range 50 {
			_, err := NewFleet(params, testMeters("b"), nil, Options{})
			errs = append(errs, err)
		}
		built <- errors.Join(errs...)
	}()
	scoring.Close(scoring.Score(nil, readings)) // with -race, or by the runtime: no concurrent map access
	if err := <-built; err != nil {
		t.Fatal(err)
	}
}

func sortReadings(r []flatwatt.Reading) {
	// stable by start: meters interleave as on a stream
	for i := 1; i < len(r); i++ {
		if r[i].Start.Before(r[i-1].Start) {
			mergeSort(r)
			return
		}
	}
}

func mergeSort(r []flatwatt.Reading) {
	if len(r) < 2 {
		return
	}
	mid := len(r) / 2
	mergeSort(r[:mid])
	mergeSort(r[mid:])
	out := make([]flatwatt.Reading, 0, len(r))
	i, j := 0, mid
	for i < mid || j < len(r) {
		if j == len(r) || (i < mid && !r[j].Start.Before(r[i].Start)) {
			out, i = append(out, r[i]), i+1
		} else {
			out, j = append(out, r[j]), j+1
		}
	}
	copy(r, out)
}

func TestOrderAndRepeatsWithinTheDayPlayNoPart(t *testing.T) {
	readings := append(home("a", march, 12, 1, nil), home("b", march, 12, 2, nil)...)
	sortReadings(readings)
	want := clone(newTestFleetRun(t, readings))
	rng := rand.New(rand.NewPCG(7, 7))
	var mixed []flatwatt.Reading
	for lo := 0; lo < len(readings); lo += 40 { // 40 readings of two meters: 5 hours, within the grace
		part := append([]flatwatt.Reading(nil), readings[lo:min(lo+40, len(readings))]...)
		part = append(part, part[:len(part)/3]...)
		rng.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
		mixed = append(mixed, part...)
	}
	if got := clone(newTestFleetRun(t, mixed)); !sameScores(got, want) {
		t.Error("shuffled and repeated readings give other scores")
	}
}

func newTestFleetRun(t *testing.T, readings []flatwatt.Reading) []flatwatt.Score {
	f := newTestFleet(t, "a", "b")
	return f.Close(f.Score(nil, readings))
}

// clone copies scores whose evidence lives in a fleet's arena.
func clone(s []flatwatt.Score) []flatwatt.Score {
	out := append([]flatwatt.Score(nil), s...)
	for i := range out {
		out[i].Evidence = append([]flatwatt.Evidence(nil), out[i].Evidence...)
	}
	return out
}

// sameScores compares to the bit, NaN equal to NaN.
func sameScores(a, b []flatwatt.Score) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameValue(reflect.ValueOf(a[i]), reflect.ValueOf(b[i])) {
			return false
		}
	}
	return true
}

func sameValue(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float()) || (math.IsNaN(a.Float()) && math.IsNaN(b.Float()))
	case reflect.Struct:
		if at, ok := a.Interface().(time.Time); ok {
			return at.Equal(b.Interface().(time.Time))
		}
		for i := range a.NumField() {
			if !sameValue(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !sameValue(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	default:
		return a.Equal(b)
	}
}

func TestStateRestoresToTheBit(t *testing.T) {
	readings := append(home("a", march, 30, 1, nil), home("b", march, 30, 2, func(at time.Time) float64 { return 2 })...)
	sortReadings(readings)
	whole := newTestFleet(t, "a", "b")
	want := clone(whole.Score(nil, readings))
	for _, cut := range []int{1, 500, 1003, 2880, 4000} {
		first := newTestFleet(t, "a", "b")
		got := clone(first.Score(nil, readings[:cut]))
		state, err := first.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(state) != first.StateSize() {
			t.Errorf("cut %d: %d bytes, told %d", cut, len(state), first.StateSize())
		}
		second := newTestFleet(t, "a", "b")
		if err := second.UnmarshalBinary(state); err != nil {
			t.Fatal(err)
		}
		again, _ := second.AppendBinary(nil)
		if !bytes.Equal(state, again) {
			t.Errorf("cut %d: state changes when restored", cut)
		}
		got = append(got, clone(second.Score(nil, readings[cut:]))...)
		if !sameScores(got, want) {
			t.Errorf("cut %d: scores differ after a restore", cut)
		}
		if err := second.UnmarshalBinary(state[:len(state)-1]); err == nil {
			t.Error("a truncated state was taken")
		}
	}
}

func TestCustomerHasNoPaddingAndNoPointers(t *testing.T) {
	var check func(ty reflect.Type) uintptr
	check = func(ty reflect.Type) uintptr {
		switch ty.Kind() {
		case reflect.Struct:
			var sum uintptr
			for i := range ty.NumField() {
				sum += check(ty.Field(i).Type) // blank fields too
			}
			if sum != ty.Size() {
				t.Errorf("%v has %d bytes but %d of fields: padding would make equal states differ", ty, ty.Size(), sum)
			}
			return ty.Size()
		case reflect.Array:
			return uintptr(ty.Len()) * check(ty.Elem())
		case reflect.Pointer, reflect.Slice, reflect.String, reflect.Map, reflect.Interface:
			t.Errorf("%v holds a pointer", ty)
		}
		return ty.Size()
	}
	t.Logf("state of a meter: %d bytes", check(reflect.TypeFor[customer]()))
}

func BenchmarkScore(b *testing.B) {
	const meters, days = 200, 30
	var ids []flatwatt.MeterID
	var readings []flatwatt.Reading
	for i := range meters {
		id := flatwatt.MeterID([]byte{'m', byte('0' + i/100), byte('0' + i/10%10), byte('0' + i%10)})
		ids = append(ids, id)
		readings = append(readings, home(id, march, days, uint64(i), nil)...)
	}
	var blocks [][]flatwatt.Reading // as delivered: six hours of one meter after another
	for lo := 0; lo < days*96; lo += 24 {
		for i := range meters {
			blocks = append(blocks, readings[i*days*96+lo:i*days*96+lo+24])
		}
	}
	b.ReportAllocs()
	var scores []flatwatt.Score
	n := 0
	for b.Loop() {
		b.StopTimer()
		f := newTestFleet(b, ids...)
		b.StartTimer()
		for _, r := range blocks {
			scores = f.Score(scores[:0], r)
			n += len(r)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "readings/s")
}
