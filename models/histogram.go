package models

// A histogram is the sum of derivatives in every bin of every feature of a tree.
type histogram [][boostBins + 1][2]float64

// count sums rows. Features go side by side, a few at a time.
func (f *boostFitter) count(rows []int32, features []int) histogram {
	h := f.histogram(len(features))
	const few = 24
	some := func(part int) {
		from, to := part*few, min((part+1)*few, len(features))
		for _, i := range rows {
			d, bins := f.grad[i], f.bins[int(i)*f.width:]
			for k := from; k < to; k++ {
				at := &h[k][bins[features[k]]]
				at[0] += d[0]
				at[1] += d[1]
			}
		}
	}
	parts := (len(features) + few - 1) / few
	if len(rows) < someSamples/16 {
		for part := range parts {
			some(part)
		}
		return h
	}
	sideways(parts, some)
	return h
}

// histogram is an empty one.
func (f *boostFitter) histogram(features int) histogram {
	if n := len(f.free); n > 0 {
		h := f.free[n-1][:features]
		f.free = f.free[:n-1]
		clear(h)
		return h
	}
	return make(histogram, features, f.width) // any tree may use it again
}

// less takes part away from h: what is left of a node is its other child.
func (h histogram) less(part histogram) {
	for k := range h {
		for b := range h[k] {
			h[k][b][0] -= part[k][b][0]
			h[k][b][1] -= part[k][b][1]
		}
	}
}
