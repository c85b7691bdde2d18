//go:build integration

package influx

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestInfluxDB2 runs the conformance suite against a real InfluxDB 2.x: the server at
// FLATWATT_INFLUX_URL with FLATWATT_INFLUX_TOKEN and FLATWATT_INFLUX_ORG, whose token
// must be allowed to make buckets, or else the influxd binary that FLATWATT_INFLUXD
// names. Without either it fails: an integration run that skips says nothing.
func TestInfluxDB2(t *testing.T) {
	var buckets atomic.Int32
	shared, _ := realServer(t)
	conformance(t, func(t *testing.T) (Config, func()) {
		c, stop := shared, func() {}
		if strings.HasSuffix(t.Name(), "/server_down") {
			c, stop = realServer(t) // it will be stopped
		}
		c.Bucket = fmt.Sprintf("flatwatt-test-%d-%d", os.Getpid(), buckets.Add(1))
		client := open(t, c)
		for range 2 { // the second time everything is there
			if err := client.Setup(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return c, stop
	})
}

const startWithin = 60 * time.Second

func realServer(t *testing.T) (Config, func()) {
	t.Helper()
	if url := os.Getenv("FLATWATT_INFLUX_URL"); url != "" && !strings.HasSuffix(t.Name(), "/server_down") {
		return Config{URL: url, Token: os.Getenv("FLATWATT_INFLUX_TOKEN"), Org: os.Getenv("FLATWATT_INFLUX_ORG")}, func() {}
	}
	binary := os.Getenv("FLATWATT_INFLUXD")
	if binary == "" {
		t.Fatal("no InfluxDB 2 server: run scripts/integration.sh, or set FLATWATT_INFLUXD to an influxd binary, " +
			"or FLATWATT_INFLUX_URL, _TOKEN and _ORG to a running server")
	}
	return startInfluxd(t, binary)
}

// startInfluxd starts a server of our own, with its own directories, and sets it up.
func startInfluxd(t *testing.T, binary string) (Config, func()) {
	t.Helper()
	dir := t.TempDir()
	addr := freeAddr(t)
	cmd := exec.Command(binary,
		"--http-bind-address="+addr, "--reporting-disabled", "--log-level=error",
		"--bolt-path="+filepath.Join(dir, "influxd.bolt"), "--sqlite-path="+filepath.Join(dir, "influxd.sqlite"),
		"--engine-path="+filepath.Join(dir, "engine"))
	cmd.Env = append(os.Environ(), "INFLUX_CONFIGS_PATH="+filepath.Join(dir, "configs"))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			cmd.Process.Kill() // our own child, by its process id
			<-ended
		}
	}
	t.Cleanup(stop)
	c := Config{URL: "http://" + addr, Token: "token-of-the-integration-test", Org: "org"}
	if err := waitReady(t.Context(), c, ended); err != nil {
		stopped = len(ended) > 0 || strings.Contains(err.Error(), "ended")
		t.Fatalf("%v\n%s", err, log.String())
	}
	setUp(t, c)
	return c, stop
}

// freeAddr is a loopback address that nothing listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// waitReady waits for the server to answer. A server whose port was taken in between
// ends by itself, which is noticed here, so that no stranger is talked to.
func waitReady(ctx context.Context, c Config, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("influxd ended: %v", err)
		case <-ctx.Done():
			return fmt.Errorf("influxd did not answer within %s", startWithin)
		case <-poll.C:
		}
		resp, err := http.Get(c.URL + "/api/v2/setup")
		if err != nil {
			continue
		}
		var setup struct{ Allowed bool }
		err = json.NewDecoder(resp.Body).Decode(&setup)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			continue
		}
		if !setup.Allowed {
			return fmt.Errorf("the server at %s has been set up before: it is not ours", c.URL)
		}
		return nil
	}
}

// setUp makes the first user, organisation and token of a new server.
func setUp(t *testing.T, c Config) {
	t.Helper()
	body, _ := json.Marshal(map[string]string{
		"username": "test", "password": "password-of-the-test", "org": c.Org, "bucket": "first", "token": c.Token,
	})
	resp, err := http.Post(c.URL+"/api/v2/setup", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("set up: %s: %s", resp.Status, b)
	}
}
