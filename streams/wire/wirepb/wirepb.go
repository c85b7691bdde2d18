// Package wirepb is the published schema of the batch form, reading.proto, and the Go
// code generated from it. Package wire does not use that code to decode, for speed,
// but its tests do, to prove that both speak the same form.
//
// To generate again: protoc --go_out=. --go_opt=paths=source_relative reading.proto
package wirepb
