package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/plant"
	"github.com/flatwatt/flatwatt/streams/file"
)

const summaryReasons = 6 // kinds of rejects that the summary names

// writeSummary says on one screen what was read and judged.
func writeSummary(w io.Writer, st style, fleet *file.Fleet, b *board, counts detectors.Counts) {
	s := fleet.Stats()
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s  %s\n", st.dim(pad(name, 9, false)), fmt.Sprintf(format, args...))
	}
	all := b.Findings()
	own, grid := byKind(all)
	n := tally(own)
	unheard := len(customers(fleet.Meters())) - len(own)
	line("fleet", "%s", fleet.Dir())
	line("meters", "%d of %d in the register have readings", s.Meters, len(fleet.Meters()))
	line("days", "%s meter days from %s to %s", grouped(s.MeterDays), s.First.Format(time.DateOnly), s.Last.Format(time.DateOnly))
	line("readings", "%s; %s intervals missing in gaps (%.2g%%)", grouped(s.Readings), grouped(s.Gaps),
		100*float64(s.Gaps)/float64(max(1, s.Gaps+s.Readings)))
	line("delivery", "%s late, %s repeated, %s in conflict, %s superseded", grouped(s.Late), grouped(s.Duplicates), grouped(s.Conflicts), grouped(s.Superseded))
	line("rejected", "%s", rejectsText(s))
	if text := lost(counts); text != "" {
		line("unused", "%s", text)
	}
	line("judged", "%d suspects, %d ended, %d meter faults, %d normal, %d not enough data",
		n[flatwatt.Suspect], n[flatwatt.Ended], n[flatwatt.MeterFault], n[flatwatt.Normal], n[flatwatt.NotEnoughData]+unheard)
	for _, part := range []struct{ name, what string }{{"grid", "transformers and feeders balanced"}, {"plants", "power plants compared"}} {
		var list []console.Finding
		for _, f := range grid {
			if (f.Score.Detector == plant.Detector) == (part.name == "plants") {
				list = append(list, f)
			}
		}
		if n := tally(list); len(list) > 0 {
			line(part.name, "%d %s: %d suspects, %d ended", len(list), part.what, n[flatwatt.Suspect], n[flatwatt.Ended])
		}
	}
	if n := hallTally(own); len(n) > 0 {
		line("halls", "%d mining farms, %d data centres, %d to be inspected on site", n[flatwatt.Suspect], n[flatwatt.Normal], n[flatwatt.Inspect])
	}
	fmt.Fprintln(w)
}

// hallTally counts large flat loads by what they are called.
func hallTally(all []console.Finding) map[flatwatt.State]int {
	n := map[flatwatt.State]int{}
	for _, f := range all {
		if f.Hall != nil {
			n[f.Hall.Score.State]++
		}
	}
	return n
}

// byKind parts findings into those of customers and those of the grid.
func byKind(all []console.Finding) (customers, grid []console.Finding) {
	for _, f := range all {
		if f.Score.Detector == rankedDetector {
			customers = append(customers, f)
		} else {
			grid = append(grid, f)
		}
	}
	return customers, grid
}

// rejectsText names the commonest reasons first.
func rejectsText(s file.Stats) string {
	if len(s.RejectedByReason) == 0 {
		return "nothing"
	}
	kinds := slices.SortedFunc(maps.Keys(s.RejectedByReason), func(x, y string) int {
		return cmp.Or(-cmp.Compare(s.RejectedByReason[x], s.RejectedByReason[y]), cmp.Compare(x, y))
	})
	var parts []string
	for _, k := range kinds[:min(len(kinds), summaryReasons)] {
		parts = append(parts, fmt.Sprintf("%s %s", grouped(s.RejectedByReason[k]), k))
	}
	if more := len(kinds) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more kinds", more))
	}
	return strings.Join(parts, ", ")
}
