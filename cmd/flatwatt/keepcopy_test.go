package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// scripted is a source whose reads are told.
type scripted func(ctx context.Context) (flatwatt.Batch, error)

func (f scripted) Read(ctx context.Context) (flatwatt.Batch, error) { return f(ctx) }

// archiveCopy runs the archive's copy from a source, flushing each second, into dir.
func archiveCopy(ctx context.Context, t *testing.T, dir string, source scripted) error {
	t.Helper()
	w, err := archive.OpenWriter(t.Context(), archive.Dir(dir), archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{}
	k.settings.Archive.FlushS = 1
	return k.copy(ctx, w, source)
}

// Only the end of its own wait says that nothing came. A deadline inside the source is a
// failure of the server, which opens the stream anew.
func TestTheArchiveToldOfAFailureStops(t *testing.T) {
	away := fmt.Errorf("consume stream AMI: %w", context.DeadlineExceeded)
	calls := 0
	err := archiveCopy(t.Context(), t, t.TempDir(), func(context.Context) (flatwatt.Batch, error) {
		if calls++; calls > 1 {
			return flatwatt.Batch{}, errors.New("read on after the failure")
		}
		return flatwatt.Batch{}, away
	})
	if !errors.Is(err, away) {
		t.Errorf("the copy ended with %v, want %v", err, away)
	}
	start := time.Now()
	err = archiveCopy(t.Context(), t, t.TempDir(), func(ctx context.Context) (flatwatt.Batch, error) {
		if time.Since(start) > 500*time.Millisecond {
			return flatwatt.Batch{}, errors.New("the end")
		}
		<-ctx.Done()
		return flatwatt.Batch{}, ctx.Err()
	})
	if err == nil || err.Error() != "the end" {
		t.Errorf("a wait in which nothing came ended the copy: %v", err)
	}
}

// A stream that brings rejects only, or messages without anything, moves the archive's place.
func TestTheArchiveMovesOnByRejectsAlone(t *testing.T) {
	for name, b := range map[string]flatwatt.Batch{
		"rejects": {Rejected: []flatwatt.Rejected{{Where: "AMI:1", Reason: "is in the future"}}, Next: 1},
		"nothing": {Next: 1},
	} {
		dir, sent := t.TempDir(), false
		err := archiveCopy(t.Context(), t, dir, func(ctx context.Context) (flatwatt.Batch, error) {
			if !sent {
				sent = true
				return b, nil
			}
			a, err := archive.Open(ctx, archive.Dir(dir))
			if err == nil && a.Manifest().Position == 1 {
				return flatwatt.Batch{}, errors.New("moved")
			}
			if b.Next++; b.Next > 3 {
				return flatwatt.Batch{}, errors.New("stands still")
			}
			<-ctx.Done()
			return flatwatt.Batch{}, ctx.Err()
		})
		if err == nil || err.Error() != "moved" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
