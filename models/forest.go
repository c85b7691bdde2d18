package models

import (
	"math"
	"slices"
	"sync"
)

// A Forest is a Boost laid out to be evaluated fast: every tree filled up to the depth of the
// deepest and stored by level, so that the children of node i are 2i+1 and 2i+2 and a step
// down is arithmetic in place of a branch that the processor would have to guess; four trees
// go down side by side, so that it need not wait for memory either (Asadi, Lin & de Vries,
// IEEE TKDE 26, 2014). Measurements and thresholds are compared as whole numbers in the
// same order. It gives what the Boost gives, to the bit, and never changes. Cost: some 8 ns a
// tree of depth 5.
type Forest struct {
	depth   int
	splits  []uint64  // of each tree 2^depth − 1: key of the threshold, slot of the feature
	changes []float32 // of each tree, for every node but the root, what the split above credits to its feature
	values  []float32 // of each tree 2^depth leaves
	stages  Stages
	plain   *Boost // walked where a tree is deeper than maxDepth or has too many features; nil: none
}

const (
	maxDepth = 8
	maxSlots = 512 // two of each feature: what is missing goes left, or right

	sideBySide = 4 // trees that go down together
)

// Plant makes a Forest of b, which must be valid for that many features.
func Plant(b *Boost, features int) *Forest {
	f := &Forest{stages: b.Stages}
	for _, t := range b.Trees {
		f.depth = max(f.depth, t.depth(0))
	}
	if f.depth > maxDepth || 2*features > maxSlots {
		return &Forest{plain: b}
	}
	inner := 1<<f.depth - 1
	trees := (len(b.Trees) + sideBySide - 1) / sideBySide * sideBySide // what is over says 0
	f.splits = make([]uint64, trees*inner)
	f.changes = make([]float32, trees<<(f.depth+1))
	f.values = make([]float32, trees<<f.depth)
	for i, t := range b.Trees {
		f.plant(t, 0, i, 0)
	}
	return f
}

// depth is how many splits lie between node n and the leaf that is farthest from it.
func (t Tree) depth(n int16) int {
	if t[n].Left == 0 {
		return 0
	}
	return 1 + max(t.depth(t[n].Left), t.depth(t[n].Right))
}

// plant puts what is below node n of t at place at of the tree. A leaf above the last level
// is put below all splits that it stands for, which credit nothing.
func (f *Forest) plant(t Tree, n int16, tree, at int) {
	node, inner := &t[n], 1<<f.depth-1
	if node.Left == 0 {
		low, high := at, at
		for low < inner {
			low, high = 2*low+1, 2*high+2
		}
		for i := low; i <= high; i++ {
			f.values[tree<<f.depth+i-inner] = node.Value
		}
		return
	}
	slot := 2 * uint64(node.Feature)
	if !node.Missing {
		slot++
	}
	f.splits[tree*inner+at] = uint64(uint32(orderKey(node.Threshold)))<<32 | slot
	for side, child := range []int16{node.Left, node.Right} {
		below := 2*at + 1 + side
		f.changes[tree<<(f.depth+1)+below] = t[child].Value - node.Value
		f.plant(t, child, tree, below)
	}
}

// orderKey orders whole numbers as x orders numbers; x is not NaN.
func orderKey(x float32) int32 {
	key := int32(math.Float32bits(x + 0)) // −0 is 0
	if key < 0 {
		key ^= math.MaxInt32
	}
	return key
}

// floorKey is the key of the largest float32 that is not above v: below a threshold of that
// precision if and only if v is.
func floorKey(v float64) int32 {
	x := float32(v)
	key := orderKey(x)
	if float64(x) > v {
		key--
	}
	return key
}

// An Evaluator evaluates a Forest; one goroutine may use it at a time.
type Evaluator struct {
	*Forest
	keys [maxSlots]int32 // of the measurements
	at   []int32         // of each tree that was asked, the node on the last level to which they lead
}

// NewEvaluator returns an evaluator of f.
func NewEvaluator(f *Forest) *Evaluator {
	return &Evaluator{Forest: f, at: make([]int32, 0, len(f.values)>>f.depth)}
}

// At is Boost.At.
func (e *Evaluator) At(x []float64, start float64, parts []float64) float64 {
	f := e.Forest
	if f.plain != nil {
		return f.plain.At(x, start, parts)
	}
	for i, v := range x {
		if v == v {
			key := floorKey(v)
			e.keys[2*i], e.keys[2*i+1] = key, key
		} else {
			e.keys[2*i], e.keys[2*i+1] = math.MinInt32, math.MaxInt32
		}
	}
	sum := 0.0
	e.at = e.at[:0]
	inner := 1<<f.depth - 1
	for tree := 0; tree < cap(e.at) && !f.stages.over(tree, start+sum); tree += sideBySide {
		e.four(f.splits[tree*inner:])
		for t, at := range e.at[tree:] {
			sum += float64(f.values[(tree+t)<<f.depth+int(at)-inner])
		}
	}
	if parts != nil {
		e.credit(parts)
	}
	return sum
}

// four goes down the first four trees of splits.
func (e *Evaluator) four(splits []uint64) {
	inner := 1<<e.depth - 1
	a, b, c, d := splits[:inner], splits[inner:2*inner], splits[2*inner:3*inner], splits[3*inner:4*inner]
	var i, j, k, l int
	for range e.depth {
		i, j, k, l = e.down(a, i), e.down(b, j), e.down(c, k), e.down(d, l)
	}
	e.at = append(e.at, int32(i), int32(j), int32(k), int32(l))
}

// down is the child of node i to which the measurements lead: the right one, 2i+2, where the
// threshold is not above them, which is the sign of threshold − 1 − measurement.
func (e *Evaluator) down(splits []uint64, i int) int {
	s := splits[i]
	return 2*i + 1 + int(uint64(int64(int32(s>>32))-1-int64(e.keys[s%maxSlots]))>>63)
}

// credit adds the changes on the way to each tree's leaf, from the root down, to parts.
func (e *Evaluator) credit(parts []float64) {
	f := e.Forest
	inner := 1<<f.depth - 1
	for tree, at := range e.at {
		splits, changes := f.splits[tree*inner:(tree+1)*inner], f.changes[tree<<(f.depth+1):]
		for up := f.depth; up > 0; up-- {
			node, child := (at+1)>>up-1, (at+1)>>(up-1)-1
			parts[uint32(splits[node])/2] += float64(changes[child])
		}
	}
}

// planted is the Forest that was planted last, and of what.
var planted struct {
	sync.Mutex
	boost    Boost
	features int
	forest   *Forest
}

// PlantOnce is Plant, but that scorers of one model share its Forest.
func PlantOnce(b *Boost, features int) *Forest {
	p := &planted
	p.Lock()
	defer p.Unlock()
	if q := &p.boost; p.forest != nil && p.features == features && q.Stages == b.Stages && slices.EqualFunc(q.Trees, b.Trees, slices.Equal[Tree]) {
		return p.forest
	}
	own := &Boost{Trees: make([]Tree, len(b.Trees)), Stages: b.Stages} // a model may be changed
	for i, t := range b.Trees {
		own.Trees[i] = slices.Clone(t)
	}
	p.features, p.boost, p.forest = features, *own, Plant(own, features)
	return p.forest
}
