package influx

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Changed returns the points that Add has changed since it was last called, each a
// line of line protocol, sorted by day, then measurement, name, detector and rank.
func (r *Rollups) Changed() [][]byte {
	var lines [][]byte
	for _, day := range slices.Sorted(maps.Keys(r.days)) {
		d := r.days[day]
		for _, g := range slices.SortedFunc(maps.Keys(d.changed), r.compare) {
			lines = append(lines, r.appendGroup(nil, day, g, d.groups[g]))
		}
		for _, detector := range slices.Sorted(maps.Keys(d.top)) {
			lines = r.appendTop(lines, day, detector, d.ranked(detector, TopN))
		}
		clear(d.changed)
		clear(d.top)
	}
	return lines
}

func (r *Rollups) compare(a, b group) int {
	return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(r.names[a.name], r.names[b.name]), cmp.Compare(a.detector, b.detector))
}

// rollTime is the time of a day's roll-ups.
func rollTime(d flatwatt.Day) time.Time { return d.Start(time.UTC) }

// appendMark appends the empty roll-up that says that scores of d may follow.
func (r *Rollups) appendMark(b []byte, d flatwatt.Day, detector string) []byte {
	return r.appendGroup(b, d, group{level: byFleet, detector: detector}, new(sums))
}

// measurements and tags of the levels, by level.
var measurements = [...]string{TransformerMeasurement, FeederMeasurement, FleetMeasurement, ClassMeasurement, RegionMeasurement, ModelMeasurement}
var levelTags = [...]string{TransformerTag, FeederTag, "", ClassTag, RegionTag, ModelTag}

// appendGroup writes tags in the order of their names, which the database likes best.
func (r *Rollups) appendGroup(b []byte, d flatwatt.Day, g group, s *sums) []byte {
	b = append(b, measurements[g.level]...)
	tags := [][2]string{{DetectorTag, g.detector}, {PartTag, r.part}}
	if g.level != byFleet {
		tags = append(tags, [2]string{levelTags[g.level], string(r.names[g.name])})
	}
	if f := r.register[r.names[g.name]].feeder; g.level == byTransformer && f != 0 {
		tags = append(tags, [2]string{FeederTag, string(r.names[f])})
	}
	slices.SortFunc(tags, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	for _, t := range tags {
		b = appendTag(b, t[0], t[1])
	}
	b = appendInt(append(b, ' '), scoredField, s.scored)
	b = appendInt(append(b, ','), normalField, s.normal)
	b = appendInt(append(b, ','), suspectsField, s.suspects)
	b = appendInt(append(b, ','), endedField, s.ended)
	b = appendInt(append(b, ','), faultsField, s.faults)
	b = appendInt(append(b, ','), notEnoughField, s.notEnough)
	b = appendInt(append(b, ','), newField, s.fresh)
	b = appendInt(append(b, ','), newHighField, s.freshHigh)
	b = appendFloat(append(b, ','), suspectedField, float64(s.kw)/perUnit)
	b = appendFloat(append(b, ','), hashLowField, float64(s.hashLo)/perUnit)
	b = appendFloat(append(b, ','), hashHighField, float64(s.hashHi)/perUnit)
	if g.level == byFleet || g.level == byModel {
		b = appendInt(append(b, ','), endField, rollTime(d+1).UnixMilli())
	}
	return appendTime(b, rollTime(d))
}

// appendTop appends a line for every rank, held or not.
func (r *Rollups) appendTop(lines [][]byte, d flatwatt.Day, detector string, top []suspect) [][]byte {
	for rank := range TopN {
		held := suspect{probability: math.NaN(), block: math.NaN()}
		if rank < len(top) {
			held = top[rank]
		}
		b := append([]byte(nil), TopMeasurement...)
		b = appendTag(b, DetectorTag, detector)
		b = appendTag(b, PartTag, r.part)
		b = appendTag(b, RankTag, fmt.Sprintf("%02d", rank+1))
		b = appendText(append(b, ' '), topMeterField, string(held.meter))
		b = appendFloat(append(b, ','), topProbField, held.probability)
		b = appendFloat(append(b, ','), topBlockField, held.block)
		lines = append(lines, appendTime(b, rollTime(d)))
	}
	return lines
}
