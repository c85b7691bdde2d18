package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/streams/archive"
	"github.com/flatwatt/flatwatt/streams/file"
)

// errNothingLate says that there is nothing to do, which is no fault.
var errNothingLate = errors.New("no reading has come late")

func (p *Program) planRescore(ctx context.Context, a *archive.Archive, runs rescore.Runs, fleet *file.Fleet, model *detectors.Params, flags *rescoreFlags) (spec rescore.Spec, err error) {
	if spec.From, spec.To, err = archiveDays(a, flags.from, flags.to); err != nil {
		return spec, err
	}
	if flags.lateSince != "" {
		if spec.From, err = p.lateDay(ctx, a, runs, flags.lateSince, spec.To); err != nil {
			return spec, err
		}
	}
	first, last, _ := a.Days()
	for _, text := range flags.days {
		day, err := archiveDay("--days", text, first, last)
		if err != nil {
			return spec, err
		}
		if day < spec.From || day > spec.To {
			return spec, usagef("--days %s: is not among %s to %s: no score of it would be kept", text, spec.From, spec.To)
		}
		spec.Days = append(spec.Days, day)
	}
	if flags.warmUp != "all" {
		n, ok := strings.CutSuffix(flags.warmUp, "d")
		days := 0
		if _, err := fmt.Sscan(n, &days); err != nil || !ok || days < 1 {
			return spec, usagef("--warm-up %s: want all, or days like 120d", flags.warmUp)
		}
		spec.Since = max(first, spec.From-flatwatt.Day(days))
	}
	if spec.Meters, spec.Selection, err = chooseMeters(fleet.Meters(), *flags); err != nil {
		return spec, err
	}
	spec.Live, spec.Model = flags.live, model.Version
	if spec.Config, err = scoringHash(model, fleet.Meters()); err != nil {
		return spec, err
	}
	if spec, err = rescore.Plan(a, spec); err != nil {
		return spec, usageError{err}
	}
	return spec, nil
}

// scoringHash names the model and the register: both give scores their meaning.
func scoringHash(model *detectors.Params, meters []flatwatt.Meter) (string, error) {
	hash, err := configHash(model)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, m := range meters {
		fmt.Fprintf(&b, "%q %q %q %q %v %v %v %q\n", m.ID, m.Parent, m.Kind, m.Class, m.Zone, m.Interval, m.Contracted, m.Region)
	}
	return hash + "-" + strings.TrimPrefix(sourceName("", "", b.String()), "  "), nil
}

func (p *Program) lateDay(ctx context.Context, a *archive.Archive, runs rescore.Runs, text string, to flatwatt.Day) (flatwatt.Day, error) {
	since, err := lateSince(ctx, runs, text)
	if err != nil {
		return 0, err
	}
	day, n, err := a.LateSince(ctx, since)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, fmt.Errorf("%w since %s: nothing to do", errNothingLate, since.Format(time.RFC3339))
	}
	p.say("rescore: %s readings came late since %s, the earliest for %s", grouped(n), since.Format(time.RFC3339), day)
	return min(day, to), nil
}

// lateSince reads a time; last is the clock of the stream when the last run that is done
// began, so that what came since is what it did not have.
func lateSince(ctx context.Context, runs rescore.Runs, text string) (time.Time, error) {
	if text != "last" {
		since, err := parseAsOf(text)
		if err != nil {
			return since, usagef("--late-since: %w; or last", err)
		}
		return since, nil
	}
	list, err := runs.List(ctx)
	if err != nil {
		return time.Time{}, err
	}
	since := time.Unix(0, 0).UTC() // no run yet: all that ever came late
	for _, e := range list {
		if e.Outcome == rescore.Done && e.AsOf.After(since) && !e.Spec.Live && e.Spec.Meters == nil && e.Spec.Days == nil {
			since = e.AsOf
		}
	}
	return since, nil
}

// chooseMeters are the meters whose scores are wanted; nil for all.
func chooseMeters(register []flatwatt.Meter, flags rescoreFlags) (ids []flatwatt.MeterID, how string, err error) {
	if flags.feeder == "" && flags.class == "" && len(flags.meters) == 0 {
		return nil, "all", nil
	}
	byID := map[flatwatt.MeterID]flatwatt.Meter{}
	for _, m := range register {
		byID[m.ID] = m
	}
	for _, id := range flags.meters {
		if _, ok := byID[flatwatt.MeterID(id)]; !ok {
			return nil, "", usagef("--meters: %s is not in the register", id)
		}
	}
	under := func(m flatwatt.Meter) bool {
		for range 16 { // deeper than any grid; ends where a register runs in a circle
			if string(m.ID) == flags.feeder || string(m.Parent) == flags.feeder {
				return true
			}
			up, ok := byID[m.Parent]
			if !ok {
				return false
			}
			m = up
		}
		return false
	}
	for _, m := range register {
		if (flags.feeder == "" || under(m)) && (flags.class == "" || string(m.Class) == flags.class) &&
			(len(flags.meters) == 0 || slices.Contains(flags.meters, string(m.ID))) {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return nil, "", usagef("no meter of the register is chosen by --feeder, --class and --meters together")
	}
	return ids, fmt.Sprintf("feeder %q, class %q, %d meters named", flags.feeder, flags.class, len(flags.meters)), nil
}
