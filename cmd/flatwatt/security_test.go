package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"golang.org/x/crypto/bcrypt"

	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// selfSigned writes a certificate for the loopback and its key.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "flatwatt test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs})))
	return cert, key
}

// newNKey makes a user's key: the public half for the server, a file with the seed.
func newNKey(t *testing.T) (public, seedFile string) {
	t.Helper()
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err = user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	seedFile = filepath.Join(t.TempDir(), "user.nk")
	writeFile(t, seedFile, string(seed)+"\n")
	return public, seedFile
}

// A guarded is a server that runs deploy/nats/nats.conf.
type guardedNATS struct{ url, ca, operator, worker, password string }

func startGuarded(t *testing.T) guardedNATS {
	t.Helper()
	return guard(t, filepath.Join("..", "..", "deploy", "nats", "nats.conf"))
}

// guard starts a server that runs a file like nats.conf.
func guard(t *testing.T, conf string) guardedNATS {
	t.Helper()
	g := guardedNATS{password: filepath.Join(t.TempDir(), "password")}
	cert, key := selfSigned(t)
	g.ca = cert
	writeFile(t, g.password, "correct horse\n")
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	var operator, worker string
	operator, g.operator = newNKey(t)
	worker, g.worker = newNKey(t)
	for name, value := range map[string]string{
		"FW_STORE": t.TempDir(), "FW_CERT": cert, "FW_KEY": key, "FW_OPERATOR_NKEY": operator, "FW_WORKER_NKEY": worker, "FW_HEADEND_PASSWORD": "'" + string(hash) + "'",
	} {
		t.Setenv(name, value)
	}
	opts, err := server.ProcessConfigFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	opts.Host, opts.Port, opts.NoLog, opts.NoSigs = "127.0.0.1", server.RANDOM_PORT, true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server is not ready")
	}
	g.url = "tls://" + s.Addr().String()
	return g
}

func (g guardedNATS) env(more ...string) map[string]string {
	env := map[string]string{"FLATWATT_NATS_URL": g.url, "FLATWATT_NATS_CA_FILE": g.ca}
	for i := 0; i < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return env
}

// dialAs connects with the settings of a user, and gathers what the server refuses.
func dialAs(t *testing.T, env map[string]string) (*nats.Conn, chan error) {
	t.Helper()
	p := &Program{Getenv: func(k string) string { return env[k] }, Environ: func() []string { return nil }}
	s, err := p.loadSettings("")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 64)
	conn, err := p.dial(s.NATS, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return conn, refused
}

// TestLeastPrivilege runs the service on the documented nats.conf, as the user that it
// gives to workers, with readings from a head-end that may do nothing else; then it tries
// what neither may do.
func TestLeastPrivilege(t *testing.T) {
	g := startGuarded(t)
	fleet := newCrashFleet(t)
	kept, config := filepath.Join(t.TempDir(), "archive"), filepath.Join(t.TempDir(), "f.yaml")
	writeFile(t, config, "archive: {url: "+kept+", flush_s: 1}\njobs: [{name: look, cron: '@every 1s', run: archive ls}]\n")
	asWorker := g.env("FLATWATT_NATS_NKEY_FILE", g.worker, "FLATWATT_CONFIG", config, "FLATWATT_FLEET", fleet.dir, "FLATWATT_DATA_DIR", t.TempDir(), "FLATWATT_PARTITIONS_BUCKETS", "4")
	asOperator := g.env("FLATWATT_NATS_NKEY_FILE", g.operator, "FLATWATT_CONFIG", config, "FLATWATT_FLEET", fleet.dir, "FLATWATT_DATA_DIR", t.TempDir(), "FLATWATT_PARTITIONS_BUCKETS", "4")
	if code, out, _ := run(t, asWorker, "doctor"); code != exitError {
		t.Errorf("before the setup doctor is content, %d:\n%s", code, out)
	}
	if code, out, stderr := run(t, asOperator, "doctor", "--setup"); code != exitOK {
		t.Errorf("setup: %d\n%s%s", code, out, stderr)
	}
	w := newGridWorld(t, fleet, g.url, 4, 1)
	w.env = append(w.env, "FLATWATT_CONFIG="+config, "FLATWATT_NATS_CA_FILE="+g.ca, "FLATWATT_NATS_NKEY_FILE="+g.worker)
	asHeadend := g.env("FLATWATT_NATS_USER", "headend", "FLATWATT_NATS_INBOX_PREFIX", "_INBOX.headend", "FLATWATT_NATS_PASSWORD_FILE", g.password)
	headend, refused := dialAs(t, asHeadend)
	var err error
	if w.stream, err = js.New(headend); err != nil {
		t.Fatal(err)
	}
	w.hire(2)
	w.publish(fleet.readings)
	w.settle(calmGrid(t, fleet), time.Minute)
	archived(t, kept, int64(len(fleet.readings)))
	// Within this time only the server's schedules can have called: the own clock waits longer.
	if code, out, stderr := run(t, nil, "runs", "--archive", kept, "-o", "csv"); code != exitOK || !strings.Contains(out, ",look,") || !strings.Contains(out, ",done,") {
		t.Errorf("no job has run: %d\n%s%s", code, out, stderr)
	}
	if code, out, stderr := run(t, asWorker, "doctor", "-o", "json"); code != exitOK {
		t.Errorf("doctor as a worker: %d\n%s%s", code, out, stderr)
	} else if n := countFindings(t, out); n < 9 {
		t.Errorf("doctor found %d things only:\n%s", n, out)
	}
	w.dismiss()
	tryForbidden(t, headend, refused, "ami.rejected", "$JS.API.STREAM.DELETE.AMI", "$KV.flatwatt-partitions.table", "flatwatt.state.x")
	worker, refusedWorker := dialAs(t, asWorker)
	tryForbidden(t, worker, refusedWorker, "ami.readings.C-1", "$JS.API.STREAM.DELETE.AMI", "$JS.API.STREAM.PURGE.AMI", "$JS.API.STREAM.CREATE.X", "$JS.API.CONSUMER.CREATE.KV_flatwatt-partitions.x")
	j, err := js.New(worker)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Stream(t.Context(), jetstream.ReadingsStream); err != nil {
		t.Errorf("the stream is gone: %v", err)
	}
	for _, s := range []string{"ami.readings.>", "_INBOX.flatwatt.>", ">"} {
		if _, err := headend.Subscribe(s, func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, headend, refused, s)
	}
}

func tryForbidden(t *testing.T, c *nats.Conn, refused chan error, subjects ...string) {
	t.Helper()
	for _, s := range subjects {
		if err := c.Publish(s, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, c, refused, s)
	}
}

func wantRefusal(t *testing.T, c *nats.Conn, refused chan error, what string) {
	t.Helper()
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-refused:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("%s was not refused", what)
	}
}

func countFindings(t *testing.T, text string) int {
	t.Helper()
	var list []finding
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return len(list)
}
