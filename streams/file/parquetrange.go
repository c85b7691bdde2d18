package file

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/flatwatt/flatwatt"
)

// noStart marks a start that is null or cannot be read.
const noStart = math.MinInt64

// parquetRange decodes one range of rows, column by column.
type parquetRange struct {
	*parquetFile
	*piece
	first   int64 // row of the file that the range begins with, from 0
	unknown []string
}

func (d *parquetRange) read(group parquet.RowGroup, from, n int64) error {
	chunks := group.ColumnChunks()
	chunk := func(role int) parquet.ColumnChunk {
		if d.column[role] < 0 {
			return nil
		}
		return chunks[d.column[role]]
	}
	meters, err := d.readMeters(chunk(roleMeter), from, n)
	if err != nil {
		return err
	}
	starts, err := d.readStarts(chunk(roleStart), from, n)
	if err != nil {
		return err
	}
	var numbers [3][]float64
	for i, role := range []int{roleEnergy, roleReactive, roleVoltage} {
		if numbers[i], err = readNumbers(chunk(role), from, n); err != nil {
			return err
		}
	}
	quality, err := readQuality(chunk(roleQuality), from, n)
	if err != nil {
		return err
	}
	d.take(meters, starts, numbers, quality)
	return nil
}

// take checks the decoded rows one by one, as the CSV reader does.
func (d *parquetRange) take(meters []int32, starts []int64, numbers [3][]float64, quality []flatwatt.Quality) {
	d.seen = int64(len(meters))
	d.meter = make([]int32, 0, len(meters))
	d.at = make([]int32, 0, len(meters))
	d.energy = make([]float64, 0, len(meters))
	var i int
	where := func() string { return fmt.Sprintf("%s:row %d", d.name, d.first+int64(i)+1) }
	for i = range meters {
		r := row{energy: numbers[0][i], reactive: nan32, voltage: nan32}
		if numbers[1] != nil {
			r.reactive = float32(numbers[1][i])
		}
		if numbers[2] != nil {
			r.voltage = float32(numbers[2][i])
		}
		if quality != nil {
			r.quality = quality[i]
		}
		bad := d.check(meters[i], starts[i], &r)
		switch {
		case bad != nil:
			raw := fmt.Sprintf("%s,%s,%v", d.id(meters[i]), showStart(starts[i]), numbers[0][i])
			d.rejects.add(bad.kind, flatwatt.Rejected{Where: where(), Field: bad.field, Reason: bad.reason, Raw: []byte(raw)})
		case r.quality == missing || isNull(r.energy):
			d.missing++
		default:
			d.note(d.loader, meters[i], r, where)
		}
	}
}

func (d *parquetRange) check(meter int32, start int64, r *row) (bad *fault) {
	if meter < 0 {
		return d.unknownMeter(d.id(meter))
	}
	if start == noStart {
		return &fault{"bad time", "start", badTime("")}
	}
	if r.at, bad = checkStart(start); bad != nil {
		return bad
	}
	if r.quality == badQualityCode {
		return &fault{"bad quality", "quality", "is not actual, estimated or edited (A, E, F), nor N for missing"}
	}
	switch {
	case !isNull(r.energy) && !(math.Abs(r.energy) <= maxEnergyKWh):
		return badNumber(roleEnergy, showNumber(r.energy))
	case math.Abs(float64(r.reactive)) > maxEnergyKWh:
		return badNumber(roleReactive, showNumber(float64(r.reactive)))
	case r.voltage < 0 || r.voltage > maxVolt:
		return badNumber(roleVoltage, showNumber(float64(r.voltage)))
	}
	return nil
}

// id is the meter's id for messages.
func (d *parquetRange) id(meter int32) string {
	if meter >= 0 {
		return string(d.meters[meter].ID)
	}
	return d.unknown[-1-meter]
}

func showStart(unix int64) string {
	if unix == noStart {
		return ""
	}
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}

func showNumber(v float64) []byte { return strconv.AppendFloat(nil, v, 'g', -1, 64) }

func itoa(v int64) string { return strconv.FormatInt(v, 10) }
