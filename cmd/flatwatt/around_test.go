package main

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/network"
	"github.com/flatwatt/flatwatt/streams/file"
)

// A bucket that is built from what is around its meters is the same as one built from the
// whole register: the state names all nodes that are judged and what hangs below them.
func TestABucketNeedsOnlyWhatIsAroundIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	if code, _, stderr := run(t, nil, "simulate", "--meters", "300", "--days", "1", "--out", dir); code != exitOK {
		t.Fatal(stderr)
	}
	fleet, err := file.Open(dir, file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := fleet.Meters()
	first, second := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	moved := []network.Link{ // a meter that changes its transformer twice
		{Child: all[0].ID, Parent: all[0].Parent, To: first},
		{Child: all[0].ID, Parent: all[len(all)/3].Parent, From: first, To: second},
		{Child: all[0].ID, Parent: all[len(all)/2].Parent, From: second},
	}
	for name, changes := range map[string][]network.Link{"as registered": nil, "with changes": moved} {
		net, _ := network.New(network.Parents(all), changes)
		fewest := len(all)
		for b, meters := range partFleet(all, 8) {
			near := around(net, registerOf(all), meters)
			fewest = min(fewest, len(near))
			if got, want := builtState(t, net, meters, near), builtState(t, net, meters, all); !bytes.Equal(got, want) {
				t.Errorf("%s: bucket %d of %d meters, built from %d around them, differs from one built from all %d", name, b, len(meters), len(near), len(all))
			}
		}
		if fewest > len(all)/2 {
			t.Errorf("%s: a bucket of eight has at least %d of %d meters around it, want far fewer", name, fewest, len(all))
		}
	}
}

func builtState(t *testing.T, net *network.Network, meters, register []flatwatt.Meter) []byte {
	t.Helper()
	s, err := newScorerOn(net, detectors.DefaultParams(), meters, register, nil, aside{})
	if err != nil {
		t.Fatal(err)
	}
	state, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return state
}
