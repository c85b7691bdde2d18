package main

import (
	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/balance"
	clusters "github.com/flatwatt/flatwatt/detectors/cluster"
	"github.com/flatwatt/flatwatt/detectors/hall"
	"github.com/flatwatt/flatwatt/detectors/outside"
	"github.com/flatwatt/flatwatt/detectors/plant"
	"github.com/flatwatt/flatwatt/detectors/suite"
	"github.com/flatwatt/flatwatt/network"
)

// judges are every detector that scores, as one Scorer.
type judges struct {
	flatwatt.Scorer
	customers *detectors.Fleet
	grid      *balance.Scorer
}

// newScorer is the one place that says which detectors score. meters are those whose
// readings come here; register is the whole fleet, or as much of it as around tells: what
// lies above and below them. The order of detectors is part of a checkpoint: add at the end.
func newScorer(model *detectors.Params, meters, register []flatwatt.Meter, weather flatwatt.Weather, more aside) (*judges, error) {
	net, _ := network.New(network.Parents(register), nil) // `topology check` tells the faults
	return newScorerOn(net, model, meters, register, weather, more)
}

// newScorerOn is newScorer where the network is known better than by the parent column.
func newScorerOn(net *network.Network, model *detectors.Params, meters, register []flatwatt.Meter, weather flatwatt.Weather, more aside) (*judges, error) {
	fleet, err := newCustomers(model, meters, weather, more)
	if err != nil {
		return nil, err
	}
	grid, err := balance.New(model, meters, register, net, weather, balance.Options{})
	if err != nil {
		return nil, dataError{err}
	}
	plants, err := plant.New(meters, more.water, more.events, plant.Options{})
	if err != nil {
		return nil, dataError{err}
	}
	halls, err := hall.New(meters, weather, hall.Options{Coin: more.coin})
	if err != nil {
		return nil, dataError{err}
	}
	groups := clusters.New(fleet, meters, register, net)
	fleet.SeeFloors(groups.Floors)
	all := suite.New(groups, grid, plants, halls)
	return &judges{Scorer: outside.New(all, register, more.book, thresholds(model)), customers: fleet, grid: grid}, nil
}

// thresholds say from which probability each detector's scores are suspects once outside
// evidence is fused into them. Clusters are no meters: nobody says anything of them.
func thresholds(model *detectors.Params) map[string]outside.Threshold {
	even := outside.Threshold{From: .5}
	return map[string]outside.Threshold{
		rankedDetector: {From: model.AlarmProbability}, "transformer": even, "feeder": even, plant.Detector: even,
		hall.Detector: {From: hall.FarmFrom, Normal: hall.DataCentreTo},
	}
}

// newCustomers is the detector of customers' meters alone.
func newCustomers(model *detectors.Params, meters []flatwatt.Meter, weather flatwatt.Weather, more aside) (*detectors.Fleet, error) {
	fleet, err := detectors.NewFleet(model, meters, weather, detectors.Options{Book: more.book, Tariffs: more.tariffs, Calls: more.calls})
	if err != nil {
		return nil, dataError{err}
	}
	return fleet, nil
}
