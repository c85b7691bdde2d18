package casework

import (
	"context"
	"testing"
)

// TestCacheFollowsTheTrail compares a cache with the list itself after every change, made
// through another connection's store.
func TestCacheFollowsTheTrail(t *testing.T) {
	ctx, db := context.Background(), open(t)
	c := NewCache[int](db, "n")
	check := func(want int) {
		t.Helper()
		got, err := c.List(ctx)
		all, err2 := List[int](ctx, db, "n")
		if err != nil || err2 != nil || len(got) != len(all) || len(got) != want {
			t.Fatalf("the cache has %v, %v; the store %v, %v", got, err, all, err2)
		}
		for i := range all {
			if got[i] != all[i] {
				t.Fatalf("the cache has %v, the store %v", got[i], all[i])
			}
		}
	}
	check(0)
	for i, id := range []string{"b", "a", "c"} {
		if err := Put(ctx, db, Change{At: at, Actor: wang, Action: "x"}, "n", id, 0, i); err != nil {
			t.Fatal(err)
		}
		check(i + 1)
	}
	for v := 1; v < 4; v++ {
		for range 2 {
			_ = Put(ctx, db, Change{At: at, Actor: wang, Action: "x"}, "n", "b", v, v) // the second one is overtaken
			check(3)
		}
	}
	if err := Put(ctx, db, Change{At: at, Actor: wang, Action: "x"}, "other", "b", 0, 1); err != nil {
		t.Fatal(err)
	}
	check(3)
}

func TestHeadAndSince(t *testing.T) {
	ctx, db := context.Background(), open(t)
	if h, err := db.Head(ctx); err != nil || h != (Head{}) {
		t.Errorf("an empty trail ends at %v, %v", h, err)
	}
	head := fill(t, db)
	if h, err := db.Head(ctx); err != nil || h != head {
		t.Errorf("the trail ends at %v, %v; want %v", h, err, head)
	}
	if list, err := db.Since(ctx, 1, 2); err != nil || len(list) != 2 || list[0].Seq != 2 || list[1].Seq != 3 {
		t.Errorf("after 1: %v, %v", list, err)
	}
}
