package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/flatwatt/flatwatt/durable"
)

// A Place is how far one hook has been told.
type Place struct {
	Seq    int       `json:"seq"`
	Failed []Failure `json:"failed,omitempty"` // given up, the oldest first
}

// A Failure is a delivery that was given up.
type Failure struct {
	Seq    int       `json:"seq"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// errPlaces says what to do about a file of places that cannot be read. It is not begun
// anew by itself: where a hook was is then not known, and to tell it from now on would
// leave entries out without a word. Since the file is on disk before it gets its name, it
// is damaged by somebody or something else.
var errPlaces = errors.New(`is empty or damaged: put it back from a backup, or write {"HOOK":{"seq":N}} with the number of the last entry ` +
	`that each hook took (its Flatwatt-Delivery ends in it), or delete it and each is told from now on`)

// keeper changes the file of places, for many hooks at once.
type keeper struct{ mu sync.Mutex }

// read is what the file at path holds; nothing where there is none.
func (k *keeper) read(path string) (map[string]Place, error) {
	places := map[string]Place{}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return places, nil
	}
	if err != nil {
		return nil, fmt.Errorf("webhook places: %w", err)
	}
	if err = json.Unmarshal(text, &places); err == nil && places == nil {
		err = errors.New("it holds null")
	}
	if err != nil {
		return nil, fmt.Errorf("webhook places %s: %w (%w)", path, errPlaces, err)
	}
	return places, nil
}

// keep sets the place of one hook. Those of the others stay as they are in the file.
func (k *keeper) keep(path, hook string, p Place) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	places, err := k.read(path)
	if err != nil {
		return err
	}
	places[hook] = p
	text, err := json.MarshalIndent(places, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteBytes(path, 0o600, text)
}
