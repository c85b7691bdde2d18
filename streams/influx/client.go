package influx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

// Defaults that apply where Config leaves a zero.
const (
	DefaultChunkPoints = 5_000                  // a request; the database's own recommendation
	DefaultAttempts    = 4                      // of a request, in all
	DefaultFirstPause  = 200 * time.Millisecond // after the first failure, doubled each time
	DefaultTimeout     = 30 * time.Second       // of one attempt
	longestPause       = 30 * time.Second       // also where the server asks for more
	maxErrorBytes      = 2_000                  // of a server's message that is passed on
)

// Config says where the database is. URL, Token, Org and Bucket are required; they are
// all that differs between the embedded database and an InfluxDB 2.x.
type Config struct {
	URL, Token, Org, Bucket string

	Gzip        bool          // compress requests: worth it across a network, not on loopback
	ChunkPoints int           // points a request
	Attempts    int           // of a request that fails for a passing reason
	FirstPause  time.Duration // before the second attempt
	Timeout     time.Duration // of one attempt

	// Sleep waits for d or for ctx, whose error it then returns. Nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// A Client talks to one bucket. Its methods may be called concurrently.
type Client struct {
	conf  Config
	http  *http.Client
	slow  *http.Client // without the limit of an attempt: the caller's context ends it
	api   influxdb2.Client
	write api.WriteAPIBlocking
	days  dayReads
	turns chan struct{} // holds one for each sink that is writing a day
}

// Open prepares a client. It does not connect: use Check for that.
func Open(c Config) (*Client, error) {
	for _, f := range []struct{ name, value string }{{"url", c.URL}, {"token", c.Token}, {"org", c.Org}, {"bucket", c.Bucket}} {
		if f.value == "" {
			return nil, fmt.Errorf("time-series database: %s is missing from the configuration", f.name)
		}
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("time-series database: url %q must look like https://host:8086", c.URL)
	}
	if c.ChunkPoints < 0 || c.Attempts < 0 || c.FirstPause < 0 || c.Timeout < 0 {
		return nil, errors.New("time-series database: a limit is negative; give a positive one, or 0 for its default")
	}
	c.ChunkPoints = cmp.Or(c.ChunkPoints, DefaultChunkPoints)
	c.Attempts = cmp.Or(c.Attempts, DefaultAttempts)
	c.FirstPause = cmp.Or(c.FirstPause, DefaultFirstPause)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	// A transport of its own, so that Close leaves no connection behind.
	h := &http.Client{Timeout: c.Timeout, Transport: http.DefaultTransport.(*http.Transport).Clone()}
	o := influxdb2.DefaultOptions().SetHTTPClient(h).SetPrecision(time.Second).SetUseGZip(c.Gzip).SetApplicationName("flatwatt")
	client := &Client{conf: c, http: h, slow: &http.Client{Transport: h.Transport}, api: influxdb2.NewClientWithOptions(c.URL, c.Token, o)}
	client.days.of, client.days.asked = map[flatwatt.Day]*dayRead{}, make(chan struct{}, queriesAtOnce)
	client.turns = make(chan struct{}, writersAtOnce)
	client.write = client.api.WriteAPIBlocking(c.Org, c.Bucket)
	return client, nil
}

// Close drops the connections.
func (c *Client) Close() {
	c.api.Close()
	c.http.CloseIdleConnections()
}

// Check says whether the server answers, as /health tells it, and its version.
func (c *Client) Check(ctx context.Context) (version string, err error) {
	h, err := c.api.Health(ctx)
	if err != nil {
		return "", fmt.Errorf("time-series database at %s: %w", c.conf.URL, err)
	}
	if h.Status != "pass" {
		return "", fmt.Errorf("time-series database at %s: health is %q", c.conf.URL, h.Status)
	}
	if h.Version != nil {
		version = *h.Version
	}
	return version, nil
}

// send writes whole lines and returns once they are durable. What may pass (no answer,
// 429, 5xx) is tried again, up to Attempts; what will not is marked streams.Permanent.
func (c *Client) send(ctx context.Context, lines []byte) error {
	text := string(lines)
	for attempt := 1; ; attempt++ {
		err := c.write.WriteRecord(ctx, text)
		if err == nil {
			return nil
		}
		pause, passing := c.judge(err, attempt)
		if !passing {
			return streams.Permanent(fmt.Errorf("write to bucket %q: %s", c.conf.Bucket, message(err)))
		}
		if ctx.Err() != nil || attempt >= c.conf.Attempts {
			return fmt.Errorf("write to bucket %q, attempt %d of %d: %w", c.conf.Bucket, attempt, c.conf.Attempts, err)
		}
		if stopped := c.conf.Sleep(ctx, pause); stopped != nil {
			return errors.Join(err, stopped)
		}
	}
}

// writersAtOnce is how many sinks of one client write a day together. A day closes for all
// parts of a fleet at once; were all of them served alike, the first would be durable as late
// as the last. Two hide the end of one, its few roll-ups, behind the scores of the next.
const writersAtOnce = 2

// turn waits until the caller may write a day, in the order of calls.
func (c *Client) turn(ctx context.Context) (done func(), err error) {
	select {
	case c.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func() { <-c.turns }, nil
}

// judge says whether a failure may pass and how long to wait before trying again.
func (c *Client) judge(err error, attempt int) (pause time.Duration, passing bool) {
	pause = min(c.conf.FirstPause<<(attempt-1), longestPause)
	var e *influxhttp.Error
	if !errors.As(err, &e) || e.StatusCode == 0 {
		return pause, true
	}
	if e.RetryAfter > 0 {
		pause = min(time.Duration(e.RetryAfter)*time.Second, longestPause)
	}
	return pause, e.StatusCode == http.StatusTooManyRequests || e.StatusCode >= 500
}

// message is what the server said, which quotes the line that it refused, within bounds.
func message(err error) string {
	m := err.Error()
	if len(m) > maxErrorBytes {
		m = m[:maxErrorBytes] + " …"
	}
	return m
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
