package main

import (
	"cmp"
	"os"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/secure"
	"github.com/flatwatt/flatwatt/streams/natsd"
)

// ingestTokenEnv holds the tokens of those who push, and wins over ingest.push.token_file.
const ingestTokenEnv = "FLATWATT_INGEST_TOKEN"

// An ingestSettings says which ways readings come in besides NATS; see sample.yaml.
type ingestSettings struct {
	Push   pushSettings   `yaml:"push"`
	Folder folderSettings `yaml:"folder"`
	MQTT   mqttSettings   `yaml:"mqtt"`
	Kafka  kafkaSettings  `yaml:"kafka"`
	Files  fileSettings   `yaml:"files"`
}

type pushSettings struct {
	Listen    string `yaml:"listen"`
	TokenFile string `yaml:"token_file"`
	CertFile  string `yaml:"cert_file"`
	KeyFile   string `yaml:"key_file"`
	MaxBodyMB int    `yaml:"max_body_mb"`
	MBPerS    int    `yaml:"mb_per_s"`
	InFlight  int    `yaml:"in_flight"`

	Tokens secret `yaml:"-"` // from FLATWATT_INGEST_TOKEN or token_file
}

type folderSettings struct {
	Dir     string `yaml:"dir"`
	SettleS int    `yaml:"settle_s"`
}

type mqttSettings struct {
	Listen       string `yaml:"listen"`
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
}

type kafkaSettings struct {
	Brokers string `yaml:"brokers"`
	Topics  string `yaml:"topics"`
	Group   string `yaml:"group"`
	Format  string `yaml:"format"`
}

// A fileSettings says of pushed bodies, dropped files and records what they do not say.
type fileSettings struct {
	Format      string `yaml:"format"`
	Zone        string `yaml:"zone"`
	Stamp       string `yaml:"stamp"`
	Unit        string `yaml:"unit"`
	StripPrefix string `yaml:"strip_prefix"`
	IDDigits    int    `yaml:"id_digits"`
	Encoding    string `yaml:"encoding"`
	IntervalS   int    `yaml:"interval_s"`
	FirstPointS int    `yaml:"first_point_s"`
	// Multiplier is CT times PT ratio of every meter; 0 is 1.
	Multiplier  float64 `yaml:"multiplier"`
	MappingFile string  `yaml:"mapping_file"`
}

// flags are the same as flags of inspect and convert, so that what was tried there holds here.
func (s fileSettings) flags() inputFlags {
	return inputFlags{
		format: s.Format, zone: s.Zone, stamp: s.Stamp, unit: s.Unit, strip: s.StripPrefix, digits: s.IDDigits, mapping: s.MappingFile, encoding: s.Encoding,
		interval: time.Duration(s.IntervalS) * time.Second, firstPoint: time.Duration(s.FirstPointS) * time.Second, multiplier: s.Multiplier,
	}
}

// loadTokens reads the tokens of those who push.
func (s *ingestSettings) loadTokens(getenv func(string) string) error {
	if t := getenv(ingestTokenEnv); t != "" {
		s.Push.Tokens = secret(t)
		return nil
	}
	if s.Push.TokenFile == "" {
		return nil
	}
	text, err := secure.ReadSecret("ingest.push.token_file", s.Push.TokenFile)
	s.Push.Tokens = secret(text)
	return err
}

const maxBodyMB = 4 << 10

func (s *ingestSettings) check(bad func(string, ...any), embedded bool) {
	p := s.Push
	checkListen(bad, "ingest.push.listen", p.Listen, false)
	checkListen(bad, "ingest.mqtt.listen", s.MQTT.Listen, false)
	if p.Listen != "" && p.Tokens == "" {
		bad("ingest.push.listen is set but there is no token; set ingest.push.token_file or %s: nobody may push without", ingestTokenEnv)
	}
	if (p.CertFile == "") != (p.KeyFile == "") {
		bad("ingest.push.cert_file and key_file: set both or neither")
	}
	for _, n := range []struct {
		field    string
		v, least int
		most     int
	}{{"push.max_body_mb", p.MaxBodyMB, 1, maxBodyMB}, {"push.mb_per_s", p.MBPerS, 1, maxBodyMB}, {"push.in_flight", p.InFlight, 1, 1000},
		{"folder.settle_s", s.Folder.SettleS, 1, 86400}, {"files.id_digits", s.Files.IDDigits, 0, 64}, {"files.interval_s", s.Files.IntervalS, 0, 3600}, {"files.first_point_s", s.Files.FirstPointS, -86400, 86400}} {
		if n.v < n.least || n.v > n.most {
			bad("ingest.%s: %d; want %d to %d", n.field, n.v, n.least, n.most)
		}
	}
	if m := s.Files.Multiplier; !(m >= 0 && m <= 1e7) {
		bad("ingest.files.multiplier: %v; want a ratio above 0, or 0 for none", m)
	}
	if s.MQTT.Listen != "" && !embedded {
		bad("ingest.mqtt.listen needs the embedded NATS server; with nats.url, switch on MQTT in that server's own configuration")
	}
	for _, f := range []struct{ field, path string }{
		{"push.cert_file", p.CertFile}, {"push.key_file", p.KeyFile}, {"mqtt.password_file", s.MQTT.PasswordFile}, {"files.mapping_file", s.Files.MappingFile},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			bad("ingest.%s: %w", f.field, err)
		}
	}
	if (s.Kafka.Brokers == "") != (s.Kafka.Topics == "") || s.Kafka.Brokers != "" && s.Kafka.Group == "" {
		bad("ingest.kafka: brokers, topics and group go together")
	}
}

// mqtt is the listener that the embedded server is to open; nil for none.
func (s *ingestSettings) mqtt() (*natsd.MQTT, error) {
	if s.MQTT.Listen == "" {
		return nil, nil
	}
	host, port, err := splitListen("ingest.mqtt.listen", s.MQTT.Listen)
	if err != nil {
		return nil, err
	}
	m := &natsd.MQTT{Host: host, Port: port, User: s.MQTT.User}
	if s.MQTT.PasswordFile != "" {
		if m.Password, err = secure.ReadSecret("ingest.mqtt.password_file", s.MQTT.PasswordFile); err != nil {
			return nil, usageError{err}
		}
		m.User = cmp.Or(m.User, "mqtt")
	}
	return m, nil
}

// listOf splits a list with commas.
func listOf(text string) []string {
	var all []string
	for w := range strings.SplitSeq(text, ",") {
		if w = strings.TrimSpace(w); w != "" {
			all = append(all, w)
		}
	}
	return all
}
