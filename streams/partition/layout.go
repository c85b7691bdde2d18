// Package partition shares a stream's buckets among workers.
//
// A bucket is what the server hashes a concentrator to. It is the unit of meaning: its
// meters have one watermark, one Scorer, one position and one checkpoint, and are
// compared with each other only. The number of buckets never changes, so scores do not
// depend on who computes them. A partition is a run of buckets and the unit of work:
// one worker owns it at a time. The number of partitions can be changed at any moment;
// no state moves, because state belongs to buckets.
//
// Who owns what stands in one table in a KV bucket, replaced by compare-and-swap. A
// worker that does not renew its place loses it. Two things keep one that was only
// paused from doing harm when it wakes: its context has ended (see lease.go), and its
// checkpoint is fenced by a compare-and-swap of its own.
package partition

import "fmt"

// A Layout says into how many partitions how many buckets are put.
type Layout struct {
	Buckets    int `json:"buckets"`
	Partitions int `json:"partitions"` // 1 to Buckets
}

// Validate says what is wrong with l.
func (l Layout) Validate() error {
	if l.Buckets < 1 || l.Partitions < 1 || l.Partitions > l.Buckets {
		return fmt.Errorf("%d partitions of %d buckets: give 1 to %d partitions", l.Partitions, l.Buckets, max(1, l.Buckets))
	}
	return nil
}

// BucketsOf are the buckets of partition p, from 0: a run of Buckets/Partitions, rounded.
func (l Layout) BucketsOf(p int) []int {
	first, end := p*l.Buckets/l.Partitions, (p+1)*l.Buckets/l.Partitions
	list := make([]int, 0, end-first)
	for b := first; b < end; b++ {
		list = append(list, b)
	}
	return list
}
