package main

import (
	"path/filepath"
	"testing"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/influxd"
	"github.com/flatwatt/flatwatt/streams/natsd"
)

// ownStream is a NATS server in the test's process, for services in others.
func ownStream(t *testing.T) (url string, stream js.JetStream) {
	t.Helper()
	return startStream(t, natsd.Options{})
}

// startStream starts a NATS server for the test, with a directory of its own where opt names
// none; url is "" where it serves this process only.
func startStream(t *testing.T, opt natsd.Options) (url string, stream js.JetStream) {
	t.Helper()
	if opt.Dir == "" {
		opt.Dir = filepath.Join(t.TempDir(), "nats")
	}
	nats, err := natsd.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nats.Close() })
	conn, err := nats.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if stream, err = js.New(conn); err != nil {
		t.Fatal(err)
	}
	if !opt.InProcessOnly {
		url = nats.URL()
	}
	return url, stream
}

// ownDatabase is the address of an embedded database in the test's process.
func ownDatabase(t *testing.T) (url string) {
	t.Helper()
	return startDatabase(t, filepath.Join(t.TempDir(), "influx"))
}

// startDatabase is the same, of what dir holds.
func startDatabase(t *testing.T, dir string) (url string) {
	t.Helper()
	db, err := influxd.Open(dir, influxd.Options{Token: crashToken, Org: "flatwatt", Bucket: "flatwatt"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if url, err = db.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return url
}
