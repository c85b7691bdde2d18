package simulate

import (
	"context"
	"iter"
	"runtime"

	"github.com/flatwatt/flatwatt"
)

// maxFlowBytes bounds what All keeps to sum customers into transformers. A larger
// fleet is summed by drawing every customer again, at twice the time.
const maxFlowBytes = 2 << 30

// All yields every meter's series and truth in the order of Meters, drawing them on
// all processors. It stops early when ctx is done or the caller has enough; all its
// goroutines have ended when it returns.
func (g *Generator) All(ctx context.Context) iter.Seq2[flatwatt.Series, flatwatt.Truth] {
	return func(yield func(flatwatt.Series, flatwatt.Truth) bool) {
		sums := g.newSums()
		n := len(g.meters)
		if sums != nil {
			n = g.cfg.Meters
		}
		for d := range inOrder(ctx, n, g.draw) {
			if sums != nil {
				sums[d.transformer].add(d.flow)
			}
			if !yield(d.series, d.truth) {
				return
			}
		}
		if sums != nil && ctx.Err() == nil {
			g.gridFrom(ctx, sums, yield)
		}
	}
}

// drawn is one meter, and what it takes from its transformer.
type drawn struct {
	series      flatwatt.Series
	truth       flatwatt.Truth
	flow        flow
	transformer int
}

func (g *Generator) draw(i int) (d drawn) {
	if i >= g.cfg.Meters {
		d.series, d.truth = g.Series(i)
		return d
	}
	d.series, d.truth, d.flow = g.customer(i)
	d.transformer = i / g.cfg.Grid.CustomersPerTransformer
	return d
}

// newSums is a flow for each transformer, or nil where none are wanted or they would not fit.
func (g *Generator) newSums() []flow {
	if !g.cfg.Grid.Meters || g.transformers*g.cal.n*16 > maxFlowBytes {
		return nil
	}
	sums := make([]flow, g.transformers)
	for k := range sums {
		sums[k] = newFlow(g.cal.n)
	}
	return sums
}

// gridFrom yields transformers and feeders from the sums, adding in the same order as Series.
func (g *Generator) gridFrom(ctx context.Context, sums []flow, yield func(flatwatt.Series, flatwatt.Truth) bool) {
	for k, f := range sums {
		if ctx.Err() != nil || !yield(g.transformerSeries(k, f)) {
			return
		}
	}
	for k := range g.feeders {
		f := newFlow(g.cal.n)
		first := k * g.cfg.Grid.TransformersPerFeeder
		for t := first; t < min(first+g.cfg.Grid.TransformersPerFeeder, g.transformers); t++ {
			f.add(g.input(t, sums[t]))
		}
		if ctx.Err() != nil || !yield(g.feederOf(k, f)) {
			return
		}
	}
}

// inOrder computes f(0) … f(n−1) on all processors and yields them in order, at most
// a few ahead of the caller.
func inOrder[T any](ctx context.Context, n int, f func(int) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		workers := runtime.GOMAXPROCS(0)
		slots := make([]chan T, 4*workers)
		for i := range slots {
			slots[i] = make(chan T, 1)
		}
		jobs, done := make(chan int, len(slots)), make(chan struct{})
		for range workers {
			go func() {
				for i := range jobs {
					slots[i%len(slots)] <- f(i)
				}
				done <- struct{}{}
			}()
		}
		defer func() {
			close(jobs)
			for range workers {
				<-done
			}
		}()
		for i := range min(n, len(slots)) {
			jobs <- i
		}
		for i := range n {
			if ctx.Err() != nil {
				return
			}
			v := <-slots[i%len(slots)] // freed before the job that will fill it again is handed out
			if next := i + len(slots); next < n {
				jobs <- next
			}
			if !yield(v) {
				return
			}
		}
	}
}
