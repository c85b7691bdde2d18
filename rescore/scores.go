package rescore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/flatwatt/flatwatt"
)

// A scoreRow is a score as a row of a Parquet file. What is not known is NaN or null.
type scoreRow struct {
	Meter    string `parquet:"meter_id,dict"`
	Day      int32  `parquet:"day,date"`
	Start    *int64 `parquet:"start,optional,timestamp(nanosecond)"`
	Detector string `parquet:"detector,dict"`
	Model    string `parquet:"model,dict"`
	State    string `parquet:"state,dict"`

	Probability float64 `parquet:"probability"`
	LogOdds     float64 `parquet:"log_odds"`
	LogEValue   float64 `parquet:"log_e_value"`

	BlockKW      float64 `parquet:"block_kw"`
	BlockLow     float64 `parquet:"block_low_kw"`
	BlockHigh    float64 `parquet:"block_high_kw"`
	Onset        *int64  `parquet:"onset,optional,timestamp(nanosecond)"`
	OnsetLow     *int64  `parquet:"onset_low,optional,timestamp(nanosecond)"`
	OnsetHigh    *int64  `parquet:"onset_high,optional,timestamp(nanosecond)"`
	Ended        *int64  `parquet:"ended,optional,timestamp(nanosecond)"`
	FirstAlarm   *int64  `parquet:"first_alarm,optional,timestamp(nanosecond)"`
	UnitsLow     float64 `parquet:"units_low"`
	UnitsHigh    float64 `parquet:"units_high"`
	HashrateLow  float64 `parquet:"hashrate_low_ths"`
	HashrateHigh float64 `parquet:"hashrate_high_ths"`
	EnergyKWh    float64 `parquet:"energy_kwh"`
	EnergyLow    float64 `parquet:"energy_low_kwh"`
	EnergyHigh   float64 `parquet:"energy_high_kwh"`
	Schedule     string  `parquet:"schedule,dict"`

	Features flatwatt.Features `parquet:"features"`
	Evidence []evidenceRow     `parquet:"evidence,list"`
}

type evidenceRow struct {
	Term    string  `parquet:"term,dict"`
	LogOdds float64 `parquet:"log_odds"`
	Value   float64 `parquet:"value"`
}

// rowOf copies s, whose evidence is the Scorer's.
func rowOf(s *flatwatt.Score) scoreRow {
	r := scoreRow{
		Meter: string(s.Meter), Day: int32(s.Day), Start: instant(s.Start), Detector: s.Detector, Model: s.Model, State: string(s.State),
		Probability: s.Probability, LogOdds: s.LogOdds, LogEValue: s.LogEValue,
		BlockKW: s.Block.Value, BlockLow: s.Block.Low, BlockHigh: s.Block.High,
		Onset: instant(s.Onset.At), OnsetLow: instant(s.Onset.Low), OnsetHigh: instant(s.Onset.High),
		Ended: instant(s.Ended), FirstAlarm: instant(s.FirstAlarm),
		UnitsLow: s.Units.Low, UnitsHigh: s.Units.High, HashrateLow: s.HashrateTHs.Low, HashrateHigh: s.HashrateTHs.High,
		EnergyKWh: s.Energy.Value, EnergyLow: s.Energy.Low, EnergyHigh: s.Energy.High, Schedule: string(s.Schedule),
		Features: s.Features, Evidence: make([]evidenceRow, len(s.Evidence)),
	}
	for i, e := range s.Evidence {
		r.Evidence[i] = evidenceRow(e)
	}
	return r
}

// score is the inverse of rowOf.
func (r *scoreRow) score() flatwatt.Score {
	s := flatwatt.Score{
		Meter: flatwatt.MeterID(r.Meter), Day: flatwatt.Day(r.Day), Start: moment(r.Start), Detector: r.Detector, Model: r.Model, State: flatwatt.State(r.State),
		Probability: r.Probability, LogOdds: r.LogOdds, LogEValue: r.LogEValue,
		Block: flatwatt.Estimate{Value: r.BlockKW, Low: r.BlockLow, High: r.BlockHigh},
		Onset: flatwatt.Instants{At: moment(r.Onset), Low: moment(r.OnsetLow), High: moment(r.OnsetHigh)},
		Ended: moment(r.Ended), FirstAlarm: moment(r.FirstAlarm),
		Units:       flatwatt.Range{Low: r.UnitsLow, High: r.UnitsHigh},
		HashrateTHs: flatwatt.Range{Low: r.HashrateLow, High: r.HashrateHigh},
		Energy:      flatwatt.Estimate{Value: r.EnergyKWh, Low: r.EnergyLow, High: r.EnergyHigh}, Schedule: flatwatt.Schedule(r.Schedule),
		Features: r.Features,
	}
	for _, e := range r.Evidence {
		s.Evidence = append(s.Evidence, flatwatt.Evidence(e))
	}
	return s
}

func instant(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.UnixNano()
	return &n
}

func moment(n *int64) time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.Unix(0, *n).UTC()
}

// encodeScores is the file of a chunk. The same rows give the same bytes.
func encodeScores(list []scoreRow) ([]byte, error) {
	var out bytes.Buffer
	w := parquet.NewGenericWriter[scoreRow](&out, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}), parquet.CreatedBy("flatwatt", "rescore", ""))
	if _, err := w.Write(list); err != nil {
		return nil, fmt.Errorf("encode scores: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode scores: %w", err)
	}
	return out.Bytes(), nil
}

func decodeScores(data []byte) (list []flatwatt.Score, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("decode scores: %v", x)
		}
	}()
	r := parquet.NewGenericReader[scoreRow](bytes.NewReader(data))
	defer func() { err = errors.Join(err, r.Close()) }()
	buf := make([]scoreRow, 256)
	for {
		n, err := r.Read(buf)
		for i := range buf[:n] {
			list = append(list, buf[i].score())
		}
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode scores: %w", err)
		}
		clear(buf)
	}
}
