package main

import (
	"sync"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/hall"
	"github.com/flatwatt/flatwatt/detectors/outside"
	"github.com/flatwatt/flatwatt/detectors/plant"
	"github.com/flatwatt/flatwatt/simulate"
	"github.com/flatwatt/flatwatt/streams/file"
)

// An aside is what a fleet directory tells beside meters, readings and weather.
type aside struct {
	water   plant.Water // nil: not known
	events  []plant.Event
	coin    []hall.Week
	tariffs flatwatt.Tariffs
	calls   []detectors.Call
	book    flatwatt.OutsideBook // nil: nothing was said
}

// asideOf is what the files of a fleet say beside readings and weather.
func asideOf(fleet *file.Fleet) aside {
	a := filesOf(fleet)
	a.book = bookOf(fleet)
	return a
}

// filesOf is asideOf without outside evidence and registers.
func filesOf(fleet *file.Fleet) (a aside) {
	a.water, a.tariffs = fleet.Inflow(), fleet.Tariffs()
	for _, e := range fleet.Events() {
		a.events = append(a.events, plant.Event{Meter: flatwatt.MeterID(e.Meter), Start: e.Start, End: e.End, Kind: e.Kind})
		if e.Kind == "curtailment" {
			a.calls = append(a.calls, detectors.Call{Meter: flatwatt.MeterID(e.Meter), Start: e.Start, End: e.End})
		}
	}
	for _, c := range fleet.Coin() {
		a.coin = append(a.coin, hall.Week(c))
	}
	return a
}

// bookOf is the outside evidence and registrations of a fleet's files. Evidence that names
// no meter of the register is rejected.
func bookOf(fleet *file.Fleet) *outside.Book { return bookBy(registerBy(fleet.Meters()), fleet) }

func bookBy(register func() *outside.Register, fleet *file.Fleet) *outside.Book {
	book := outside.NewBook()
	for _, t := range fleet.Evidence() {
		list, field, reason := register().Match(t.Outside)
		if field != "" {
			fleet.RejectEvidence(t, field, reason)
			continue
		}
		book.Add(list...)
	}
	book.Register(fleet.Registered()...)
	return book
}

// registerBy indexes meters for outside evidence when it is first asked: that takes seconds
// for a million meters, and many a service never hears of any evidence.
func registerBy(meters []flatwatt.Meter) func() *outside.Register {
	return sync.OnceValue(func() *outside.Register { return outside.NewRegister(meters) })
}

// generators are the meters of power plants.
func generators(meters []flatwatt.Meter) (list []flatwatt.Meter) {
	for _, m := range meters {
		if m.Kind == flatwatt.Generator {
			list = append(list, m)
		}
	}
	return list
}

// writePlants writes inflow.csv and events.csv of simulated plants.
func writePlants(dir string, p *simulate.Plants) error {
	var rows []file.InflowRow
	for _, r := range p.Inflow() {
		rows = append(rows, file.InflowRow{Region: r.Region, Start: r.Start, Inflow: r.Rel, Turbine: nan})
	}
	if err := file.WriteInflow(dir, rows); err != nil {
		return err
	}
	var events []file.PlantEvent
	for i := range p.Meters() {
		for _, e := range p.Events(i) {
			events = append(events, file.PlantEvent{Meter: string(e.Meter), Start: e.Start, End: e.End, Kind: e.Kind})
		}
	}
	return file.WriteEvents(dir, events)
}
