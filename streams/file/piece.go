package file

import (
	"slices"

	"github.com/flatwatt/flatwatt"
)

// A piece is what a job yields: its readings and the meter of each, then grouped into runs.
type piece struct {
	rows
	meter   []int32
	runs    []run
	rejects rejects
	seen    int64 // data rows
	missing int64
	off     []origin
	err     error
}

// A run is a stretch of a piece's rows that belong to one meter.
type run struct{ meter, from, to int32 }

// An origin remembers where a row that is off its meter's declared grid came from, for
// the case that it is rejected when the meter's true grid is known.
type origin struct {
	meter, at int32
	where     string
}

// maxOrigins bounds what is remembered of them in all: a register that is wrong
// altogether puts most of a fleet off its declared grid.
const maxOrigins = 100_000

// note takes one row that parsed.
func (p *piece) note(l *loader, meter int32, c row, where func() string) {
	if !l.grids[meter].holds(c.at) && len(p.off) < maxOrigins/16 {
		p.off = append(p.off, origin{meter, c.at, where()})
	}
	p.meter = append(p.meter, meter)
	p.rows.add(c)
}

// group finds the runs of one meter each. Files sorted by time have runs of one row;
// their rows are brought together by a stable counting sort, as appending row by row to
// columns all over the memory would cost more.
func (p *piece) group() {
	p.findRuns()
	if len(p.runs) < 64 || len(p.meter)/len(p.runs) >= 8 {
		return
	}
	count := make([]int32, slices.Max(p.meter)+2)
	for _, m := range p.meter {
		count[m+1]++
	}
	for i := 1; i < len(count); i++ {
		count[i] += count[i-1]
	}
	order := make([]int32, len(p.meter))
	for i, m := range p.meter {
		order[count[m]] = int32(i)
		count[m]++
	}
	p.meter = permute(p.meter, order)
	p.at, p.energy = permute(p.at, order), permute(p.energy, order)
	n := p.len()
	p.reactive = permute(pad(p.reactive, n, nan32), order)
	p.voltage = permute(pad(p.voltage, n, nan32), order)
	p.quality = permute(pad(p.quality, n, flatwatt.Actual), order)
	p.findRuns()
}

func (p *piece) findRuns() {
	n := p.len()
	p.reactive, p.voltage = pad(p.reactive, n, nan32), pad(p.voltage, n, nan32)
	p.quality = pad(p.quality, n, flatwatt.Actual)
	p.runs = p.runs[:0]
	for from := 0; from < n; {
		to := from + 1
		for to < n && p.meter[to] == p.meter[from] {
			to++
		}
		p.runs = append(p.runs, run{p.meter[from], int32(from), int32(to)})
		from = to
	}
}

// pad makes a column that exists n long.
func pad[T any](col []T, n int, fill T) []T {
	if col == nil {
		return nil
	}
	return grow(col, n, fill)
}

func permute[T any](col []T, order []int32) []T {
	if col == nil {
		return nil
	}
	out := make([]T, len(order))
	for i, o := range order {
		out[i] = col[o]
	}
	return out
}
