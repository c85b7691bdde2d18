// Package influxd is the time-series database inside flatwatt: the storage and query
// core of InfluxDB 1.8.3 as a library, behind as much of the InfluxDB 2 interface as
// the sink, the console and Grafana use. A pilot needs no second server; production
// points the same client at a real InfluxDB 2.x.
//
// Why this core: it is pure Go, keeps text, takes late data and, above all, replaces
// a point that is written again, which re-scoring relies on. It stays at 1.8.3
// because from 1.9 on its query package needs a Rust library through cgo. Its
// services/httpd is not used, since it would pull that library's old Go version in.
package influxd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/influxdata/influxdb/coordinator"
	"github.com/influxdata/influxdb/query"
	"github.com/influxdata/influxdb/services/meta"
	"github.com/influxdata/influxdb/tsdb"
	_ "github.com/influxdata/influxdb/tsdb/engine" // makes tsm1 known to tsdb
	_ "github.com/influxdata/influxdb/tsdb/index"  // makes tsi1 known to tsdb
)

// Version is the release of the core, as /health and /ping tell it.
const Version = "1.8.3"

// Limits that apply where Options leaves a zero.
const (
	DefaultMaxBodyBytes   = 32 << 20         // of one request, after decompression
	DefaultMaxRows        = 100_000          // of one answer that is not chunked; more are cut and marked partial
	DefaultMaxSeries      = 20_000_000       // of one bucket; points of further series are refused
	DefaultMaxQueries     = 16               // at a time
	DefaultQueryTimeout   = 60 * time.Second // of one query
	DefaultShardDuration  = 28 * 24 * time.Hour
	DefaultBucket         = "flatwatt"
	maxMemoryPerShard     = 1 << 30   // of points not yet in a file; past it writes fail until a file is written
	snapshotMemoryBytes   = 128 << 20 // of points that are written to a file together: fewer and larger files, less to merge
	compactThroughputByte = 48 << 20
)

// Options are what an embedded database is opened with. Only Token is required.
type Options struct {
	Token     string // lets its bearer do everything; at least MinTokenBytes
	ReadToken string // lets its bearer query, e.g. Grafana; "": there is none
	Org       string // the organisation that requests must name; "": any
	Bucket    string // made when missing; "": DefaultBucket

	MaxBodyBytes int64
	MaxRows      int
	MaxSeries    int64
	MaxQueries   int
	QueryTimeout time.Duration

	// ShardDuration is the span of time that shares files. Scores come once a day, so
	// the 7 days of a stock InfluxDB would hold seven points a series.
	ShardDuration time.Duration
}

// MinTokenBytes is the shortest token accepted: shorter ones can be guessed.
const MinTokenBytes = 8

func (o Options) withDefaults() (Options, error) {
	if len(o.Token) < MinTokenBytes {
		return o, fmt.Errorf("token has %d bytes; give at least %d", len(o.Token), MinTokenBytes)
	}
	if o.ReadToken != "" && len(o.ReadToken) < MinTokenBytes {
		return o, fmt.Errorf("read token has %d bytes; give at least %d, or none", len(o.ReadToken), MinTokenBytes)
	}
	if o.MaxBodyBytes < 0 || o.MaxRows < 0 || o.MaxSeries < 0 || o.MaxQueries < 0 || o.QueryTimeout < 0 || o.ShardDuration < 0 {
		return o, errors.New("a limit is negative; give a positive one, or 0 for its default")
	}
	o.Bucket = cmp.Or(o.Bucket, DefaultBucket)
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, DefaultMaxBodyBytes)
	o.MaxRows = cmp.Or(o.MaxRows, DefaultMaxRows)
	o.MaxSeries = cmp.Or(o.MaxSeries, DefaultMaxSeries)
	o.MaxQueries = cmp.Or(o.MaxQueries, DefaultMaxQueries)
	o.QueryTimeout = cmp.Or(o.QueryTimeout, DefaultQueryTimeout)
	o.ShardDuration = cmp.Or(o.ShardDuration, DefaultShardDuration)
	return o, nil
}

// A DB is an open embedded database. Its methods may be called concurrently.
type DB struct {
	opt    Options
	lock   io.Closer
	meta   *meta.Client
	store  *tsdb.Store
	points *coordinator.PointsWriter
	exec   *query.Executor
	routes http.Handler
	opened time.Time
	broken atomic.Pointer[error] // see noteBroken

	mu      sync.Mutex // guards servers and closed
	servers []*server
	closed  bool
}

