package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options name a bucket of an S3-compatible store.
type S3Options struct {
	Endpoint  string // host or host:port, without scheme
	Bucket    string
	Prefix    string // within the bucket, without slash at either end; may be empty
	Region    string // empty: asked of the server
	AccessKey string
	SecretKey string
	Plain     bool // http instead of https: for servers on the loopback
}

// An S3 is a Store in a bucket of an S3-compatible store. A PUT is atomic there: an object
// appears whole or not at all.
type S3 struct {
	client *minio.Client
	opt    S3Options
}

// OpenS3 connects to a bucket, which must be there.
func OpenS3(ctx context.Context, opt S3Options) (*S3, error) {
	c, err := minio.New(opt.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(opt.AccessKey, opt.SecretKey, ""), Secure: !opt.Plain, Region: opt.Region,
	})
	if err != nil {
		return nil, fmt.Errorf("S3 at %s: %w", opt.Endpoint, err)
	}
	s := &S3{client: c, opt: opt}
	ok, err := c.BucketExists(ctx, opt.Bucket)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	if !ok {
		return nil, fmt.Errorf("%s: there is no bucket %s: make it first", s, opt.Bucket)
	}
	return s, nil
}

// String implements Store.
func (s *S3) String() string { return "s3://" + s.opt.Bucket + "/" + s.opt.Prefix }

func (s *S3) name(key string) string {
	if s.opt.Prefix == "" {
		return key
	}
	return s.opt.Prefix + "/" + key
}

// Get implements Store.
func (s *S3) Get(ctx context.Context, key string) ([]byte, error) {
	o, err := s.client.GetObject(ctx, s.opt.Bucket, s.name(key), minio.GetObjectOptions{})
	if err != nil {
		return nil, s.failed(key, err)
	}
	data, err := io.ReadAll(o)
	return data, s.failed(key, errors.Join(err, o.Close()))
}

// Open implements Store. The object's size is asked for; its bytes come as they are read.
func (s *S3) Open(ctx context.Context, key string) (Object, error) {
	o, err := s.client.GetObject(ctx, s.opt.Bucket, s.name(key), minio.GetObjectOptions{})
	if err != nil {
		return nil, s.failed(key, err)
	}
	st, err := o.Stat()
	if err != nil {
		return nil, s.failed(key, errors.Join(err, o.Close()))
	}
	return s3Object{o, st.Size}, nil
}

type s3Object struct {
	*minio.Object
	size int64
}

func (o s3Object) Size() int64 { return o.size }

// Put implements Store.
func (s *S3) Put(ctx context.Context, key string, data []byte) error {
	_, err := s.client.PutObject(ctx, s.opt.Bucket, s.name(key), bytes.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return s.failed(key, err)
}

// Remove implements Store.
func (s *S3) Remove(ctx context.Context, key string) error {
	err := s.failed(key, s.client.RemoveObject(ctx, s.opt.Bucket, s.name(key), minio.RemoveObjectOptions{}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// List implements Store.
func (s *S3) List(ctx context.Context, prefix string) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing's goroutine after an error
	var keys []string
	for o := range s.client.ListObjects(ctx, s.opt.Bucket, minio.ListObjectsOptions{Prefix: s.name(prefix), Recursive: true}) {
		if o.Err != nil {
			return nil, s.failed(prefix, o.Err)
		}
		keys = append(keys, strings.TrimPrefix(o.Key, s.name("")))
	}
	slices.Sort(keys)
	return keys, nil
}

// failed names the object, and makes "there is none" what it is for files.
func (s *S3) failed(key string, err error) error {
	if err == nil {
		return nil
	}
	var res minio.ErrorResponse
	if errors.As(err, &res) && (res.Code == minio.NoSuchKey || res.StatusCode == http.StatusNotFound) {
		return fmt.Errorf("%s/%s: %w", s, key, fs.ErrNotExist)
	}
	return fmt.Errorf("%s/%s: %w", s, key, err)
}
