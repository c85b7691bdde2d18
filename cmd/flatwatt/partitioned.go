package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"
	"golang.org/x/sync/errgroup"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/metrics"
	"github.com/flatwatt/flatwatt/network"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/file"
	"github.com/flatwatt/flatwatt/streams/influx"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/partition"
)

// A partSettings says how the fleet is shared among workers; see sample.yaml.
type partSettings struct {
	Buckets    int `yaml:"buckets"`
	Partitions int `yaml:"partitions"`
	TakeOverS  int `yaml:"take_over_s"`
}

const maxTakeOverS = 600

func (s partSettings) check(bad func(string, ...any)) {
	if s.Buckets < 0 || s.Buckets > jetstream.MaxBuckets {
		bad("partitions.buckets: %d; want 0 to %d", s.Buckets, jetstream.MaxBuckets)
	}
	if s.Partitions < 0 || s.Buckets > 0 && s.Partitions > s.Buckets {
		bad("partitions.partitions: %d; want 1 to the number of buckets, %d, or 0 for that number", s.Partitions, s.Buckets)
	}
	if s.TakeOverS < 1 || s.TakeOverS > maxTakeOverS {
		bad("partitions.take_over_s: %d; want 1 to %d", s.TakeOverS, maxTakeOverS)
	}
}

func (s partSettings) layout() partition.Layout {
	l := partition.Layout{Buckets: s.Buckets, Partitions: s.Partitions}
	if l.Partitions == 0 {
		l.Partitions = l.Buckets
	}
	return l
}

// A grid is a fleet parted into buckets, and what a worker needs to score some of them.
type grid struct {
	service
	buckets [][]flatwatt.Meter // by bucket: the meters whose concentrator belongs to it
	turns   *streams.Turns     // of the buckets, at this machine's processors
	byID    map[flatwatt.MeterID]flatwatt.Meter
}

// partFleet sorts meters into buckets by their concentrator.
func partFleet(meters []flatwatt.Meter, buckets int) [][]flatwatt.Meter {
	parts := make([][]flatwatt.Meter, buckets)
	for _, m := range meters {
		b := jetstream.Bucket(concentrator(m), buckets)
		parts[b] = append(parts[b], m)
	}
	return parts
}

// runPartitioned scores the partitions that fall to this worker until ctx ends.
func (p *Program) runPartitioned(ctx context.Context, sv service) error {
	s := sv.settings
	store, err := partition.OpenStore(ctx, sv.to.stream, s.NATS.Replicas)
	if err != nil {
		return err
	}
	g := &grid{service: sv, buckets: partFleet(sv.fleet.Meters(), s.Partitions.Buckets), byID: byID(sv.fleet), turns: streams.NewTurns(runtime.GOMAXPROCS(0))}
	group := partition.Group{
		Store: store, Worker: workerName(), Layout: s.Partitions.layout(),
		TTL: time.Duration(s.Partitions.TakeOverS) * time.Second,
		Work: func(ctx context.Context, l partition.Layout, part int) error {
			name := fmt.Sprint("partition ", part)
			sv.health.Ready(name, "restoring")
			defer sv.health.Ready(name, "") // of a partition that is not ours, others tell
			return p.scoreBuckets(ctx, g, l.BucketsOf(part), func() { sv.health.Ready(name, "") })
		},
		Hooks: partition.Hooks{
			Owns: func(l partition.Layout, parts []int) {
				sv.metrics.Owns(len(parts))
				for part := range l.Partitions {
					if !slices.Contains(parts, part) {
						sv.health.Ready(fmt.Sprint("partition ", part), "") // now the business of others
					}
				}
				p.say("ready: owns %d of %d partitions %v of %d buckets; readings from %s, scores to %s",
					len(parts), l.Partitions, parts, l.Buckets, redact(sv.to.natsURL), redact(sv.to.influxURL))
			},
			Failed: func(part int, err error, again time.Duration) {
				p.warn("partition %d: %v; trying again in %v", part, err, again)
				sv.health.Ready(fmt.Sprint("partition ", part), err.Error())
			},
			Missed: func(err error) {
				sv.metrics.Missed()
				p.warn("%v", err)
			},
			Renewed: func() {
				sv.metrics.Renewed()
				sv.health.Ready("partitions", "")
			},
			Lost: func() {
				sv.health.Ready("partitions", "the lease is over, others may score: the table of partitions cannot be renewed")
			},
		},
	}
	return group.Run(ctx)
}

