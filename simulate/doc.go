// Package simulate draws fleets of meters whose truth is known, and adds known miners
// or honest changes to real series.
//
// Read generator.go first, then plan.go (what a customer is), parts.go (how appliances
// draw themselves on a canvas), minerdraw.go (the miner), measure.go and faults.go
// (what the head-end gets to see). docs/simulate.md gives the source of every number or
// says that it is an assumption.
//
// Nothing here knows the detectors, and nothing may be tuned to them.
package simulate
