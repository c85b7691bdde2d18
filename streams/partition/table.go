package partition

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// tableVersion is that of the table's form.
const tableVersion = 1

// A table says who owns what. It is replaced whole, by compare-and-swap, so every
// decision is made on the state that it changes.
type table struct {
	Version int               `json:"version"`
	Layout  Layout            `json:"layout"`
	Beats   map[string]uint64 `json:"beats"`          // by worker; each renewal adds one
	Owners  []string          `json:"owners"`         // by partition; "" for nobody
	Next    int               `json:"next,omitempty"` // partitions to change to once all are free; 0: none
}

func newTable(l Layout) table {
	return table{Version: tableVersion, Layout: l, Beats: map[string]uint64{}, Owners: make([]string, l.Partitions)}
}

func decodeTable(b []byte) (table, error) {
	var t table
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("table of partitions: %w", err)
	}
	if t.Version != tableVersion {
		return t, fmt.Errorf("table of partitions has version %d, this program knows %d: run the same version everywhere", t.Version, tableVersion)
	}
	if err := t.Layout.Validate(); err != nil {
		return t, fmt.Errorf("table of partitions: %w", err)
	}
	if len(t.Owners) != t.Layout.Partitions {
		return t, fmt.Errorf("table of partitions has %d owners for %d partitions: delete its key and start the workers again", len(t.Owners), t.Layout.Partitions)
	}
	if t.Beats == nil {
		t.Beats = map[string]uint64{}
	}
	return t, nil
}

// ownedBy are the partitions of a worker, in order.
func (t table) ownedBy(worker string) []int {
	var list []int
	for p, o := range t.Owners {
		if o == worker {
			list = append(list, p)
		}
	}
	return list
}

// quota is how many partitions a worker should own: all shares differ by one at most.
func (t table) quota(worker string) int {
	names := slices.Sorted(maps.Keys(t.Beats))
	n := t.Layout.Partitions / len(names)
	if slices.Index(names, worker) < t.Layout.Partitions%len(names) {
		n++
	}
	return n
}

// A member is one worker's part in the sharing: what it remembers between two turns.
type member struct {
	name string
	ttl  time.Duration
	beat uint64
	seen map[string]sighting
}

// A sighting is the last beat that was seen to change, and when, on our own clock: the
// clocks of two machines are never compared.
type sighting struct {
	beat uint64
	at   time.Duration
}

// renew is a member's turn at a time of its own clock: it changes t into what should
// replace it and says which partitions it keeps (it may have work running in those of
// running only) and which it takes. Partitions above its quota are given up in two
// turns: first it stops working on them, then it frees them.
func (m *member) renew(t *table, now time.Duration, running []int) (keep, take []int) {
	m.beat++
	t.Beats[m.name] = m.beat
	m.sight(t, now)
	for p, o := range t.Owners {
		if _, alive := t.Beats[o]; o != "" && !alive {
			t.Owners[p] = ""
		}
	}
	if t.Next > 0 {
		t.drain(m.name, running)
		return nil, nil
	}
	quota := t.quota(m.name)
	for _, p := range t.ownedBy(m.name) {
		switch {
		case len(keep) < quota:
			keep = append(keep, p)
		case !slices.Contains(running, p): // stopped in the turn before
			t.Owners[p] = ""
		}
	}
	for p := range t.Owners {
		if t.Owners[p] == "" && len(keep)+len(take) < quota {
			t.Owners[p] = m.name
			take = append(take, p)
		}
	}
	return keep, take
}

// drain frees what the worker no longer works on. Who finds all free makes the change.
func (t *table) drain(worker string, running []int) {
	for _, p := range t.ownedBy(worker) {
		if !slices.Contains(running, p) {
			t.Owners[p] = ""
		}
	}
	if !slices.ContainsFunc(t.Owners, func(o string) bool { return o != "" }) {
		t.Layout.Partitions, t.Owners, t.Next = t.Next, make([]string, t.Next), 0
	}
}

// sight strikes out the workers whose beat has not changed for the time to live.
func (m *member) sight(t *table, now time.Duration) {
	for name := range m.seen {
		if _, there := t.Beats[name]; !there {
			delete(m.seen, name)
		}
	}
	for name, beat := range t.Beats {
		last, known := m.seen[name]
		switch {
		case name == m.name, !known, last.beat != beat:
			m.seen[name] = sighting{beat, now}
		case now-last.at >= m.ttl:
			delete(t.Beats, name)
		}
	}
}

// leave takes the worker out of the table.
func (t *table) leave(worker string) {
	delete(t.Beats, worker)
	for _, p := range t.ownedBy(worker) {
		t.Owners[p] = ""
	}
}