// scoreBuckets runs the loop of each bucket until one fails.
func (p *Program) scoreBuckets(ctx context.Context, g *grid, buckets []int, ready func()) error {
	work, ctx := errgroup.WithContext(ctx)
	var resumed atomic.Int32
	for _, b := range buckets {
		seat := g.turns.Join()
		work.Go(func() error {
			line, err := p.bucketPipeline(ctx, g, b, seat)
			if err == nil {
				line.Hooks.Resumed = func(flatwatt.Position, int) {
					if int(resumed.Add(1)) == len(buckets) {
						ready()
					}
				}
				defer g.metrics.Unwatch(bucketName(b))
				err = line.Run(ctx)
			}
			if err != nil {
				return fmt.Errorf("bucket %d: %w", b, err)
			}
			return nil
		})
	}
	return work.Wait()
}

// bucketPipeline wires the loop of one bucket, when it is its turn. Position, memory and
// roll-ups are its own.
func (p *Program) bucketPipeline(ctx context.Context, g *grid, bucket int, seat *streams.Seat) (line streams.Pipeline, err error) {
	done, err := seat.Take(ctx)
	if err != nil {
		return line, err
	}
	defer done()
	meters := g.buckets[bucket]
	scorer, err := newScorerOn(g.net, g.model, meters, around(g.net, g.board.meters, meters), g.fleet.Weather(), g.aside())
	if err != nil {
		return line, err
	}
	name := bucketName(bucket)
	sink, err := influx.NewSink(g.to.client, g.withAncestors(meters), name)
	if err != nil {
		return line, err
	}
	line, err = p.servicePipeline(g.service, end{
		name: checkpointName + "-" + name, part: name, subject: jetstream.BucketSubject(bucket), meters: meters, sink: sink, scorer: scorer,
		saveFirst: firstSave(g.settings.Run.SaveEveryReadings, bucket, len(g.buckets)),
	})
	line.Seat = seat
	return line, err
}

// firstSave spreads the checkpoints of buckets, which all fill at the same pace, so that
// their copies of memory are not made and stored all at once.
func firstSave(every, bucket, buckets int) int {
	if every == 0 {
		every = streams.DefaultSaveEvery
	}
	return max(1, every*(bucket+1)/buckets)
}

// bucketName is that of a bucket in the database, metrics and checkpoints.
func bucketName(bucket int) string { return fmt.Sprintf("b%04d", bucket) }

// withAncestors adds the transformers and feeders above meters, for the roll-ups.
func (g *grid) withAncestors(meters []flatwatt.Meter) []flatwatt.Meter {
	list := meters[:len(meters):len(meters)]
	seen := make(map[flatwatt.MeterID]bool, len(meters))
	for _, m := range meters {
		seen[m.ID] = true
	}
	for _, m := range meters {
		for up, ok := g.byID[m.Parent]; ok && !seen[up.ID]; up, ok = g.byID[up.Parent] {
			seen[up.ID] = true
			list = append(list, up)
		}
	}
	return list
}

// byID finds what may be a parent.
func byID(fleet *file.Fleet) map[flatwatt.MeterID]flatwatt.Meter {
	of := map[flatwatt.MeterID]flatwatt.Meter{}
	for _, m := range fleet.Meters() {
		if !m.IsCustomer() {
			of[m.ID] = m
		}
	}
	return of
}

// workerName is unique to this process: one that is started again must not take itself
// for the one before, which may only be paused.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return strings.ToLower(host) + "-" + nuid.Next()
}

// A service is what every loop of the service shares.
type service struct {
	settings settings
	model    *detectors.Params
	fleet    *file.Fleet
	net      *network.Network
	book     flatwatt.OutsideBook // of the fleet's files and the stream
	to       *servers
	board    *board
	recent   *recentLoads
	metrics  *metrics.Metrics
	health   *metrics.Health
	pulse    *pulse
	verdicts verdictsOf
	casework *casework.DB
	raiser   *alarms.Raiser
	lang     string
	fresh    bool // start over from the stream's start where a checkpoint does not fit
}

// aside is what the service knows beside readings and weather.
func (sv *service) aside() aside {
	a := filesOf(sv.fleet)
	a.book = sv.book
	return a
}

// An end says which part of the stream a loop scores and where its results go.
type end struct {
	name    string // of the checkpoint
	part    string // of the fleet, in metrics
	subject string // "": the whole stream
	meters  []flatwatt.Meter
	sink    flatwatt.Sink
	scorer  flatwatt.Scorer

	saveFirst int // readings before the first checkpoint, 0: as before each
}
