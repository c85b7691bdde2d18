package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/secure"
)

// reconnectWait is between two tries to reach any server of a cluster again; the client
// never gives up, because the stream keeps what comes meanwhile.
const reconnectWait = 500 * time.Millisecond

// connect opens JetStream on a server or cluster and has Close close it.
func (p *Program) connect(s natsSettings) (js.JetStream, error) {
	conn, err := p.dial(s)
	if err != nil {
		return nil, err
	}
	return js.New(conn)
}

func (p *Program) dial(s natsSettings, more ...nats.Option) (*nats.Conn, error) {
	opts, err := s.options()
	if err != nil {
		return nil, usageError{err}
	}
	conn, err := nats.Connect(s.URL, append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", redact(s.URL), err)
	}
	p.atExit(func() error { conn.Close(); return nil })
	return conn, nil
}

// options are how to connect. Files are read at each connect, so renewed ones count.
func (s natsSettings) options() ([]nats.Option, error) {
	opts := []nats.Option{nats.Name("flatwatt"), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait)}
	if s.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(s.InboxPrefix))
	}
	if s.CredentialsFile != "" {
		opts = append(opts, nats.UserCredentials(s.CredentialsFile))
	}
	if s.NKeyFile != "" {
		o, err := nats.NkeyOptionFromSeed(s.NKeyFile)
		if err != nil {
			return nil, fmt.Errorf("nats.nkey_file %s: %w; it holds the seed of a user, SU…", s.NKeyFile, err)
		}
		opts = append(opts, o)
	}
	if s.User != "" {
		opts = append(opts, nats.UserInfoHandler(func() (string, string) {
			password, err := secure.ReadSecret("nats.password_file", s.PasswordFile)
			if err != nil {
				return s.User, "" // which the server refuses, and says so
			}
			return s.User, password
		}))
	}
	return append(opts, s.tls()...), nil
}

func (s natsSettings) tls() []nats.Option {
	if s.CAFile == "" && s.CertFile == "" {
		return nil
	}
	var pair nats.TLSCertHandler
	var roots nats.RootCAsHandler
	if s.CertFile != "" {
		pair = func() (tls.Certificate, error) { return tls.LoadX509KeyPair(s.CertFile, s.KeyFile) }
	}
	if s.CAFile != "" {
		roots = func() (*x509.CertPool, error) {
			text, err := os.ReadFile(s.CAFile)
			if err != nil {
				return nil, fmt.Errorf("nats.ca_file: %w", err)
			}
			pool := x509.NewCertPool()
			if !pool.AppendCertsFromPEM(text) {
				return nil, fmt.Errorf("nats.ca_file %s holds no certificate in PEM form", s.CAFile)
			}
			return pool, nil
		}
	}
	return []nats.Option{nats.ClientTLSConfig(pair, roots)}
}

// check finds what cannot be right before anything connects.
func (s natsSettings) check(bad func(string, ...any)) {
	for _, f := range []struct{ field, path string }{
		{"credentials_file", s.CredentialsFile}, {"nkey_file", s.NKeyFile}, {"password_file", s.PasswordFile},
		{"ca_file", s.CAFile}, {"cert_file", s.CertFile}, {"key_file", s.KeyFile},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			bad("nats.%s: %w", f.field, err)
		}
	}
	ways := 0
	for _, set := range []string{s.CredentialsFile, s.NKeyFile, s.User} {
		if set != "" {
			ways++
		}
	}
	if ways > 1 {
		bad("nats: set one of credentials_file, nkey_file and user, not several")
	}
	if (s.User == "") != (s.PasswordFile == "") {
		bad("nats.user and nats.password_file: set both or neither")
	}
	if (s.CertFile == "") != (s.KeyFile == "") {
		bad("nats.cert_file and nats.key_file: set both or neither")
	}
	if s.Replicas < 1 || s.Replicas > 5 {
		bad("nats.replicas: %d; want 1, 3 or 5", s.Replicas)
	}
}
