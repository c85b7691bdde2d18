package influx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// chunkRows is how many rows of an answer come at a time: it bounds the memory of both ends.
const chunkRows = 10_000

// A row is one row of an answer. Reading a column that is missing or of another type
// sets err, the first time, and gives a zero.
type row struct {
	columns map[string]int
	values  []any
	tags    map[string]string
	err     error
}

type series struct {
	Tags    map[string]string
	Columns []string
	Values  [][]any
}

// query asks in InfluxQL and yields the rows. It reads the answer in chunks, so nothing
// is cut off. Queries are not tried again: the one who asks can.
func (c *Client) query(ctx context.Context, q string, yield func(row) error) error {
	return c.queryBy(ctx, c.http, q, yield)
}

func (c *Client) queryBy(ctx context.Context, h *http.Client, q string, yield func(row) error) error {
	if err := c.ask(ctx, h, q, yield); err != nil {
		return fmt.Errorf("query bucket %q: %w", c.conf.Bucket, err)
	}
	return nil
}

func (c *Client) ask(ctx context.Context, h *http.Client, q string, yield func(row) error) error {
	form := url.Values{
		"db": {c.conf.Bucket}, "q": {q}, "epoch": {"s"}, "chunked": {"true"}, "chunk_size": {fmt.Sprint(chunkRows)},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.conf.URL, "/")+"/query", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Token "+c.conf.Token)
	r.Header.Set("Accept", "application/json")
	resp, err := h.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes)) // as much of the reason as there is
		return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(b)))
	}
	return rows(resp.Body, yield)
}

// rows reads the JSON documents of an answer, one a chunk.
func rows(body io.Reader, yield func(row) error) error {
	d := json.NewDecoder(body)
	d.UseNumber() // a time or a count does not survive a float64
	for {
		var chunk struct {
			Error   string
			Results []struct {
				Error  string
				Series []series
			}
		}
		if err := d.Decode(&chunk); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if chunk.Error != "" {
			return errors.New(chunk.Error)
		}
		for _, r := range chunk.Results {
			if r.Error != "" {
				return errors.New(r.Error)
			}
			for _, s := range r.Series {
				if err := s.each(yield); err != nil {
					return err
				}
			}
		}
	}
}

func (s series) each(yield func(row) error) error {
	columns := make(map[string]int, len(s.Columns))
	for i, name := range s.Columns {
		columns[name] = i
	}
	for _, v := range s.Values {
		if len(v) != len(s.Columns) {
			return fmt.Errorf("a row has %d values for %d columns", len(v), len(s.Columns))
		}
		if err := yield(row{columns: columns, values: v, tags: s.Tags}); err != nil {
			return err
		}
	}
	return nil
}

func (r *row) get(name string) any {
	if i, ok := r.columns[name]; ok {
		return r.values[i]
	}
	return nil
}

func (r *row) miss(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("column %s is %v, want %s: was it written by another version?", name, r.get(name), want)
	}
}

// text is a text field, or a tag, which is a column or belongs to the series.
func (r *row) text(name string) string {
	if s, ok := r.tags[name]; ok {
		return s
	}
	s, ok := r.get(name).(string)
	if !ok {
		r.miss(name, "text")
	}
	return s
}

// textIfAny is a text field that a point may lack.
func (r *row) textIfAny(name string) string {
	s, _ := r.get(name).(string)
	return s
}

// floatIfAny is a float field that a point may lack: NaN.
func (r *row) floatIfAny(name string) float64 {
	if r.get(name) == nil {
		return math.NaN()
	}
	return r.float(name)
}

func (r *row) int(name string) int64 {
	n, ok := r.get(name).(json.Number)
	i, err := n.Int64()
	if !ok || err != nil {
		r.miss(name, "a whole number")
	}
	return i
}

// float is a float field; Missing is NaN.
func (r *row) float(name string) float64 {
	n, ok := r.get(name).(json.Number)
	f, err := n.Float64()
	if !ok || err != nil {
		r.miss(name, "a number")
	}
	if f == Missing {
		return math.NaN()
	}
	return f
}

func (r *row) time() time.Time { return time.Unix(r.int("time"), 0).UTC() }
