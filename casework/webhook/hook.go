// Package webhook tells other systems of changes to alarms and cases, in the order of the
// audit trail, at least once, signed, with bounded retries.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// A Hook is somebody who wants to be told.
type Hook struct {
	Name       string   `yaml:"name"`
	URL        string   `yaml:"url"`
	SecretFile string   `yaml:"secret_file"` // of the signature, at least 16 characters
	Actions    []string `yaml:"actions"`     // e.g. alarm.*, case.move; empty: all of alarms and cases
	Areas      []string `yaml:"areas"`       // records of these and below; empty: all
	WithRecord bool     `yaml:"with_record"` // send the record too: it may name people

	Secret string `yaml:"-"`
}

// Settings are the hooks of a service.
type Settings struct {
	Hooks []Hook `yaml:"hooks"`
}

// kinds are what hooks may be told of. Users and files are not among them, ever.
var kinds = []string{"alarm", "case"}

var hookName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// Parse reads and checks settings. secret reads a file of a secret.
func Parse(text []byte, secret func(path string) (string, error)) (s Settings, err error) {
	if err := casework.ReadYAML(text, &s); err != nil {
		return s, err
	}
	for i := range s.Hooks {
		h := &s.Hooks[i]
		at := fmt.Sprintf("hooks[%d] %s", i, h.Name)
		if !hookName.MatchString(h.Name) || slices.ContainsFunc(s.Hooks[:i], func(o Hook) bool { return o.Name == h.Name }) {
			return s, fmt.Errorf("%s: want a name of its own of a–z, 0–9, dash and underscore", at)
		}
		if err := checkURL(h.URL); err != nil {
			return s, fmt.Errorf("%s: url: %w", at, err)
		}
		if h.Secret, err = secret(h.SecretFile); err != nil {
			return s, fmt.Errorf("%s: secret_file: %w", at, err)
		}
		if len(h.Secret) < 16 {
			return s, fmt.Errorf("%s: secret_file: %d characters; want 16 or more", at, len(h.Secret))
		}
	}
	return s, nil
}

// checkURL wants https, but for this machine itself.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	switch {
	case u.Host == "" || u.User != nil:
		return fmt.Errorf("%q: want an address such as https://example.org/hook, without a password in it", u.Redacted())
	case u.Scheme != "https" && !(u.Scheme == "http" && local):
		return fmt.Errorf("%q: want https; what alarms and cases say does not go in the clear", text)
	}
	return nil
}

// An Event is the body of a delivery.
type Event struct {
	Seq     int             `json:"seq"` // of the audit trail; the same one may come twice
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Kind    string          `json:"kind"`
	ID      string          `json:"id"`
	Version int             `json:"version"`
	Area    string          `json:"area,omitempty"`
	Hash    string          `json:"hash"` // of the entry
	Record  json.RawMessage `json:"record,omitempty"`
}

// event is what a hook is told of an entry; ok is false where it wants nothing of it.
func (h *Hook) event(e casework.Entry, r casework.Record) (body []byte, ok bool, err error) {
	if !slices.Contains(kinds, e.Kind) || !h.wants(e.Action) {
		return nil, false, nil
	}
	var about struct {
		Area string `json:"area"`
	}
	if err := json.Unmarshal(r.Body, &about); err != nil {
		return nil, false, fmt.Errorf("%s %s version %d: %w", e.Kind, e.ID, e.Version, err)
	}
	if len(h.Areas) > 0 && (about.Area == "" || !(access.Actor{Areas: h.Areas}).Sees(about.Area)) {
		return nil, false, nil
	}
	ev := Event{Seq: e.Seq, At: e.At, Actor: e.Actor, Action: e.Action, Kind: e.Kind, ID: e.ID, Version: e.Version, Area: about.Area, Hash: e.Hash}
	if h.WithRecord {
		ev.Record = r.Body
	}
	body, err = json.Marshal(ev)
	return body, true, err
}

func (h *Hook) wants(action string) bool {
	return len(h.Actions) == 0 || slices.ContainsFunc(h.Actions, func(a string) bool {
		if prefix, ok := strings.CutSuffix(a, "*"); ok {
			return strings.HasPrefix(action, prefix)
		}
		return a == action
	})
}

// SignatureHeader carries t=UNIX,v1=HEX, an HMAC-SHA256 over "UNIX.BODY".
const SignatureHeader = "Flatwatt-Signature"

// DeliveryHeader carries the hook's name and the entry's number, to tell repeats.
const DeliveryHeader = "Flatwatt-Delivery"

// Sign is the value of SignatureHeader.
func Sign(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	return "t=" + t + ",v1=" + hex.EncodeToString(digest(secret, t, body))
}

func digest(secret, t string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Verify checks a signature that is at most so old, as a receiver does.
func Verify(secret, header string, body []byte, now time.Time, most time.Duration) error {
	t, v, ok := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	unix, err1 := strconv.ParseInt(t, 10, 64)
	want, err2 := hex.DecodeString(v)
	if !ok || err1 != nil || err2 != nil {
		return errors.New("signature: want t=UNIX,v1=HEX")
	}
	if age := now.Sub(time.Unix(unix, 0)); age > most || age < -most {
		return fmt.Errorf("signature: is of %s", time.Unix(unix, 0).UTC().Format(time.RFC3339))
	}
	if !hmac.Equal(want, digest(secret, t, body)) {
		return errors.New("signature: is wrong")
	}
	return nil
}
