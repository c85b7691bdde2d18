package influxd

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/influxdata/influxdb"
	"github.com/influxdata/influxdb/models"
	"github.com/influxdata/influxdb/tsdb"
)

// write takes lines of line protocol. As in InfluxDB 2: a body with a line that cannot
// be read is refused whole and nothing of it is written; a point that reads well but
// does not fit what is stored is refused alone (422) and the others are written.
func (db *DB) write(w http.ResponseWriter, r *http.Request) {
	bucket, ok := db.target(w, r.URL.Query())
	if !ok {
		return
	}
	precision, ok := precisions[r.URL.Query().Get("precision")]
	if !ok {
		fail(w, http.StatusBadRequest, "precision must be ns, us, ms or s")
		return
	}
	body, err := db.body(r)
	if err != nil {
		fail(w, statusOfRead(err), fmt.Sprintf("read request: %v", err))
		return
	}
	points, err := models.ParsePointsWithPrecision(body, time.Now().UTC(), precision)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if err := db.writePoints(bucket, points); err != nil {
		db.noteBroken(err)
		fail(w, statusOfWrite(err), fmt.Sprintf("failure writing points to database: %v", err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// noteBroken keeps an error after which no write can succeed before the database has been
// opened anew: the core's log on disk gives the same error for ever, even when there is
// room again on a disk that was full.
func (db *DB) noteBroken(err error) {
	if strings.Contains(err.Error(), "error writing WAL entry") {
		db.broken.CompareAndSwap(nil, &err)
	}
}

// Check says what keeps the database from taking writes until it is opened anew.
func (db *DB) Check() error {
	if err := db.broken.Load(); err != nil {
		return fmt.Errorf("time-series database: %w", *err)
	}
	return nil
}

// precisions are the names in InfluxDB 2 of the ones that the core knows.
var precisions = map[string]string{"": "n", "ns": "n", "us": "u", "ms": "ms", "s": "s"}

// target is the bucket that a request names. Where ok is false it has been answered.
func (db *DB) target(w http.ResponseWriter, q url.Values) (bucket string, ok bool) {
	if org := cmp.Or(q.Get("org"), q.Get("orgID")); db.opt.Org != "" && org != db.opt.Org {
		fail(w, http.StatusNotFound, fmt.Sprintf("organization name %q not found", org))
		return "", false
	}
	bucket = cmp.Or(q.Get("bucket"), q.Get("bucketID"))
	if db.meta.Database(bucket) == nil {
		fail(w, http.StatusNotFound, fmt.Sprintf("bucket %q not found", bucket))
		return "", false
	}
	return bucket, true
}

// errTooLarge stands for a body that is within the limit only while compressed.
var errTooLarge = errors.New("body is larger, decompressed, than this server takes")

func (db *DB) body(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(z, db.opt.MaxBodyBytes+1))
	if err == nil && int64(len(b)) > db.opt.MaxBodyBytes {
		err = errTooLarge
	}
	return b, err
}

func statusOfRead(err error) int {
	if tooLarge := (*http.MaxBytesError)(nil); errors.Is(err, errTooLarge) || errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// statusOfWrite tells what a client must not try again from what it may.
func statusOfWrite(err error) int {
	var partial tsdb.PartialWriteError
	switch {
	case errors.As(err, &partial):
		return http.StatusUnprocessableEntity
	case influxdb.IsClientError(err):
		return http.StatusBadRequest
	default:
		return http.StatusServiceUnavailable
	}
}

// writePoints returns once the points are in the write-ahead log on disk.
func (db *DB) writePoints(bucket string, points []models.Point) error {
	taken, err := db.limitSeries(bucket, points)
	if err != nil {
		return err
	}
	err = db.points.WritePointsPrivileged(bucket, "", models.ConsistencyLevelAny, taken)
	if dropped := len(points) - len(taken); err == nil && dropped > 0 {
		err = tsdb.PartialWriteError{
			Reason:  fmt.Sprintf("bucket has its limit of %d series", db.opt.MaxSeries),
			Dropped: dropped,
		}
	}
	return err
}

// limitSeries leaves out points that would make a new series once the bucket has
// MaxSeries of them. Requests at the same time may each overshoot by one body.
func (db *DB) limitSeries(bucket string, points []models.Point) ([]models.Point, error) {
	file, err := db.seriesFile(bucket)
	if err != nil || file == nil {
		return points, err
	}
	room := db.opt.MaxSeries - int64(file.SeriesCount())
	if room >= int64(len(points)) {
		return points, nil
	}
	taken := make([]models.Point, 0, len(points))
	fresh := make(map[string]bool)
	var buf []byte
	for _, p := range points {
		key := string(p.Key())
		if !fresh[key] && !file.HasSeries(p.Name(), p.Tags(), buf) {
			if int64(len(fresh)) >= room {
				continue
			}
			fresh[key] = true
		}
		taken = append(taken, p)
	}
	return taken, nil
}

// seriesFile is the bucket's register of series; nil before its first write.
func (db *DB) seriesFile(bucket string) (*tsdb.SeriesFile, error) {
	info := db.meta.Database(bucket)
	if info == nil {
		return nil, fmt.Errorf("bucket %q is gone", bucket)
	}
	for _, shard := range info.ShardInfos() {
		if s := db.store.Shard(shard.ID); s != nil {
			return s.SeriesFile()
		}
	}
	return nil, nil
}
