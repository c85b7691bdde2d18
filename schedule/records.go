package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	js "github.com/nats-io/nats.go/jetstream"
)

// RecordsBucket is the key-value bucket of the jobs' records.
const RecordsBucket = "flatwatt-jobs"

// errChanged says that a record is not what it was when it was read.
var errChanged = errors.New("the record has changed")

// Records are the jobs' records in a key-value bucket of JetStream.
type Records struct{ kv js.KeyValue }

// OpenRecords opens the bucket, or makes it with so many replicas.
func OpenRecords(ctx context.Context, j js.JetStream, replicas int) (*Records, error) {
	kv, err := j.KeyValue(ctx, RecordsBucket)
	if errors.Is(err, js.ErrBucketNotFound) {
		kv, err = j.CreateKeyValue(ctx, js.KeyValueConfig{Bucket: RecordsBucket, Description: "Which job runs where", History: 1, Replicas: max(1, replicas)})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", RecordsBucket, err)
	}
	return &Records{kv}, nil
}

// get is the record of a job; revision 0 where there is none.
func (r *Records) get(ctx context.Context, job string) (rec record, rev uint64, err error) {
	e, err := r.kv.Get(ctx, job)
	if errors.Is(err, js.ErrKeyNotFound) {
		return rec, 0, nil
	}
	if err != nil {
		return rec, 0, fmt.Errorf("read the record: %w", err)
	}
	if err := json.Unmarshal(e.Value(), &rec); err != nil {
		return rec, 0, fmt.Errorf("record of %s: %w: delete key %s of bucket %s", job, err, job, RecordsBucket)
	}
	return rec, e.Revision(), nil
}

// put replaces the record that was read at rev; errChanged if it is another by now.
func (r *Records) put(ctx context.Context, job string, rec record, rev uint64) (uint64, error) {
	text, err := json.Marshal(rec)
	if err != nil {
		return 0, err
	}
	if rev == 0 {
		rev, err = r.kv.Create(ctx, job, text)
	} else {
		rev, err = r.kv.Update(ctx, job, text, rev)
	}
	var api *js.APIError
	if errors.Is(err, js.ErrKeyExists) || errors.As(err, &api) && api.ErrorCode == js.JSErrCodeStreamWrongLastSequence {
		return 0, errChanged
	}
	if err != nil {
		return 0, fmt.Errorf("write the record: %w", err)
	}
	return rev, nil
}

// Due says until when a job's times are settled and which worker runs it now, "" for none;
// known is false before a worker has seen the job.
func (r *Records) Due(ctx context.Context, j Job) (next string, worker string, known bool, err error) {
	rec, rev, err := r.get(ctx, j.Name)
	if err != nil || rev == 0 {
		return "", "", false, err
	}
	if rec.Running != nil {
		worker = rec.Running.Worker
	}
	return j.When.Next(rec.Settled).Format("2006-01-02T15:04:05Z07:00"), worker, true, nil
}
