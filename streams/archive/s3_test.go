package archive_test

import (
	"errors"
	"io/fs"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/flatwatt/flatwatt/streams/archive"
)

// openS3 serves a bucket over HTTP on the loopback and connects to it.
func openS3(t *testing.T, prefix string) *archive.S3 {
	t.Helper()
	server := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithAutoBucket(true)).Server())
	t.Cleanup(server.Close)
	s, err := archive.OpenS3(t.Context(), archive.S3Options{
		Endpoint: strings.TrimPrefix(server.URL, "http://"), Bucket: "meters", Prefix: prefix, Region: "us-east-1",
		AccessKey: "key", SecretKey: "secret", Plain: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStoresBehaveAlike(t *testing.T) {
	for name, s := range map[string]archive.Store{"dir": archive.Dir(t.TempDir()), "s3": openS3(t, "a/b"), "s3 without prefix": openS3(t, "")} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if _, err := s.Get(ctx, "x/1"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Get of nothing: %v, want not exist", err)
			}
			if _, err := s.Open(ctx, "x/1"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Open of nothing: %v, want not exist", err)
			}
			if err := s.Remove(ctx, "x/1"); err != nil {
				t.Errorf("Remove of nothing: %v", err)
			}
			for _, key := range []string{"x/2", "x/1", "y/1"} {
				if err := s.Put(ctx, key, []byte("old")); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Put(ctx, "x/1", []byte("0123456789")); err != nil {
				t.Fatal(err)
			}
			if data, err := s.Get(ctx, "x/1"); err != nil || string(data) != "0123456789" {
				t.Errorf("Get: %q, %v", data, err)
			}
			o, err := s.Open(ctx, "x/1")
			if err != nil {
				t.Fatal(err)
			}
			part := make([]byte, 3)
			if _, err := o.ReadAt(part, 4); err != nil || string(part) != "456" || o.Size() != 10 {
				t.Errorf("ReadAt: %q of %d, %v", part, o.Size(), err)
			}
			if err := o.Close(); err != nil {
				t.Error(err)
			}
			if err := s.Remove(ctx, "x/2"); err != nil {
				t.Error(err)
			}
			if keys, err := s.List(ctx, "x/"); err != nil || !slices.Equal(keys, []string{"x/1"}) {
				t.Errorf("List: %v, %v", keys, err)
			}
		})
	}
}

func TestAnArchiveInS3(t *testing.T) {
	readings := fleet(3, 3, 6)
	a := fill(t, openS3(t, "archive"), archive.Options{Meters: register(3), FlushReadings: 200}, readings)
	if got := all(t, a, 0, archive.AsKnown); !slices.Equal(keys(got), keys(readings)) {
		t.Errorf("%d readings came out of S3, %d went in, or they differ", len(got), len(readings))
	}
	one, err := a.Meter(t.Context(), "m-0002", 0, march, march.AddDate(1, 0, 0))
	if err != nil || len(one) != 3*96 {
		t.Errorf("%d readings of one meter, %v; want %d", len(one), err, 3*96)
	}
	if faults, err := a.Verify(t.Context(), nil); err != nil || len(faults) > 0 {
		t.Errorf("verify: %v %v", faults, err)
	}
}
