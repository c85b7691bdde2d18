package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// sampleYAML is both what `config sample` prints and where the defaults come from,
// so the sample cannot lie about them.
//
//go:embed sample.yaml
var sampleYAML []byte

// settings is the configuration file. sample.yaml documents every field.
type settings struct {
	DataDir string         `yaml:"data_dir"`
	Fleet   string         `yaml:"fleet"`
	Model   string         `yaml:"model"`
	NATS    natsSettings   `yaml:"nats"`
	Influx  influxSettings `yaml:"influx"`
	HTTP    httpSettings   `yaml:"http"`
	Run     runSettings    `yaml:"run"`

	Partitions partSettings   `yaml:"partitions"`
	Ingest     ingestSettings `yaml:"ingest"`
	Log        logSettings    `yaml:"log"`

	Casework caseworkSettings `yaml:"casework"`
	Console  consoleSettings  `yaml:"console"`

	Archive archiveSettings `yaml:"archive"`
	Jobs    []jobSettings   `yaml:"jobs"`
}

type natsSettings struct {
	URL             string `yaml:"url"`
	Listen          string `yaml:"listen"`
	CredentialsFile string `yaml:"credentials_file"`
	NKeyFile        string `yaml:"nkey_file"`
	User            string `yaml:"user"`
	PasswordFile    string `yaml:"password_file"`
	CAFile          string `yaml:"ca_file"`
	CertFile        string `yaml:"cert_file"`
	KeyFile         string `yaml:"key_file"`
	InboxPrefix     string `yaml:"inbox_prefix"`
	Replicas        int    `yaml:"replicas"`
}

type influxSettings struct {
	URL       string `yaml:"url"`
	Listen    string `yaml:"listen"`
	Org       string `yaml:"org"`
	Bucket    string `yaml:"bucket"`
	TokenFile string `yaml:"token_file"`

	Token secret `yaml:"-"` // from FLATWATT_INFLUX_TOKEN or token_file
}

type httpSettings struct {
	Listen        string `yaml:"listen"`
	PrivateListen string `yaml:"private_listen"`
	TokenFile     string `yaml:"token_file"`
	CertFile      string `yaml:"cert_file"`
	KeyFile       string `yaml:"key_file"`

	TrustedProxies []string `yaml:"trusted_proxies"`
}

type caseworkSettings struct {
	File       string `yaml:"file"`
	AlarmsFile string `yaml:"alarms_file"`
	PricesFile string `yaml:"prices_file"`
	RulesFile  string `yaml:"rules_file"`

	WebhooksFile string `yaml:"webhooks_file"`
}

type logSettings struct {
	Format string `yaml:"format"`
}

type runSettings struct {
	SaveEveryReadings int `yaml:"save_every_readings"`
	PlotHours         int `yaml:"plot_hours"`
}

// A secret does not print itself.
type secret string

func (secret) String() string   { return "(secret)" }
func (secret) GoString() string { return "(secret)" }

const (
	tokenEnv     = "FLATWATT_INFLUX_TOKEN"
	maxTokenSize = 4 << 10
	maxPlotHours = 24 * 400
)

// loadSettings reads defaults, then the file (if any), then the environment, then secrets,
// and checks the result. All errors are usage errors.
func (p *Program) loadSettings(path string) (settings, error) {
	s, err := p.rawSettings(path)
	if err != nil {
		return s, err
	}
	if err := s.loadToken(p.Getenv); err != nil {
		return s, usageError{err}
	}
	if err := s.Ingest.loadTokens(p.Getenv); err != nil {
		return s, usageError{err}
	}
	if err := s.check(); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

// rawSettings are read and not checked: what they name need not be there yet.
func (p *Program) rawSettings(path string) (settings, error) {
	var s settings
	if err := decodeYAML("sample.yaml", sampleYAML, &s); err != nil {
		return s, err
	}
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return s, usagef("read configuration: %w", err)
		}
		if err := decodeYAML(path, text, &s); err != nil {
			return s, err
		}
	}
	if err := applyEnv(&s, p.Getenv, p.Environ()); err != nil {
		return s, usageError{err}
	}
	return s, nil
}

