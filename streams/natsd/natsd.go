// Package natsd runs a NATS server with JetStream inside the process: flatwatt's
// default, which needs no other installation. In production the same clients connect
// to a cluster instead; only the address differs.
package natsd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// MaxPayloadBytes is the largest message that the server takes. NATS advises to
	// stay below 8 MiB; the largest batch of readings is far smaller.
	MaxPayloadBytes = 8 << 20

	// startWithin bounds the recovery of streams at start. Measured: well under a
	// second a GB; a disk that takes longer than this has something wrong with it.
	startWithin = 2 * time.Minute

	// maxStoreBytes is more than any disk has, so that the disk is the limit. The server's
	// own would be three quarters of what is free when it starts, for as long as it runs: one
	// that started on a full disk would refuse readings after room had been made.
	maxStoreBytes = 1 << 50
)

// Options say where a server keeps its streams and who may reach it.
type Options struct {
	Dir  string // of the streams; made where it is missing, and used by one server at a time
	Host string // "": 127.0.0.1. There is no authentication: keep it on the loopback.
	Port int    // 0: chosen by the system, see URL

	InProcessOnly bool // no port at all; use Connect

	// SyncAlways waits for the disk at every message, so that readings survive a loss
	// of power, not only of the process. It costs most of the throughput.
	SyncAlways bool

	MQTT *MQTT // nil: no MQTT listener

	Logger server.Logger // nil: silent
}

// A Server is a running NATS server.
type Server struct {
	nats *server.Server
	lock *os.File
	mqtt string // host:port; "": none
}

// Start starts a server and waits until it has recovered its streams and takes
// connections.
func Start(o Options) (*Server, error) {
	if o.Dir == "" {
		return nil, errors.New("nats server: no directory for its streams; set Dir")
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	n, err := start(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("nats server in %s: %w", o.Dir, err), lock.Close())
	}
	s := &Server{nats: n, lock: lock}
	if o.MQTT != nil {
		if s.mqtt, err = mqttAddress(n, o.MQTT.host()); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func start(o Options) (*server.Server, error) {
	host, port := o.Host, o.Port
	if host == "" {
		host = "127.0.0.1"
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if err := free(host, port, o.InProcessOnly); err != nil {
		return nil, err
	}
	opts := &server.Options{
		ServerName: "flatwatt", Host: host, Port: port, DontListen: o.InProcessOnly,
		JetStream: true, StoreDir: o.Dir, JetStreamMaxStore: maxStoreBytes, SyncAlways: o.SyncAlways, MaxPayload: MaxPayloadBytes,
		NoSigs: true, // signals belong to the program
		NoLog:  o.Logger == nil,
	}
	if o.MQTT != nil {
		if err := o.MQTT.apply(opts); err != nil {
			return nil, err
		}
	}
	n, err := server.NewServer(opts)
	if err != nil {
		return nil, err
	}
	if o.Logger != nil {
		n.SetLogger(o.Logger, false, false)
	}
	n.Start()
	if !n.ReadyForConnections(startWithin) || !n.JetStreamEnabled() {
		n.Shutdown()
		n.WaitForShutdown()
		return nil, fmt.Errorf("not ready within %v; its log (Logger) says why", startWithin)
	}
	return n, nil
}

// free refuses a fixed port that is taken. The server itself would end the process's
// start by a fatal log line that nobody sees, and wait.
func free(host string, port int, inProcess bool) error {
	if port == server.RANDOM_PORT || inProcess {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		return fmt.Errorf("port is not free, choose another or 0: %w", err)
	}
	return l.Close()
}

// URL is where clients of other processes connect; "" with InProcessOnly.
func (s *Server) URL() string {
	if s.nats.Addr() == nil {
		return ""
	}
	return s.nats.ClientURL()
}

// Check says what keeps the server from its work, e.g. a disk that was full: a stream whose
// file could not be written takes nothing more until the server is started anew, even when
// there is room again.
func (s *Server) Check() error {
	if h := s.nats.Healthz(nil); h.Status != "ok" {
		return fmt.Errorf("nats server: %s (%d): %s", h.Status, h.StatusCode, h.Error)
	}
	return nil
}

// Connect connects from within the process, without a port.
func (s *Server) Connect(options ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect("", append(options, nats.InProcessServer(s.nats))...)
	if err != nil {
		return nil, fmt.Errorf("connect to the nats server of this process: %w", err)
	}
	return nc, nil
}

// Close stops the server and waits until its files are closed.
func (s *Server) Close() error {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return s.lock.Close() // which unlocks
}

// lockDir makes dir and takes its lock. Two servers on one directory would mix their
// streams without noticing. The system drops the lock with the process, however it ends.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "flatwatt.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("nats server: %s is in use by another process; stop that or choose another directory: %w", dir, err), f.Close())
	}
	return f, nil
}
