package models

import (
	"fmt"
	"math"
)

// A Node is one node of a Tree. Left and Right are indices into the tree; a leaf has
// Left 0. x goes left where x[Feature] < Threshold; a missing (NaN) value goes the way
// that Missing says.
type Node struct {
	Feature   int16   `json:"f"`
	Left      int16   `json:"l"`
	Right     int16   `json:"r"`
	Missing   bool    `json:"m,omitempty"` // missing goes left
	Threshold float32 `json:"t"`
	Value     float32 `json:"v"` // mean correction of the samples that reach this node
}

// A Tree is a regression tree, its root first.
type Tree []Node

// A Boost corrects log-odds for what measurements say together: the sum of small
// regression trees, each fitted to what the ones before left unexplained (Friedman,
// Annals of Statistics 29, 2001; second-order leaves as in Chen & Guestrin, KDD 2016).
// The zero value corrects nothing. Cost: about 20 ns a tree.
type Boost struct {
	Trees []Tree `json:"trees,omitempty"`
	Stages
}

// Stages say how many trees are asked: most meters are plainly honest after a few. Where
// Stage is not 0, the rest is not asked once the log-odds at the end of a stage of that many
// trees are below Enough, as in the cascade of Viola & Jones (IJCV 57, 2004).
type Stages struct {
	Stage  int     `json:"stage,omitempty"`
	Enough float64 `json:"enough,omitempty"`
}

// over reports whether sum, of the first n trees and what they correct, ends the asking.
func (s Stages) over(n int, sum float64) bool {
	return s.Stage > 0 && n > 0 && n%s.Stage == 0 && sum < s.Enough
}

// Validate checks that stages are whole groups of trees that are walked side by side.
func (s Stages) Validate() error {
	if s.Stage < 0 || s.Stage%sideBySide != 0 || math.IsNaN(s.Enough) || math.IsInf(s.Enough, 0) {
		return fmt.Errorf("stages of %d trees until below %g; want a multiple of %d, and a finite number", s.Stage, s.Enough, sideBySide)
	}
	return nil
}

// At is the correction for x of the log-odds start. Where parts is not nil, each feature's share is added to
// it: at every split the change of the nodes' means is credited to the split's feature,
// so that the shares and the roots' means add up to the correction.
func (b *Boost) At(x []float64, start float64, parts []float64) float64 {
	sum := 0.0
	for i, t := range b.Trees {
		if b.over(i, start+sum) {
			break
		}
		n := 0
		for t[n].Left != 0 {
			node := &t[n]
			v := x[node.Feature]
			left := v < float64(node.Threshold) || (v != v && node.Missing)
			next := node.Right
			if left {
				next = node.Left
			}
			if parts != nil {
				parts[node.Feature] += float64(t[next].Value - node.Value)
			}
			n = int(next)
		}
		sum += float64(t[n].Value)
	}
	return sum
}

// Validate checks that every tree is one: children come after their parents, features
// are among the given number and values are finite.
func (b *Boost) Validate(features int) error {
	if err := b.Stages.Validate(); err != nil {
		return err
	}
	for i, t := range b.Trees {
		if len(t) == 0 {
			return fmt.Errorf("tree %d is empty", i)
		}
		for n, node := range t {
			if v := float64(node.Value) + float64(node.Threshold); math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("tree %d, node %d: not a finite number", i, n)
			}
			if node.Left == 0 {
				continue
			}
			if int(node.Feature) < 0 || int(node.Feature) >= features {
				return fmt.Errorf("tree %d, node %d: feature %d of %d", i, n, node.Feature, features)
			}
			for _, c := range []int16{node.Left, node.Right} {
				if int(c) <= n || int(c) >= len(t) {
					return fmt.Errorf("tree %d, node %d: child %d is not after it", i, n, c)
				}
			}
		}
	}
	return nil
}
