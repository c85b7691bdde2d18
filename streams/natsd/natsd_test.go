package natsd_test

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/natsd"
)

func start(t *testing.T, o natsd.Options) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What was stored is there after a restart, over the port and within the process.
func TestStreamsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	s := start(t, natsd.Options{Dir: dir})
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	js, _ := jetstream.New(nc)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = start(t, natsd.Options{Dir: dir, InProcessOnly: true})
	defer s.Close()
	if u := s.URL(); u != "" {
		t.Errorf("in-process server has the address %s", u)
	}
	if nc, err = s.Connect(); err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, _ = jetstream.New(nc)
	stream, err := js.Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(t.Context(), 1)
	if err != nil || string(m.Data) != "kept" {
		t.Errorf("message %v, error %v", m, err)
	}
}

func TestListensOnTheLoopbackOnly(t *testing.T) {
	s := start(t, natsd.Options{Dir: t.TempDir()})
	defer s.Close()
	u, err := url.Parse(s.URL())
	if err != nil || !net.ParseIP(u.Hostname()).IsLoopback() {
		t.Errorf("address %s", s.URL())
	}
}

func TestRefusals(t *testing.T) {
	f := func(o natsd.Options, want string) {
		t.Helper()
		s, err := natsd.Start(o)
		if err == nil {
			s.Close()
			t.Fatalf("started with %+v", o)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want one that says %q", err, want)
		}
	}
	f(natsd.Options{}, "set Dir")

	dir := t.TempDir()
	s := start(t, natsd.Options{Dir: dir})
	defer s.Close()
	f(natsd.Options{Dir: dir}, "in use by another process")
	u, _ := url.Parse(s.URL())
	port, _ := strconv.Atoi(u.Port())
	f(natsd.Options{Dir: t.TempDir(), Port: port}, "port is not free")
}
