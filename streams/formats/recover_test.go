package formats

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// stumble panics where a decoder would, given the wrong bytes.
func stumble() (io.Reader, error) { panic("stumbled") }

// What a decoder stumbles over costs its file: no sender's bytes end the service.
func TestAPanicRejectsItsFile(t *testing.T) {
	info := Info{Tally: &Tally{}}
	c := &chain{tally: info.Tally}
	_, err := c.open(format.Member{Name: "f", Open: stumble}, &info)
	var d *format.Damage
	if !errors.As(err, &d) || !strings.Contains(d.Reason, "stumbled") {
		t.Errorf("opening: %v", err)
	}
	steps := 0
	src := format.NewSource(&format.Input{Name: "f", Tally: info.Tally}, Options{}, func(o *format.Out) error {
		if steps++; steps == 2 {
			panic("stumbled")
		}
		o.Reject(1, "a", "the first", nil)
		return nil
	})
	var all []flatwatt.Rejected
	for {
		b, err := src.Read(t.Context())
		all = append(all, b.Rejected...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) != 2 || all[1].Where != "f" || !strings.Contains(all[1].Reason, "stumbled") {
		t.Errorf("reading: %+v", all)
	}
}
