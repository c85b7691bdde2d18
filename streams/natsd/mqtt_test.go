package natsd_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt/streams/natsd"
)

const patience = 10 * time.Second

func client(addr, user, password string) mqtt.Client {
	return mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("device-1").
		SetUsername(user).SetPassword(password).SetConnectTimeout(patience).SetConnectRetry(false).SetAutoReconnect(false))
}

func connect(t *testing.T, addr, user, password string) mqtt.Client {
	t.Helper()
	c := client(addr, user, password)
	if tok := c.Connect(); !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatalf("connect: %v", tok.Error())
	}
	t.Cleanup(func() { c.Disconnect(100) })
	return c
}

// What an MQTT client publishes, at every quality of service, is in the stream of readings.
func TestMQTTLandsInTheStream(t *testing.T) {
	s := start(t, natsd.Options{Dir: t.TempDir(), InProcessOnly: true, MQTT: &natsd.MQTT{}})
	defer s.Close()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, _ := jetstream.New(nc)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "AMI", Subjects: []string{natsd.ReadingsSubjects}})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, s.MQTTAddress(), "", "")
	for qos := range byte(3) {
		body := "at " + strconv.Itoa(int(qos))
		if tok := c.Publish("ami/readings/TX-07", qos, false, body); !tok.WaitTimeout(patience) || tok.Error() != nil {
			t.Fatalf("qos %d: %v", qos, tok.Error())
		}
		waitFor(t, stream, uint64(qos)+1)
		m, err := stream.GetMsg(t.Context(), uint64(qos)+1)
		if err != nil || string(m.Data) != body || m.Subject != "ami.readings.TX-07" {
			t.Errorf("qos %d: %v, error %v", qos, m, err)
		}
	}
}

// waitFor waits until the stream holds n messages: at QoS 0 nothing tells the client.
func waitFor(t *testing.T, stream jetstream.Stream, n uint64) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		info, err := stream.Info(t.Context())
		if err == nil && info.State.Msgs >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the stream holds %d messages, want %d (%v)", info.State.Msgs, n, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// A device may publish readings and nothing else; everybody else may do what they could before.
func TestMQTTClientsReachReadingsOnly(t *testing.T) {
	s := start(t, natsd.Options{Dir: t.TempDir(), MQTT: &natsd.MQTT{User: "meters", Password: "s3cret"}})
	defer s.Close()
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	got, err := nc.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][2]string{{"", ""}, {"meters", "wrong"}, {"flatwatt", ""}, {"mqtt", ""}} {
		c := client(s.MQTTAddress(), wrong[0], wrong[1])
		if tok := c.Connect(); !tok.WaitTimeout(patience) || tok.Error() == nil {
			t.Errorf("%q was let in", wrong)
			c.Disconnect(0)
		}
	}
	c := connect(t, s.MQTTAddress(), "meters", "s3cret")
	for _, topic := range []string{"flatwatt/state/customer", "$KV/flatwatt-checkpoints/customer", "ami/rejected", "ami/readings/TX-1"} {
		c.Publish(topic, 0, false, topic).WaitTimeout(patience)
	}
	for {
		m, err := got.NextMsg(patience)
		if err != nil {
			t.Fatal("the reading did not come")
		}
		if string(m.Data) == "ami/readings/TX-1" {
			break
		}
		if m.Subject[0] != '$' { // the server's own
			t.Errorf("a device published to %s", m.Subject)
		}
	}
	if tok := c.Subscribe("#", 0, nil); tok.WaitTimeout(patience) && tok.Error() == nil {
		if code := tok.(*mqtt.SubscribeToken).Result()["#"]; code < 0x80 {
			t.Errorf("a device may listen to all: code %d", code)
		}
	}
}

func TestMQTTRefusals(t *testing.T) {
	f := func(m natsd.MQTT) {
		t.Helper()
		s, err := natsd.Start(natsd.Options{Dir: t.TempDir(), InProcessOnly: true, MQTT: &m})
		if err == nil {
			s.Close()
			t.Errorf("started with %+v", m)
		}
	}
	f(natsd.MQTT{Host: "0.0.0.0"})
	f(natsd.MQTT{User: "u"})
	f(natsd.MQTT{User: "flatwatt", Password: "p"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f(natsd.MQTT{Port: l.Addr().(*net.TCPAddr).Port})
}
