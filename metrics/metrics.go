// Package metrics counts what the service does, for Prometheus. The pipelines know
// nothing of it: Watch wraps their ends. Readings come every 15 minutes or once a day, so
// rates over a minute say little; deploy/prometheus/rules.yml has alerts that know this.
package metrics

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

// Metrics are those of one process. Its methods may be called concurrently.
type Metrics struct {
	registry *prometheus.Registry

	readings, rejects, retries, saves *prometheus.CounterVec
	scores, alarms, unused            *prometheus.CounterVec
	lag                               *prometheus.GaugeVec
	position, savedPosition           *prometheus.GaugeVec
	savedBytes, savedAt, eventTime    *prometheus.GaugeVec
	scoring, writing, saving          prometheus.Histogram
	streamFirst, streamLast           prometheus.Gauge
	owned, missed                     prometheus.Gauge

	mu     sync.Mutex // guards what follows
	last   flatwatt.Position
	places map[string]flatwatt.Position // by part: the last message scored
}

// label is the part of the fleet: "all", or a bucket.
var label = []string{"part"}

// New returns metrics with the process's own beside them.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), places: map[string]flatwatt.Position{}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "flatwatt_" + name, Help: help}, append(label[:1:1], labels...))
		m.registry.MustRegister(v)
		return v
	}
	gauges := func(name, help string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "flatwatt_" + name, Help: help}, label)
		m.registry.MustRegister(v)
		return v
	}
	gauge := func(name, help string) prometheus.Gauge {
		v := prometheus.NewGauge(prometheus.GaugeOpts{Name: "flatwatt_" + name, Help: help})
		m.registry.MustRegister(v)
		return v
	}
	seconds := func(name, help string) prometheus.Histogram {
		v := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "flatwatt_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(1e-4, 4, 10)})
		m.registry.MustRegister(v)
		return v
	}
	m.readings = counter("readings_total", "Readings scored.")
	m.rejects = counter("rejected_total", "Pieces of input that could not be taken.")
	m.scores = counter("scores_total", "Scores written, by state; those repeated after a restart count again.", "state")
	m.alarms = counter("alarms_total", "Meters that became suspects; those repeated after a restart count again.")
	m.unused = counter("unused_readings_total", "Readings that no score used: late ones of closed days, and off the grid of the meter.", "why")
	m.lag = gauges("lag_messages", "Messages of the stream after the last one scored: what waits while the database is away.")
	m.retries = counter("retries_total", "Writes that failed and were tried again.", "doing")
	m.saves = counter("checkpoints_total", "Checkpoints saved.")
	m.position = gauges("position", "Stream sequence of the last message scored.")
	m.savedPosition = gauges("checkpoint_position", "Stream sequence of the last checkpoint: where a restart resumes.")
	m.savedBytes = gauges("state_bytes", "Size of the last checkpoint.")
	m.savedAt = gauges("checkpoint_timestamp_seconds", "When the last checkpoint was saved.")
	m.eventTime = gauges("latest_reading_timestamp_seconds", "End of the latest interval that was scored.")
	m.scoring = seconds("score_seconds", "Scoring a batch.")
	m.writing = seconds("write_seconds", "Writing scores to the database, an attempt.")
	m.saving = seconds("save_seconds", "Encoding and saving a checkpoint.")
	m.streamFirst = gauge("stream_first_sequence", "Oldest message that the stream still holds.")
	m.streamLast = gauge("stream_last_sequence", "Newest message of the stream.")
	m.owned = gauge("partitions_owned", "Partitions that this worker owns.")
	m.missed = gauge("lease_renewals_missed", "Renewals that failed since the last one that did not.")
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "flatwatt_build_info", Help: "1, with the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Stream notes what the stream of readings holds.
func (m *Metrics) Stream(first, last uint64) {
	m.streamFirst.Set(float64(first))
	m.streamLast.Set(float64(last))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = flatwatt.Position(last)
	for part, at := range m.places {
		m.lag.WithLabelValues(part).Set(float64(m.last - min(at, m.last)))
	}
}

// at notes the place of a part.
func (m *Metrics) at(part string, place flatwatt.Position) {
	m.position.WithLabelValues(part).Set(float64(place))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.places[part], m.last = place, max(m.last, place)
	m.lag.WithLabelValues(part).Set(float64(m.last - place))
}

// Unused adds readings of a part that no score used, and why.
func (m *Metrics) Unused(part, why string, n uint64) {
	m.unused.WithLabelValues(part, why).Add(float64(n))
}

