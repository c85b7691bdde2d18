package jetstream

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	js "github.com/nats-io/nats.go/jetstream"
)

// MaxBuckets bounds the number of buckets: each costs a consumer and a checkpoint.
const MaxBuckets = 1024

const readingsPrefix = "ami.readings."

// Bucket is the bucket, from 0, of the readings that a concentrator sends, as the server
// finds it: FNV-1a of the whole subject, modulo buckets. All meters under a concentrator
// are thus in one bucket, whoever publishes them.
func Bucket(concentrator string, buckets int) int {
	h := fnv.New32a()
	h.Write([]byte(readingsPrefix + concentrator))
	return int(h.Sum32() % uint32(buckets))
}

// BucketSubject is that of the messages of a bucket, for Source.Subject.
func BucketSubject(bucket int) string { return fmt.Sprintf("ami.bucket.%d.>", bucket) }

// bucketTransform has the server put the bucket into the subject of each message that
// it stores: ami.readings.C-1 becomes ami.bucket.17.C-1.
func bucketTransform(buckets int) *js.SubjectTransformConfig {
	return &js.SubjectTransformConfig{
		Source: ReadingsSubjects, Destination: fmt.Sprintf("ami.bucket.{{partition(%d)}}.>", buckets),
	}
}

// ErrOtherBuckets says that a stream is parted in another way than asked for.
var ErrOtherBuckets = errors.New("the stream of readings has another number of buckets")

// EnsureBuckets makes the stream of readings, parted into buckets, where it is missing.
// It refuses a stream that is parted otherwise with ErrOtherBuckets: the number of
// buckets decides which meters are compared with which, so it is part of a score's
// meaning and is chosen once. Publishers notice nothing of it.
func EnsureBuckets(ctx context.Context, j js.JetStream, r Retention, buckets int) (js.Stream, error) {
	if buckets < 1 || buckets > MaxBuckets {
		return nil, fmt.Errorf("%d buckets: give 1 to %d", buckets, MaxBuckets)
	}
	if r.Dedupe == 0 {
		r.Dedupe = DefaultDedupe
	}
	s, err := ensureStream(ctx, j, ReadingsStream, ReadingsSubjects, "Meter readings as received", r, bucketTransform(buckets))
	if err != nil {
		return nil, err
	}
	want, have := *bucketTransform(buckets), s.CachedInfo().Config.SubjectTransform
	if have == nil || *have != want {
		is := "no subject transform"
		if have != nil {
			is = fmt.Sprintf("the subject transform %s", have.Destination)
		}
		return nil, fmt.Errorf("%w: stream %s has %s, want %s: set the number of buckets to the stream's, "+
			"or let a new stream be made and publish the archive into it", ErrOtherBuckets, ReadingsStream, is, want.Destination)
	}
	return s, nil
}
