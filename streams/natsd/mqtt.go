package natsd

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"

	"github.com/nats-io/nats-server/v2/server"
)

// MQTT is a listener for MQTT 3.1.1 clients. What they publish to ami/readings/TX-07 is
// stored under ami.readings.TX-07, like any other reading. They may publish readings and
// nothing else: a device must not reach checkpoints or scores, nor listen to others.
//
// A topic level must not be empty or hold a space, a point, * or >: the server drops the
// client that uses one.
type MQTT struct {
	Host string // "": 127.0.0.1
	Port int    // 0: chosen by the system, see Server.MQTTAddress

	// User and Password that clients must send. Both empty: none, and then only on the
	// loopback.
	User, Password string
}

const (
	// ReadingsSubjects is what an MQTT client may publish to.
	ReadingsSubjects = "ami.readings.>"

	localUser     = "flatwatt"
	anonymousUser = "mqtt"
)

func (m *MQTT) host() string {
	if m.Host == "" {
		return "127.0.0.1"
	}
	return m.Host
}

// apply puts the listener into opts. Users are needed to bound what MQTT clients may do;
// all other clients become the local user, which may do everything as before.
func (m *MQTT) apply(opts *server.Options) error {
	if (m.User == "") != (m.Password == "") {
		return errors.New("mqtt: user and password go together: set both or neither")
	}
	if m.User == localUser {
		return fmt.Errorf("mqtt: the user %q is the program's own; choose another name", localUser)
	}
	if ip := net.ParseIP(m.host()); m.Password == "" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("mqtt: listening on %s without a password would take readings from anybody; set user and password, or listen on 127.0.0.1", m.host())
	}
	port := m.Port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if err := free(m.host(), port, false); err != nil {
		return fmt.Errorf("mqtt: %w", err)
	}
	user, password := m.User, m.Password
	if password == "" {
		user, password = anonymousUser, rand.Text()
		opts.MQTT.NoAuthUser = anonymousUser
	}
	opts.MQTT.Host, opts.MQTT.Port = m.host(), port
	opts.Users = []*server.User{
		// Bound to ordinary connections, for the server would take an MQTT client that
		// sends no name for the user of those who send none.
		{Username: localUser, Password: rand.Text(), AllowedConnectionTypes: map[string]struct{}{"STANDARD": {}, "IN_PROCESS": {}}},
		{Username: user, Password: password, Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{ReadingsSubjects}},
			Subscribe: &server.SubjectPermission{Deny: []string{">"}},
		}},
	}
	opts.NoAuthUser = localUser
	return nil
}

// mqttAddress asks the server for the port that it chose.
func mqttAddress(n *server.Server, host string) (string, error) {
	v, err := n.Varz(nil)
	if err != nil {
		return "", fmt.Errorf("mqtt: ask the server for its port: %w", err)
	}
	return net.JoinHostPort(host, fmt.Sprint(v.MQTT.Port)), nil
}

// MQTTAddress is the host:port of the MQTT listener; "" without one.
func (s *Server) MQTTAddress() string { return s.mqtt }
