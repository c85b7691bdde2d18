package main

import (
	"slices"

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
	customer := func(id flatwatt.MeterID) bool { m, ok := register[id]; return ok && m.IsCustomer() }
	for _, id := range nodesAt(net, meters) {
		take(net.Measured(id, metered))
		take(net.Measured(id, customer))
	}
	return list
}

// nodesAt are the transformers and feeders among meters and above them, sorted.
func nodesAt(net *network.Network, meters []flatwatt.Meter) []flatwatt.MeterID {
	ids := make([]flatwatt.MeterID, len(meters))
	for i := range meters {
		ids[i] = meters[i].ID
	}
	nodes := slices.DeleteFunc(append(net.Ancestors(ids), ids...), func(id flatwatt.MeterID) bool {
		kind := net.Kind(id)
		return kind != flatwatt.Transformer && kind != flatwatt.Feeder
	})
	slices.Sort(nodes)
	return slices.Compact(nodes)
}