// Open opens the database in dir and makes the directory and the bucket where they
// are missing. A directory serves one process at a time: a second Open fails. What a
// write acknowledged is there again, also after a kill.
func Open(dir string, o Options) (*DB, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open time-series database: %w", err)
	}
	db := &DB{opt: o, opened: time.Now()}
	if err := db.open(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open time-series database in %s: %w", dir, err), db.closeCore())
	}
	db.routes = db.newRoutes()
	return db, nil
}

func (db *DB) open(dir string) (err error) {
	metaDir := filepath.Join(dir, "meta")
	if err := os.MkdirAll(metaDir, 0o700); err != nil {
		return err
	}
	if db.lock, err = lockFile(filepath.Join(dir, "lock")); err != nil {
		return err
	}
	mc := meta.NewConfig()
	mc.Dir, mc.LoggingEnabled = metaDir, false
	client := meta.NewClient(mc)
	if err := client.Open(); err != nil {
		return err
	}
	db.meta = client
	if err := repair(dir); err != nil {
		return err
	}
	store := newStore(dir)
	if err := store.Open(); err != nil {
		return errors.Join(err, store.Close())
	}
	db.store = store
	db.wire()
	if err := db.points.Open(); err != nil {
		return err
	}
	return db.createBucket(db.opt.Bucket)
}

// newStore configures the storage engine. It logs nothing: what concerns the caller
// comes back as an error of a request.
func newStore(dir string) *tsdb.Store {
	c := tsdb.NewConfig()
	c.Dir, c.WALDir = filepath.Join(dir, "data"), filepath.Join(dir, "wal")
	c.Index = "tsi1" // on disk; the in-memory index holds every series on the heap
	c.QueryLogEnabled = false
	c.CacheMaxMemorySize, c.CacheSnapshotMemorySize = maxMemoryPerShard, snapshotMemoryBytes
	c.CompactThroughput, c.CompactThroughputBurst = compactThroughputByte, compactThroughputByte
	c.MaxSeriesPerDatabase, c.MaxValuesPerTag = 0, 0 // known to the other index only; see limitSeries
	s := tsdb.NewStore(c.Dir)
	s.EngineOptions.Config = c
	s.EngineOptions.EngineVersion = c.Engine
	s.EngineOptions.IndexVersion = c.Index
	s.EngineOptions.MonitorDisabled = false // it puts cold shards to sleep
	return s
}

func (db *DB) wire() {
	db.points = coordinator.NewPointsWriter()
	db.points.MetaClient = db.meta
	db.points.TSDBStore = db.store
	db.exec = query.NewExecutor()
	db.exec.TaskManager.QueryTimeout = db.opt.QueryTimeout
	db.exec.TaskManager.MaxConcurrentQueries = db.opt.MaxQueries
	db.exec.StatementExecutor = &coordinator.StatementExecutor{
		MetaClient:  db.meta,
		TaskManager: db.exec.TaskManager,
		TSDBStore:   db.store,
		ShardMapper: &coordinator.LocalShardMapper{
			MetaClient: db.meta,
			TSDBStore:  coordinator.LocalTSDBStore{Store: db.store},
		},
		PointsWriter: db.points,
	}
}

// createBucket makes a bucket that keeps points for ever; nothing where it exists.
func (db *DB) createBucket(name string) error {
	if db.meta.Database(name) != nil {
		return nil
	}
	forever, copies := time.Duration(0), 1
	_, err := db.meta.CreateDatabaseWithRetentionPolicy(name, &meta.RetentionPolicySpec{
		Name: "autogen", Duration: &forever, ReplicaN: &copies, ShardGroupDuration: db.opt.ShardDuration,
	})
	if err != nil {
		return fmt.Errorf("create bucket %q: %w", name, err)
	}
	return nil
}

// Close waits for running requests, up to a few seconds, stops listening and closes
// the files. Closing again does nothing.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	servers := db.servers
	db.mu.Unlock()
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.stop())
	}
	return errors.Join(append(errs, db.closeCore())...)
}

// closeCore closes what was opened, in the reverse order.
func (db *DB) closeCore() error {
	var errs []error
	if db.points != nil {
		errs = append(errs, db.points.Close(), db.exec.Close())
	}
	if db.store != nil {
		errs = append(errs, db.store.Close())
	}
	if db.meta != nil {
		errs = append(errs, db.meta.Close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	return errors.Join(errs...)
}
