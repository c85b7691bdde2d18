package console

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// hoursOfWeek counts from Monday 00:00 local time.
const hoursOfWeek = 7 * 24

// maxPlotPoints is from how many points on a plot is drawn from hourly means.
const maxPlotPoints = 12_000

// plotData is a meter's load made ready for drawing. Lists are as long as KW; null stands
// for what is not known.
type plotData struct {
	Zone    string       `json:"zone"`
	Start   int64        `json:"start"`  // of the first step, seconds since 1970
	StepS   int64        `json:"step_s"` // between steps
	KW      []jsonNumber `json:"kw"`
	Low     []jsonNumber `json:"normal_low_kw"`  // 5 % quantile of the hour of week before the onset
	High    []jsonNumber `json:"normal_high_kw"` // 95 %
	Normal  []jsonNumber `json:"normal_kw"`      // median; only while the block runs
	Block   []jsonNumber `json:"block_kw"`       // median plus the estimated block; only while it runs
	Onset   *onsetJSON   `json:"onset"`
	BlockKW *float64     `json:"estimated_block_kw"`
}

// jsonNumber is written with three digits, and as null where it is not known.
type jsonNumber float32

// MarshalJSON implements json.Marshaler.
func (n jsonNumber) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return appendShort(nil, v), nil
}

func plotView(c *call) (any, error) {
	f, err := c.find(c.path("id"))
	if err != nil {
		return nil, err
	}
	load, _ := c.Board.Load(f.Meter.ID)
	return newPlotData(load, f), nil
}

func newPlotData(load Load, f Finding) plotData {
	if len(load.KW) > maxPlotPoints {
		load = hourly(load)
	}
	d := plotData{Zone: zoneName(f.Meter.Zone), Start: load.Start.Unix(), StepS: int64(load.Step.Seconds()), BlockKW: number(f.Score.Block.Value)}
	if o := f.Score.Onset; !o.At.IsZero() {
		d.Onset = &onsetJSON{o.At.UTC(), o.Low.UTC(), o.High.UTC()}
	}
	n := len(load.KW)
	d.KW, d.Low, d.High = make([]jsonNumber, n), make([]jsonNumber, n), make([]jsonNumber, n)
	d.Normal, d.Block = make([]jsonNumber, n), make([]jsonNumber, n)
	p := profileOf(load, f)
	from, to := blockRuns(load, f.Score)
	hour := hourOfWeek(load, f.Meter.Zone)
	nan := jsonNumber(math.NaN())
	for i, v := range load.KW {
		h := hour(i)
		d.KW[i], d.Low[i], d.High[i] = jsonNumber(v), jsonNumber(p.Low[h]), jsonNumber(p.High[h])
		d.Normal[i], d.Block[i] = nan, nan
		if i >= from && i < to {
			d.Normal[i], d.Block[i] = jsonNumber(p.Before[h]), jsonNumber(p.Before[h]+f.Score.Block.Value)
		}
	}
	return d
}

// blockRuns are the first step of the block and the one after its last.
func blockRuns(load Load, s flatwatt.Score) (from, to int) {
	if math.IsNaN(s.Block.Value) || s.Block.Value <= 0 {
		return 0, 0
	}
	to = len(load.KW)
	if !s.Onset.At.IsZero() {
		from = load.index(s.Onset.At)
	}
	if !s.Ended.IsZero() {
		to = load.index(s.Ended)
	}
	return from, max(from, to)
}

// hourly is a load by means of clock hours.
func hourly(load Load) Load {
	if load.Step <= 0 || load.Step >= time.Hour {
		return load
	}
	first := load.Start.Truncate(time.Hour)
	out := Load{Start: first, Step: time.Hour}
	sum, n, at := 0.0, 0, int64(0)
	flush := func() {
		v := float32(math.NaN())
		if n > 0 {
			v = float32(sum / float64(n))
		}
		out.KW = append(out.KW, v)
		sum, n = 0, 0
	}
	for i, v := range load.KW {
		for h := int64(load.at(i).Sub(first) / time.Hour); at < h; at++ {
			flush()
		}
		if v == v {
			sum += float64(v)
			n++
		}
	}
	flush()
	return out
}

// hourOfWeek tells the local hour of week of each step, zone changes included.
func hourOfWeek(load Load, zone *time.Location) func(i int) int {
	if zone == nil {
		zone = time.UTC
	}
	return func(i int) int {
		t := load.at(i).In(zone)
		return (int(t.Weekday())+6)%7*24 + t.Hour()
	}
}

// A profile is a load by hour of week, before the block and with it. Where the block is
// older than the data there is no before, and Before is what is left without the block.
type profile struct {
	Before, After [hoursOfWeek]float64 // kW, median; NaN where there is none
	Low, High     [hoursOfWeek]float64 // kW, 5 and 95 % before
	HasBlock      bool
	BeforeKnown   bool // it was measured, not computed
}

func profileOf(load Load, f Finding) (p profile) {
	if load.Step <= 0 {
		load = Load{Step: time.Hour}
	}
	from, to := blockRuns(load, f.Score)
	p.HasBlock = to > from
	hour := hourOfWeek(load, f.Meter.Zone)
	var before, after [hoursOfWeek][]float64
	for i, v := range load.KW {
		if v != v {
			continue
		}
		h := hour(i)
		if i >= from && i < to {
			after[h] = append(after[h], float64(v))
		} else if !p.HasBlock || i < from {
			before[h] = append(before[h], float64(v))
		}
	}
	p.BeforeKnown = !p.HasBlock || from >= int(7*24*time.Hour/load.Step)
	for h := range hoursOfWeek {
		_, p.After[h], _ = quantiles(after[h])
		if p.BeforeKnown {
			p.Low[h], p.Before[h], p.High[h] = quantiles(before[h])
			continue
		}
		low, mid, high := quantiles(after[h])
		b := f.Score.Block.Value
		p.Low[h], p.Before[h], p.High[h] = max(0, low-b), max(0, mid-b), max(0, high-b)
	}
	return p
}

func quantiles(x []float64) (low, mid, high float64) {
	if len(x) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	slices.Sort(x)
	at := func(q float64) float64 { return x[int(math.Round(q*float64(len(x)-1)))] }
	return at(.05), at(.5), at(.95)
}
