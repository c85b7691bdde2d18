package main

import (
	"maps"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/network"
)

// around is the part of the register that the detectors of some meters look at: these
// meters, and for each node that is one of them or hangs above one what shows that meters of
// others hang below it, for then it is not judged. Each of many buckets would otherwise go
// through the whole register when it is built.
func around(net *network.Network, register map[flatwatt.MeterID]flatwatt.Meter, meters []flatwatt.Meter) []flatwatt.Meter {
	list := meters[:len(meters):len(meters)]
	ours := make(map[flatwatt.MeterID]bool, len(meters))
	for _, m := range meters {
		ours[m.ID] = true
	}
	others := map[flatwatt.MeterID]bool{}
	take := func(links []network.Link) {
		i := slices.IndexFunc(links, func(l network.Link) bool { return !ours[l.Child] })
		if i >= 0 && !others[links[i].Child] {
			others[links[i].Child] = true
			list = append(list, register[links[i].Child])
		}
	}
	metered := func(id flatwatt.MeterID) bool { _, ok := register[id]; return ok }
	customer := func(id flatwatt.MeterID) bool { m, ok := register[id]; return ok && isCustomer(m) }
	for _, id := range slices.Sorted(maps.Keys(nodesAt(net, meters))) {
		take(net.Measured(id, metered))
		take(net.Measured(id, customer))
	}
	return list
}

func isCustomer(m flatwatt.Meter) bool { return m.Kind == flatwatt.Customer || m.Kind == "" }

// nodesAt are the transformers and feeders among meters and above them, before any change
// of the network and after all.
func nodesAt(net *network.Network, meters []flatwatt.Meter) map[flatwatt.MeterID]bool {
	nodes, been := map[flatwatt.MeterID]bool{}, map[flatwatt.MeterID]bool{}
	note := func(id flatwatt.MeterID) {
		if k := net.Kind(id); k == flatwatt.Transformer || k == flatwatt.Feeder {
			nodes[id] = true
		}
	}
	for _, t := range []time.Time{{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		clear(been) // with all that is above it at t
		for _, m := range meters {
			if m.Kind == flatwatt.Transformer || m.Kind == flatwatt.Feeder {
				nodes[m.ID] = true
			}
			for p, ok := net.Parent(m.ID, t); ok && !been[p]; p, ok = net.Parent(p, t) {
				been[p] = true
				note(p)
			}
		}
	}
	return nodes
}
