package archive

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// Moved are the meters of which more than one partition files readings of the UTC days
// [from, to], by id. The claims on one start may lie apart then: Meter with Anywhere
// brings them together. It reads the columns of meters, and no other, and keeps each id once.
func (a *Archive) Moved(ctx context.Context, from, to flatwatt.Day) (list []flatwatt.MeterID, err error) {
	if a.man.Partitions < 2 {
		return nil, nil
	}
	home := map[flatwatt.MeterID]int{}
	for _, f := range a.man.covering(from, to) {
		if f.end(a.man.Period) <= from {
			continue
		}
		ids, err := a.readIDs(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			switch p, known := home[id]; {
			case !known:
				home[id] = f.Partition
			case p != f.Partition && p != Anywhere:
				home[id] = Anywhere
				list = append(list, id)
			}
		}
	}
	slices.Sort(list)
	return list, nil
}

// readIDs is the meters of a file.
func (a *Archive) readIDs(ctx context.Context, f File) ([]flatwatt.MeterID, error) {
	o, err := a.store.Open(ctx, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	defer o.Close()
	ids, err := decodeIDs(o, o.Size())
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", a.store, f.Key, err)
	}
	return ids, nil
}

func decodeIDs(in io.ReaderAt, size int64) (ids []flatwatt.MeterID, err error) {
	defer damaged(&err)
	f, err := openParquet(in, size)
	if err != nil {
		return nil, err
	}
	for _, g := range f.RowGroups() {
		runs, err := readMeters(g.ColumnChunks()[colMeter], int(g.NumRows()))
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			ids = append(ids, r.meter)
		}
	}
	return ids, nil
}
