package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/flatwatt/flatwatt/metrics"
	"github.com/flatwatt/flatwatt/secure"
	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// Bounds on a reader of the page that does not behave.
const (
	headerTimeout = 5 * time.Second
	answerTimeout = 30 * time.Second
	closeTimeout  = 3 * time.Second
	bodyTimeout   = time.Minute // of a request
	idleTimeout   = 2 * time.Minute

	maxHeaderBytes = 64 << 10
	maxBodyBytes   = 64 << 20 // the largest is a file to attach to a case; forms have tighter bounds of their own

	profileTimeout = 2 * time.Minute  // a CPU profile takes half a minute
	streamEvery    = 10 * time.Second // between two looks at the stream's ends
)

// check finds what cannot be right before anything listens.
func (s httpSettings) check(bad func(string, ...any)) {
	checkListen(bad, "http.listen", s.Listen, false)
	checkListen(bad, "http.private_listen", s.PrivateListen, false)
	if (s.CertFile == "") != (s.KeyFile == "") {
		bad("http.cert_file and http.key_file: set both or neither")
	}
	if _, err := s.proxies(); err != nil {
		bad("%w", err)
	}
	for _, f := range []struct{ field, path string }{{"token_file", s.TokenFile}, {"cert_file", s.CertFile}, {"key_file", s.KeyFile}} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			bad("http.%s: %w", f.field, err)
		}
	}
}

// proxies are the trusted ones as networks; of an address, it alone.
func (s httpSettings) proxies() (list []netip.Prefix, err error) {
	for _, text := range s.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			at, wrong := netip.ParseAddr(text)
			if wrong != nil {
				return nil, fmt.Errorf("http.trusted_proxies: %q; want addresses or networks such as 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(at, at.BitLen())
		}
		list = append(list, p)
	}
	return list, nil
}

// serveAll serves what the configuration asks for: the page, and what is for operators.
func (p *Program) serveAll(ctx context.Context, sv service) error {
	s := sv.settings.HTTP
	token, pair := "", (*secure.Pair)(nil)
	var err error
	if s.TokenFile != "" {
		if token, err = secure.ReadSecret("http.token_file", s.TokenFile); err != nil {
			return usageError{err}
		}
	}
	if s.CertFile != "" {
		if pair, err = secure.LoadPair(s.CertFile, s.KeyFile); err != nil {
			return usageError{err}
		}
	}
	if s.Listen != "" {
		room, err := p.serviceConsole(ctx, sv, token, pair != nil)
		if err != nil {
			return err
		}
		url, err := p.serveHTTP(s.Listen, room, pair, answerTimeout)
		if err != nil {
			return err
		}
		p.say("page: %s", url)
	}
	if s.PrivateListen == "" {
		return nil
	}
	p.watchStream(ctx, sv)
	private := secure.NeedToken(metrics.Private(sv.metrics, sv.health), token, "/healthz", "/readyz")
	url, err := p.serveHTTP(s.PrivateListen, private, pair, profileTimeout)
	if err != nil {
		return err
	}
	p.say("metrics: %s/metrics", url)
	return nil
}

// watchStream asks now and then what the stream holds, so that lag can be told from our
// own position.
func (p *Program) watchStream(ctx context.Context, sv service) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(streamEvery)
		defer tick.Stop()
		for {
			if s, err := sv.to.stream.Stream(ctx, jetstream.ReadingsStream); err == nil {
				state := s.CachedInfo().State
				sv.metrics.Stream(state.FirstSeq, state.LastSeq)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	p.atExit(func() error { cancel(); <-done; return nil })
}

// serveHTTP serves handler at addr until Close, with TLS where pair is not nil.
func (p *Program) serveHTTP(addr string, handler http.Handler, pair *secure.Pair, timeout time.Duration) (url string, err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("serve http: %w", err)
	}
	url = "http://" + listener.Addr().String()
	if pair != nil {
		listener, url = tls.NewListener(listener, pair.Server()), "https://"+listener.Addr().String()
	}
	server := &http.Server{
		Handler: http.MaxBytesHandler(handler, maxBodyBytes), ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout,
		WriteTimeout: timeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	if live, ok := handler.(io.Closer); ok {
		server.RegisterOnShutdown(func() { _ = live.Close() }) // streams end at once
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	p.atExit(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close() // a reader that will not go is cut off
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return url, nil
}