func (s *settings) loadToken(getenv func(string) string) error {
	if t := getenv(tokenEnv); t != "" {
		s.Influx.Token = secret(t)
		return nil
	}
	if s.Influx.TokenFile == "" {
		return nil
	}
	info, err := os.Stat(s.Influx.TokenFile)
	if err != nil {
		return fmt.Errorf("influx.token_file: %w", err)
	}
	if info.Size() > maxTokenSize {
		return fmt.Errorf("influx.token_file %s: %d bytes is no token; the limit is %d", s.Influx.TokenFile, info.Size(), maxTokenSize)
	}
	text, err := os.ReadFile(s.Influx.TokenFile)
	if err != nil {
		return fmt.Errorf("influx.token_file: %w", err)
	}
	s.Influx.Token = secret(strings.TrimSpace(string(text)))
	if s.Influx.Token == "" {
		return fmt.Errorf("influx.token_file %s is empty; put the token in it or set %s", s.Influx.TokenFile, tokenEnv)
	}
	return nil
}

// check finds every fault, not only the first.
func (s *settings) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.DataDir == "" {
		bad("data_dir: is empty; name a directory that flatwatt may write")
	}
	for u := range strings.SplitSeq(s.NATS.URL, ",") { // servers of one cluster
		checkURL(bad, "nats.url", strings.TrimSpace(u), "nats", "tls", "ws", "wss")
	}
	checkURL(bad, "influx.url", s.Influx.URL, "http", "https")
	checkListen(bad, "nats.listen", s.NATS.Listen, s.NATS.URL == "")
	checkListen(bad, "influx.listen", s.Influx.Listen, s.Influx.URL == "")
	if s.Influx.URL != "" && s.Influx.Token == "" {
		bad("influx.url is set but there is no token; set influx.token_file or %s", tokenEnv)
	}
	if s.Influx.Org == "" || s.Influx.Bucket == "" {
		bad("influx.org and influx.bucket: neither may be empty")
	}
	if s.Fleet != "" {
		if _, err := os.Stat(filepath.Join(s.Fleet, "meters.csv")); errors.Is(err, fs.ErrNotExist) {
			bad("fleet: %s has no meters.csv; `flatwatt simulate` makes a fleet to look at", s.Fleet)
		}
	}
	if _, err := os.Stat(s.Model); err == nil || s.Archive.URL == "" { // else it may be a version: the start tells
		if _, err := loadModel(s.Model); err != nil {
			bad("model: %w", err)
		}
	}
	s.NATS.check(bad)
	s.HTTP.check(bad)
	s.Console.check(bad)
	if s.Log.Format != "text" && s.Log.Format != "json" {
		bad("log.format: %q; want text or json", s.Log.Format)
	}
	s.Partitions.check(bad)
	s.Archive.check(bad)
	s.checkJobs(bad)
	s.Ingest.check(bad, s.NATS.URL == "")
	if s.Run.SaveEveryReadings < 1 {
		bad("run.save_every_readings: %d; want 1 or more", s.Run.SaveEveryReadings)
	}
	if s.Run.PlotHours < 0 || s.Run.PlotHours > maxPlotHours {
		bad("run.plot_hours: %d; want 0 to %d", s.Run.PlotHours, maxPlotHours)
	}
	return errors.Join(errs...)
}

func checkURL(bad func(string, ...any), field, text string, schemes ...string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		bad("%s: %q is no address; want %s://host:port", field, redact(text), schemes[0])
		return
	}
	for _, s := range schemes {
		if u.Scheme == s {
			if u.User != nil {
				bad("%s: holds a user or password; secrets belong in files or the environment", field)
			}
			return
		}
	}
	bad("%s: scheme %q; want one of %s", field, u.Scheme, strings.Join(schemes, ", "))
}

// redact hides what may be a password in an address that is about to be printed.
func redact(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		return "…" + text[at:]
	}
	return text
}

func checkListen(bad func(string, ...any), field, text string, needed bool) {
	if text == "" && !needed {
		return
	}
	if _, _, err := net.SplitHostPort(text); err != nil {
		bad("%s: %q; want host:port, e.g. 127.0.0.1:8080", field, text)
	}
}
