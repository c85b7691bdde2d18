package secure_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/secure"
)

// issue writes a self-signed certificate for the loopback.
func issue(t *testing.T, certFile, keyFile, name string, at time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(at.Unix()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), at)
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs})), at)
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func write(t *testing.T, path, text string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// TestCertificateIsReadAgain: a renewed certificate is shown to the next connection; one
// that does not fit its key is not, and the last good one stays.
func TestCertificateIsReadAgain(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "c.pem"), filepath.Join(t.TempDir(), "k.pem")
	at := time.Unix(1_700_000_000, 0)
	issue(t, cert, key, "first", at)
	pair, err := secure.LoadPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", pair.Server())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).HandshakeContext(t.Context())
			_ = c.Close()
		}
	}()
	defer func() { _ = l.Close(); <-done }()
	shown := func() string {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the name is what is tested
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := shown(); got != "first" {
		t.Errorf("shows %q", got)
	}
	issue(t, cert, filepath.Join(t.TempDir(), "other key"), "misfit", at.Add(time.Second))
	if got := shown(); got != "first" {
		t.Errorf("with a misfit on disk shows %q", got)
	}
	issue(t, cert, key, "second", at.Add(2*time.Second))
	if got := shown(); got != "second" {
		t.Errorf("after renewal shows %q", got)
	}
	if _, err := secure.LoadPair(cert, cert); err == nil {
		t.Error("a certificate is taken for a key")
	}
}

func TestNeedToken(t *testing.T) {
	h := secure.NeedToken(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), "s3cret", "/healthz")
	for _, c := range []struct {
		path, header string
		want         int
	}{
		{"/", "", 401}, {"/", "Bearer s3cre", 401}, {"/", "Bearer s3cret ", 401}, {"/", "Bearer s3cret", http.StatusTeapot},
		{"/", "Basic OnMzY3JldA==", http.StatusTeapot}, {"/", "Basic czNjcmV0Og==", 401}, // :s3cret, s3cret:
		{"/healthz", "", http.StatusTeapot}, {"/healthz/x", "", 401},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%s with %q: %d, want %d", c.path, c.header, w.Code, c.want)
		}
	}
}

func TestReadSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write(t, path, " hush\n", time.Now())
	if got, err := secure.ReadSecret("x", path); err != nil || got != "hush" {
		t.Errorf("%q, %v", got, err)
	}
	for text, want := range map[string]string{"\n": "is empty", strings.Repeat("x", secure.MaxSecretBytes+1): "at most"} {
		write(t, path, text, time.Now())
		if _, err := secure.ReadSecret("http.token_file", path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "http.token_file") {
			t.Errorf("%.10q: %v", text, err)
		}
	}
}
