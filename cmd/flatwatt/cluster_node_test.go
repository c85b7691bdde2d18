package main

import (
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// natsNode is a command of the tests: one server of a cluster, as a process of its own.
func natsNode() {
	name, dir := flag.String("name", "", ""), flag.String("dir", "", "")
	port, cluster := flag.Int("port", 0, ""), flag.Int("cluster", 0, "")
	routes := flag.String("routes", "", "")
	flag.Parse()
	var peers []*url.URL
	for r := range strings.SplitSeq(*routes, ",") {
		peers = append(peers, &url.URL{Scheme: "nats", Host: r})
	}
	s, err := server.NewServer(&server.Options{
		ServerName: *name, Host: "127.0.0.1", Port: *port, JetStream: true, StoreDir: *dir, NoLog: true,
		Cluster: server.ClusterOpts{Name: "flatwatt", Host: "127.0.0.1", Port: *cluster, NoAdvertise: true}, Routes: peers,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s.Start()
	s.WaitForShutdown()
}

// A cluster is three NATS servers in processes of their own.
type cluster struct {
	t     *testing.T
	dir   string
	ports []int // of clients, then of routes
	nodes [3]*exec.Cmd
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir()}
	for range 2 * len(c.nodes) { // all at once, so that they differ
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c.ports = append(c.ports, l.Addr().(*net.TCPAddr).Port)
		if len(c.ports) == 2*len(c.nodes) {
			break
		}
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.kill(i)
		}
	})
	return c
}

// start starts a node, for the first time or again.
func (c *cluster) start(i int) {
	c.t.Helper()
	var routes []string
	for k := range c.nodes {
		routes = append(routes, fmt.Sprint("127.0.0.1:", c.ports[len(c.nodes)+k]))
	}
	c.nodes[i] = exec.Command("nats-node", "-name", fmt.Sprint("n", i), "-dir", filepath.Join(c.dir, fmt.Sprint(i)),
		"-port", fmt.Sprint(c.ports[i]), "-cluster", fmt.Sprint(c.ports[len(c.nodes)+i]), "-routes", strings.Join(routes, ","))
	c.nodes[i].Stderr = os.Stderr
	if err := c.nodes[i].Start(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) kill(i int) {
	if c.nodes[i] != nil {
		_ = c.nodes[i].Process.Signal(syscall.SIGCONT)
		_ = c.nodes[i].Process.Kill()
		_ = c.nodes[i].Wait()
		c.nodes[i] = nil
	}
}

// url is the address of all three.
func (c *cluster) url() string {
	var list []string
	for i := range c.nodes {
		list = append(list, fmt.Sprint("nats://127.0.0.1:", c.ports[i]))
	}
	return strings.Join(list, ",")
}

// connect waits for the cluster and makes the streams in it.
func (c *cluster) connect(buckets int) js.JetStream {
	c.t.Helper()
	conn, err := nats.Connect(c.url(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(conn.Close)
	j, err := js.New(conn)
	if err != nil {
		c.t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		_, err := jetstream.EnsureBuckets(c.t.Context(), j, jetstream.Retention{Replicas: 3}, buckets)
		if err == nil {
			return j
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the cluster is not ready within a minute: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// leader is the node that leads the stream of readings.
func (c *cluster) leader(j js.JetStream) int {
	c.t.Helper()
	s, err := j.Stream(c.t.Context(), jetstream.ReadingsStream)
	if err != nil {
		return 0
	}
	var n int
	if info := s.CachedInfo().Cluster; info != nil {
		_, _ = fmt.Sscanf(info.Leader, "n%d", &n)
	}
	return n
}
