package jetstream

import (
	"testing"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/natsd"
)

// ServeForTest starts a real server on dir, for the tests in this package and outside it.
func ServeForTest(tb testing.TB, dir string) js.JetStream {
	tb.Helper()
	s, err := natsd.Start(natsd.Options{Dir: dir, InProcessOnly: true})
	if err != nil {
		tb.Fatal(err)
	}
	nc, err := s.Connect()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		nc.Close()
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	j, err := js.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}
