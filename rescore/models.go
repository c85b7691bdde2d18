package rescore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/streams/archive"
)

const (
	modelsPrefix = "models/"
	currentKey   = modelsPrefix + "current.json"
)

// A ModelVersion is what is known of a model that was proposed. Its file never changes: a
// version stands for the bytes with this hash, and no others.
type ModelVersion struct {
	Version  string          `json:"version"`
	SHA256   string          `json:"sha256"`
	Before   string          `json:"before"` // version that it is to follow
	Proposed time.Time       `json:"proposed"`
	Who      string          `json:"who"`
	How      string          `json:"how"`              // fit, feedback, by hand
	Report   json.RawMessage `json:"report,omitempty"` // before and after, as the command that made it says
}

// A ModelChange makes a version the current one.
type ModelChange struct {
	Version string    `json:"version"`
	SHA256  string    `json:"sha256"`
	Who     string    `json:"who"`
	At      time.Time `json:"at"`
}

// Models are the model versions in a store. Programs propose them, a person promotes one.
type Models struct{ Store archive.Store }

var versionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ErrNoModel says that there is no such version.
var ErrNoModel = errors.New("there is no such model version")

func modelKey(version string) string { return modelsPrefix + version + ".model.json" }
func aboutKey(version string) string { return modelsPrefix + version + ".about.json" }

// HashModel is the hash that names a model file.
func HashModel(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Propose keeps a model file as v, whose hash it fills in. The same file again changes
// nothing; another one under the same version is refused, as scores name their version.
func (m Models) Propose(ctx context.Context, v ModelVersion, text []byte) (ModelVersion, error) {
	if !versionName.MatchString(v.Version) {
		return v, fmt.Errorf("model version %q: want letters, digits, dots, - and _, at most 64", v.Version)
	}
	v.SHA256 = HashModel(text)
	old, err := m.About(ctx, v.Version)
	switch {
	case err == nil && old.SHA256 == v.SHA256:
		return old, nil
	case err == nil:
		return v, fmt.Errorf("model version %s is another file already (hash %.12s, this one %.12s): give this one a name of its own", v.Version, old.SHA256, v.SHA256)
	case !errors.Is(err, ErrNoModel):
		return v, err
	}
	if err := m.Store.Put(ctx, modelKey(v.Version), text); err != nil {
		return v, err
	}
	about, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return v, err
	}
	return v, m.Store.Put(ctx, aboutKey(v.Version), about) // last: it is there from now on
}

// About is what is known of a version.
func (m Models) About(ctx context.Context, version string) (v ModelVersion, err error) {
	text, err := m.Store.Get(ctx, aboutKey(version))
	if errors.Is(err, fs.ErrNotExist) {
		return v, fmt.Errorf("%w: %s; `flatwatt model ls` lists them", ErrNoModel, version)
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		return v, fmt.Errorf("model %s: %w", version, err)
	}
	return v, nil
}

// Load is the file of a version, checked against its hash.
func (m Models) Load(ctx context.Context, version string) ([]byte, error) {
	v, err := m.About(ctx, version)
	if err != nil {
		return nil, err
	}
	text, err := m.Store.Get(ctx, modelKey(version))
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", version, err)
	}
	if have := HashModel(text); have != v.SHA256 {
		return nil, fmt.Errorf("model %s is not the file that was proposed: its hash is %.12s, not %.12s: restore it from a copy", version, have, v.SHA256)
	}
	return text, nil
}

// List is every version, the latest proposal first.
func (m Models) List(ctx context.Context) (list []ModelVersion, err error) {
	keys, err := m.Store.List(ctx, modelsPrefix)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		version, ok := strings.CutSuffix(strings.TrimPrefix(key, modelsPrefix), ".about.json")
		if !ok {
			continue
		}
		v, err := m.About(ctx, version)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	slices.SortStableFunc(list, func(a, b ModelVersion) int { return b.Proposed.Compare(a.Proposed) })
	return list, nil
}

// History is which version was current, the present one first; empty where none ever was.
func (m Models) History(ctx context.Context) (list []ModelChange, err error) {
	text, err := m.Store.Get(ctx, currentKey)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", currentKey, err)
	}
	return list, nil
}

// Promote makes a version the current one, in one write, after a look at its file.
func (m Models) Promote(ctx context.Context, version, who string, at time.Time) error {
	text, err := m.Load(ctx, version)
	if err != nil {
		return err
	}
	list, err := m.History(ctx)
	if err != nil {
		return err
	}
	if len(list) > 0 && list[0].Version == version {
		return nil
	}
	list = slices.Insert(list, 0, ModelChange{Version: version, SHA256: HashModel(text), Who: who, At: at})
	out, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return m.Store.Put(ctx, currentKey, out)
}
