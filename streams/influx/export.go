package influx

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// all are the measurements that an export holds.
var all = []string{
	ScoreMeasurement, TransformerMeasurement, FeederMeasurement, FleetMeasurement, ClassMeasurement, RegionMeasurement, ModelMeasurement,
	TopMeasurement, EventMeasurement, RunMeasurement,
}

// maxLineBytes bounds a line that Import reads: the evidence of a score and its names.
const maxLineBytes = 1 << 20

// Export writes every point of the bucket that this package writes, as lines of line
// protocol with whole seconds, by measurement, series and time. It works on the embedded
// database and on an InfluxDB 2.x, and what one gives the other takes.
func (c *Client) Export(ctx context.Context, w io.Writer) (points int64, err error) {
	out := bufio.NewWriterSize(w, 1<<20)
	for _, measurement := range all {
		types := map[string]string{}
		err := c.query(ctx, fmt.Sprintf(`SHOW FIELD KEYS FROM "%s"`, measurement), func(r row) error {
			types[r.text("fieldKey")] = r.text("fieldType")
			return r.err
		})
		if err != nil {
			return points, err
		}
		if len(types) == 0 {
			continue // nothing was ever written
		}
		fields := slices.Sorted(maps.Keys(types))
		var line []byte
		err = c.query(ctx, fmt.Sprintf(`SELECT * FROM "%s" GROUP BY *`, measurement), func(r row) error {
			if line, err = appendRow(line[:0], measurement, fields, types, &r); err != nil {
				return err
			}
			points++
			_, err := out.Write(line)
			return err
		})
		if err != nil {
			return points, fmt.Errorf("export %s: %w", measurement, err)
		}
	}
	return points, out.Flush()
}

func appendRow(b []byte, measurement string, fields []string, types map[string]string, r *row) ([]byte, error) {
	b = append(b, measurement...)
	for _, tag := range slices.Sorted(maps.Keys(r.tags)) {
		if r.tags[tag] != "" { // a tag that the series lacks
			b = appendTag(b, tag, r.tags[tag])
		}
	}
	sep := byte(' ')
	for _, name := range fields {
		v := r.get(name)
		if v == nil {
			continue
		}
		b = append(b, sep)
		sep = ','
		switch v := v.(type) {
		case string:
			if strings.ContainsRune(v, '\n') {
				return b, fmt.Errorf("field %s holds a line break, which an export cannot", name)
			}
			b = appendText(b, name, v)
		case bool:
			b = strconv.AppendBool(appendKey(b, name), v)
		case json.Number:
			b = append(appendKey(b, name), v...)
			if types[name] == "integer" {
				b = append(b, 'i')
			}
		default:
			return b, fmt.Errorf("field %s is %T", name, v)
		}
	}
	if sep == ' ' {
		return b[:0], nil
	}
	b = appendTime(b, r.time())
	return b, r.err
}

// Import writes what Export wrote. Points that are there already are replaced.
func (c *Client) Import(ctx context.Context, r io.Reader) (points int64, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLineBytes)
	var chunk strings.Builder
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		err := c.send(ctx, []byte(chunk.String()))
		points, n = points+int64(n), 0
		chunk.Reset()
		return err
	}
	for s.Scan() {
		chunk.Write(s.Bytes())
		chunk.WriteByte('\n')
		if n++; n >= c.conf.ChunkPoints {
			if err := flush(); err != nil {
				return points, err
			}
		}
	}
	if err := s.Err(); err != nil {
		return points, fmt.Errorf("import: %w", err)
	}
	return points, flush()
}

// Empty says whether the bucket holds no score and no roll-up.
func (c *Client) Empty(ctx context.Context) (bool, error) {
	empty := true
	for _, m := range []string{ScoreMeasurement, FleetMeasurement} {
		if err := c.query(ctx, fmt.Sprintf(`SHOW SERIES FROM "%s" LIMIT 1`, m), func(row) error { empty = false; return nil }); err != nil {
			return false, err
		}
	}
	return empty, nil
}
