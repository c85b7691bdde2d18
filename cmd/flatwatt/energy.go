package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework/energy"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// energyFlags say where energy is read: the archive, or a fleet directory by itself.
type energyFlags struct{ fleet, archive string }

func (f *energyFlags) add(p *Program, cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.fleet, "fleet", p.Getenv(envPrefix+"FLEET"), "fleet `directory` with the register and, without --archive, the readings")
	cmd.Flags().StringVar(&f.archive, "archive", "", "archive (`directory` or s3://) with the readings")
}

// energySource opens what tells energy.
func (p *Program) energySource(ctx context.Context, f energyFlags) (energy.Source, []flatwatt.Meter, error) {
	if f.fleet == "" {
		return nil, nil, usagef("--fleet is needed: the directory with meters.csv")
	}
	if f.archive == "" {
		fleet, err := p.openFleet(ctx, f.fleet)
		if err != nil {
			return nil, nil, err
		}
		return fleetEnergy{fleet, registerOf(fleet.Meters())}, fleet.Meters(), nil
	}
	fleet, err := p.openRegister(f.fleet)
	if err != nil {
		return nil, nil, err
	}
	a, err := p.openArchive(ctx, f.archive)
	if err != nil {
		return nil, nil, err
	}
	return archiveEnergy{a, registerOf(fleet.Meters())}, fleet.Meters(), nil
}

func meterNamed(register map[flatwatt.MeterID]flatwatt.Meter, id string) (flatwatt.Meter, error) {
	m, ok := register[flatwatt.MeterID(id)]
	if !ok {
		return m, usagef("meter %s: is not in the register (meters.csv)", id)
	}
	return m, nil
}

// fleetEnergy tells energy from a fleet in memory.
type fleetEnergy struct {
	fleet interface {
		Series(flatwatt.MeterID) (flatwatt.Series, bool)
	}
	register map[flatwatt.MeterID]flatwatt.Meter
}

// Days implements energy.Source.
func (e fleetEnergy) Days(_ context.Context, meter, from, to string, capKW float64) ([]energy.Day, error) {
	m, err := meterNamed(e.register, meter)
	if err != nil {
		return nil, err
	}
	first, last, err := energy.Dates(from, to)
	if err != nil {
		return nil, err
	}
	var readings []flatwatt.Reading
	if s, ok := e.fleet.Series(m.ID); ok {
		for i := range s.Energy {
			if r, ok := s.Reading(i); ok {
				readings = append(readings, r)
			}
		}
	}
	return energy.Sum(m, readings, first, last, capKW), nil
}

// archiveEnergy tells energy from the archive.
type archiveEnergy struct {
	archive  *archive.Archive
	register map[flatwatt.MeterID]flatwatt.Meter
}

// Days implements energy.Source.
func (e archiveEnergy) Days(ctx context.Context, meter, from, to string, capKW float64) ([]energy.Day, error) {
	m, err := meterNamed(e.register, meter)
	if err != nil {
		return nil, err
	}
	first, last, err := energy.Dates(from, to)
	if err != nil {
		return nil, err
	}
	zone := zoneOf(m)
	// Claims on an hour may lie in several partitions: the best is chosen of all of them.
	all, err := e.archive.Meter(ctx, m.ID, archive.Anywhere, first.Start(zone), (last + 1).Start(zone))
	if err != nil {
		return nil, fmt.Errorf("energy of %s: %w", meter, err)
	}
	return energy.Sum(m, archive.Best(all), first, last, capKW), nil
}
