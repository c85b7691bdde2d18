package influx

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// TestPartsReadADayTogether: after a restart 60 parts of a fleet need a day's earlier
// scores at once. The database is not asked for the day by each of them, nor for more at
// once than it bears, and every part's roll-ups have its earlier scores.
func TestPartsReadADayTogether(t *testing.T) {
	const parts = 60
	conf, _ := embedded(t)
	to, err := url.Parse(conf.URL)
	if err != nil {
		t.Fatal(err)
	}
	var days, now, most atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/query" {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			if strings.Contains(string(body), wholeField) {
				days.Add(1)
			}
			for n := now.Add(1); n > most.Load(); {
				most.Store(n)
			}
			defer now.Add(-1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	conf.URL = server.URL

	meter := func(part, k int) flatwatt.MeterID { return flatwatt.MeterID(fmt.Sprintf("m%02d-%d", part, k)) }
	write := func(c *Client, k int) {
		var g sync.WaitGroup
		for p := range parts {
			s, err := NewSink(c, []flatwatt.Meter{{ID: meter(p, 0), Parent: "T"}, {ID: meter(p, 1), Parent: "T"}}, fmt.Sprint("p", p))
			if err != nil {
				t.Fatal(err)
			}
			g.Go(func() {
				if err := s.Write(t.Context(), []flatwatt.Score{brief(meter(p, k), firstDay, flatwatt.Suspect, 0.9, 1)}); err != nil {
					t.Errorf("part %d: %v", p, err)
				}
			})
		}
		g.Wait()
	}
	write(open(t, conf), 0)
	days.Store(0)
	most.Store(0)
	again := open(t, conf) // the service starts anew
	write(again, 1)
	if n := days.Load(); n == 0 || n > parts/3 {
		t.Errorf("the day was read %d times for %d parts", n, parts)
	}
	if n := most.Load(); n > queriesAtOnce {
		t.Errorf("%d queries at once, want at most %d", n, queriesAtOnce)
	}
	got, err := again.Fleet(t.Context(), firstDay, "customer")
	if err != nil || got.Scored != 2*parts || got.Suspects != 2*parts {
		t.Errorf("%+v, %v; want %d scored", got, err, 2*parts)
	}
}

// TestPartsWriteInTurn: a day closes for 20 parts of a fleet at once, and the first of them
// has its scores durable long before the last: no more than a few parts write together.
func TestPartsWriteInTurn(t *testing.T) {
	const parts, each = 20, 12
	conf, _ := embedded(t)
	to, err := url.Parse(conf.URL)
	if err != nil {
		t.Fatal(err)
	}
	var now, most atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if strings.HasPrefix(string(body), ScoreMeasurement+",") {
			for n := now.Add(1); n > most.Load(); {
				most.Store(n)
			}
			time.Sleep(time.Millisecond)
			defer now.Add(-1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	conf.URL, conf.ChunkPoints = server.URL, 1
	c := open(t, conf)
	var g sync.WaitGroup
	for p := range parts {
		s, err := NewSink(c, nil, fmt.Sprint("p", p))
		if err != nil {
			t.Fatal(err)
		}
		var scores []flatwatt.Score
		for k := range each {
			scores = append(scores, brief(flatwatt.MeterID(fmt.Sprintf("m%02d-%d", p, k)), firstDay, flatwatt.Normal, 0.1, 0))
		}
		g.Go(func() {
			if err := s.Write(t.Context(), scores); err != nil {
				t.Errorf("part %d: %v", p, err)
			}
		})
	}
	g.Wait()
	if n := most.Load(); n == 0 || n > writersAtOnce*sendsAtOnce {
		t.Errorf("%d requests with scores at once, want 1 to %d", n, writersAtOnce*sendsAtOnce)
	}
}
