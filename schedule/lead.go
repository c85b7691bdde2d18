package schedule

import (
	"context"
	"errors"
	"time"
)

// Lead has one process at a time do work that is never done, such as writing the archive:
// it waits until nobody else does it, then calls work, and returns what that returned. The
// context of work ends with ErrLost when another process may have begun.
func Lead(ctx context.Context, records *Records, name, worker string, ttl time.Duration, work func(context.Context) error) error {
	w := &Worker{Name: worker, Records: records, TTL: ttl}
	key := "lead." + name
	var seen sighting
	for {
		rec, rev, err := records.get(ctx, key)
		if err != nil {
			return err
		}
		if c := rec.Running; c != nil && (seen.claim != *c || time.Since(seen.at) < ttl) {
			if seen.claim != *c {
				seen = sighting{*c, time.Now()}
			}
			if pause(ctx, ttl/3); ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		// The attempt tells our claim from any before it.
		mine := claim{Worker: worker, Attempt: seen.claim.Attempt + 1}
		rec.Running = &mine
		rev, err = records.put(ctx, key, rec, rev)
		if errors.Is(err, errChanged) {
			continue
		}
		if err != nil {
			return err
		}
		h := &hold{worker: w, job: key, claim: mine, rev: rev}
		err = h.while(ctx, work)
		if !errors.Is(err, ErrLost) {
			_, gone := h.release(context.WithoutCancel(ctx), false)
			if gone != nil && !errors.Is(gone, ErrLost) {
				err = errors.Join(err, gone)
			}
		}
		return err
	}
}