// Owns notes how many partitions this worker owns after a renewal.
func (m *Metrics) Owns(n int) { m.owned.Set(float64(n)) }

// Renewed and Missed note whether the leases could be renewed.
func (m *Metrics) Renewed() { m.missed.Set(0) }

// Missed notes a renewal that failed.
func (m *Metrics) Missed() { m.missed.Inc() }

// CountFunc adds a counter whose value is asked for, e.g. of late readings.
func (m *Metrics) CountFunc(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "flatwatt_" + name, Help: help}, value))
}

// Watch returns line with its ends measured, under the name of the part that it scores.
func (m *Metrics) Watch(part string, line streams.Pipeline) streams.Pipeline {
	w := &watched{m: m, part: part}
	line.Scorer = scorer{line.Scorer, m}
	line.Sink = sink{line.Sink, w}
	line.Checkpoints = checkpoints{line.Checkpoints, w}
	scored, retried := line.Hooks.Scored, line.Hooks.Retried
	readings, rejects := m.readings.WithLabelValues(part), m.rejects.WithLabelValues(part)
	latest := m.eventTime.WithLabelValues(part)
	last := 0.0
	line.Hooks.Scored = func(b flatwatt.Batch, scores []flatwatt.Score) {
		readings.Add(float64(len(b.Readings)))
		rejects.Add(float64(len(b.Rejected)))
		m.at(part, b.Next)
		if n := len(b.Readings); n > 0 { // batches are in order, nearly: one reading tells enough
			last = max(last, float64(b.Readings[n-1].End().Unix()))
			latest.Set(last)
		}
		if scored != nil {
			scored(b, scores)
		}
	}
	line.Hooks.Retried = func(doing string, attempt int, err error) {
		m.retries.WithLabelValues(part, doing).Inc()
		if retried != nil {
			retried(doing, attempt, err)
		}
	}
	return line
}

// Unwatch forgets a part that this worker no longer scores: its last values would look
// like those of a part that stands still.
func (m *Metrics) Unwatch(part string) {
	by := prometheus.Labels{"part": part}
	for _, g := range []*prometheus.GaugeVec{m.position, m.savedPosition, m.savedBytes, m.savedAt, m.eventTime, m.lag} {
		g.DeletePartialMatch(by)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.places, part)
}

type watched struct {
	m    *Metrics
	part string
}

type scorer struct {
	flatwatt.Scorer
	m *Metrics
}

func (s scorer) Score(dst []flatwatt.Score, readings []flatwatt.Reading) []flatwatt.Score {
	began := time.Now()
	dst = s.Scorer.Score(dst, readings)
	s.m.scoring.Observe(time.Since(began).Seconds())
	return dst
}

type sink struct {
	flatwatt.Sink
	*watched
}

func (s sink) Write(ctx context.Context, scores []flatwatt.Score) error {
	began := time.Now()
	err := s.Sink.Write(ctx, scores)
	s.m.writing.Observe(time.Since(began).Seconds())
	if err == nil {
		for i := range scores {
			s.m.scores.WithLabelValues(s.part, string(scores[i].State)).Inc()
			if x := &scores[i]; x.State == flatwatt.Suspect && x.FirstAlarm.After(x.Start) {
				s.m.alarms.WithLabelValues(s.part).Inc() // first on this day
			}
		}
	}
	return err
}

type checkpoints struct {
	flatwatt.Checkpoints
	*watched
}

func (c checkpoints) Load(ctx context.Context) (flatwatt.Checkpoint, error) {
	saved, err := c.Checkpoints.Load(ctx)
	if err == nil {
		c.m.at(c.part, saved.Position)
		c.note(saved)
	}
	return saved, err
}

func (c checkpoints) Save(ctx context.Context, cp flatwatt.Checkpoint) error {
	began := time.Now()
	err := c.Checkpoints.Save(ctx, cp)
	c.m.saving.Observe(time.Since(began).Seconds())
	if err == nil {
		c.m.saves.WithLabelValues(c.part).Inc()
		c.m.savedAt.WithLabelValues(c.part).SetToCurrentTime()
		c.note(cp)
	}
	return err
}

func (c checkpoints) note(cp flatwatt.Checkpoint) {
	c.m.savedPosition.WithLabelValues(c.part).Set(float64(cp.Position))
	c.m.savedBytes.WithLabelValues(c.part).Set(float64(len(cp.State)))
}
