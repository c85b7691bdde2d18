package influxd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	stopWithin        = 5 * time.Second
	readHeaderWithin  = 10 * time.Second
	closeIdleAfter    = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	defaultListenAddr = "127.0.0.1:0"
)

// A server is one listener with its HTTP server. Its goroutine ends with stop.
type server struct {
	http *http.Server
	done chan error // receives what Serve returned
}

// Listen serves the database on a loopback address until Close and returns the URL.
// Port 0 lets the system choose; "" is 127.0.0.1:0. Other addresses are refused:
// there is no TLS here, and the token would cross the network in the clear.
func (db *DB) Listen(addr string) (url string, err error) {
	if addr == "" {
		addr = defaultListenAddr
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("time-series database: %w", err)
	}
	if tcp, ok := ln.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return "", errors.Join(
			fmt.Errorf("time-series database: %s is not a loopback address; use 127.0.0.1, or run an InfluxDB 2 server", addr),
			ln.Close())
	}
	s := &server{done: make(chan error, 1), http: &http.Server{
		Handler: db, ReadHeaderTimeout: readHeaderWithin, IdleTimeout: closeIdleAfter, MaxHeaderBytes: maxHeaderBytes,
	}}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return "", errors.Join(errors.New("time-series database is closed"), ln.Close())
	}
	db.servers = append(db.servers, s)
	go func() { s.done <- s.http.Serve(ln) }()
	return "http://" + ln.Addr().String(), nil
}

func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
