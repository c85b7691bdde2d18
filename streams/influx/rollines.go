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

// appendGroup writes tags in the order of their names, which the database likes best.
func (r *Rollups) appendGroup(b []byte, d flatwatt.Day, g group, s *sums) []byte {
	b = append(b, [...]string{TransformerMeasurement, FeederMeasurement, FleetMeasurement}[g.level]...)
	b = appendTag(b, DetectorTag, g.detector)
	if g.level == byFeeder {
		b = appendTag(b, FeederTag, string(r.names[g.name]))
	}
	b = appendTag(b, PartTag, r.part)
	if g.level == byTransformer {
		b = appendTag(b, TransformerTag, string(r.names[g.name]))
	}
	b = appendInt(append(b, ' '), scoredField, s.scored)
	b = appendInt(append(b, ','), normalField, s.normal)
	b = appendInt(append(b, ','), suspectsField, s.suspects)
	b = appendInt(append(b, ','), endedField, s.ended)
	b = appendInt(append(b, ','), faultsField, s.faults)
	b = appendInt(append(b, ','), notEnoughField, s.notEnough)
	b = appendFloat(append(b, ','), suspectedField, float64(s.kw)/perUnit)
	b = appendFloat(append(b, ','), hashLowField, float64(s.hashLo)/perUnit)
	b = appendFloat(append(b, ','), hashHighField, float64(s.hashHi)/perUnit)
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
