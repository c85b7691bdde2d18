package main

// A bug is a mistake to plant: in file, new takes the place of old, which must occur
// once. The tests of pkg that tests matches must then fail.
type bug struct {
	name     string
	file     string
	old, new string
	pkg      string
	tests    string // regular expression of test names
	seeded   bool   // they take -seeds
}

// bugs are those that have to be caught. Those of the loop, of the sharing and of fencing
// are caught by simulations; what only a real server shows is caught by tests on one.
var bugs = concat(loopBugs, groupBugs, streamBugs, sinkBugs, memoryBugs, forestBugs)

func concat(lists ...[]bug) (all []bug) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func of(file, pkg, tests string, seeded bool, list []bug) []bug {
	for i := range list {
		if list[i].file == "" {
			list[i].file = file
		}
		list[i].pkg, list[i].tests, list[i].seeded = pkg, tests, seeded
	}
	return list
}

// loopBugs are planted in the one loop.
var loopBugs = of("streams/run.go", "./streams", "Simulation$", true, []bug{
	{name: "memory is saved before scores are written", old: "	if err := r.write(ctx, r.scores); err != nil {\n		return err\n	}\n	// A crash here keeps scores",
		new: "	r.next = batch.Next\n	if err := r.save(ctx); err != nil {\n		return err\n	}\n	if err := r.write(ctx, r.scores); err != nil {\n		return err\n	}\n	// A crash here keeps scores"},
	{name: "memory is saved before rejects are kept", old: "	if err := r.reject(ctx, batch.Rejected); err != nil {",
		new: "	r.next = batch.Next\n	if err := r.save(ctx); err != nil {\n		return err\n	}\n	if err := r.reject(ctx, batch.Rejected); err != nil {"},
	{name: "a failed write is taken for done", old: "return fmt.Errorf(\"write %d scores after position %d: %w\", len(chunk), r.next, err)", new: "break"},
	{name: "a failed reject is taken for done", old: "return fmt.Errorf(\"keep %d rejects after position %d: %w\", len(pieces), r.next, err)", new: "return nil"},
	{name: "rejects are not kept", old: "	if len(pieces) == 0 {", new: "	if len(pieces) >= 0 {"},
	{name: "the saved position is one too far", old: "flatwatt.Checkpoint{Position: r.next, State: r.state}", new: "flatwatt.Checkpoint{Position: r.next + 1, State: r.state}"},
	{name: "the saved position lags behind the memory", old: "	r.unsaved, r.saved = 0, r.next\n", new: "	c.Position, r.unsaved, r.saved = r.saved, 0, r.next\n"},
	{name: "the position does not move", old: "	r.next = batch.Next\n	if len(r.scores)", new: "	if len(r.scores)"},
	{name: "old memory stands before new in the state", old: "AppendBinary(r.state[:0])", new: "AppendBinary(r.state)"},
	{name: "an early end is remembered as closed", old: "	if r.SaveClosed {", new: "	if !r.SaveClosed {"},
	{name: "the end is not saved", old: "	if r.unsaved > 0 {", new: "	if r.unsaved < 0 {"},
	{name: "the scores of the end are not written", old: "	if err := r.write(ctx, r.scores); err != nil {\n		return err\n	}\n	// A crash here writes the same scores again.", new: ""},
	{name: "only the last scores of a batch are written", old: "	if err := r.write(ctx, r.scores); err != nil {\n		return err\n	}\n	// A crash here keeps scores",
		new: "	if err := r.write(ctx, r.scores[len(r.scores)/2:]); err != nil {\n		return err\n	}\n	// A crash here keeps scores"},
	{name: "a batch is scored twice", old: "r.Scorer.Score(r.scores[:0], readings)", new: "r.Scorer.Score(r.Scorer.Score(r.scores[:0], readings), readings)"},
	{name: "a failed save is taken for done", old: "return fmt.Errorf(\"save checkpoint at position %d: %w\", c.Position, err)", new: "return nil"},
	{name: "memory is overwritten while it is stored", old: "	if err := r.settle(); err != nil {\n		return err\n	}\n	if r.state, err", new: "	if r.state, err"},
	{name: "the failure of a save behind is lost", old: "	r.saving = nil\n	return err\n", new: "	r.saving = nil\n	_ = err\n	return nil\n"},
	{name: "the loop ends while a save goes on", file: "streams/pipeline.go", old: "	defer func() { err = errors.Join(err, r.settle()) }()\n", new: ""},
	{name: "the memory is not restored", file: "streams/pipeline.go", old: "	if err := scorer.UnmarshalBinary(c.State); err != nil {", new: "	if err := error(nil); err != nil {"},
	{name: "the position is not restored", file: "streams/pipeline.go", old: "return c.Position, len(c.State), nil", new: "return 0, len(c.State), nil"},
	{name: "the source is opened one too far", file: "streams/pipeline.go", old: "source, err := p.Open(ctx, from)", new: "source, err := p.Open(ctx, from+min(from, 1))"},
	{name: "a failed read is taken for the end", file: "streams/pipeline.go", old: "return fmt.Errorf(\"read after %d: %w\", r.next, err)", new: "return r.end(ctx)"},
	{name: "attempts that have run out are success", file: "streams/retry.go", old: "attempt >= attempts {\n			return err", new: "attempt >= attempts {\n			return nil"},
	{name: "the first failure is success", file: "streams/retry.go", old: "		failed(attempt, err)\n", new: "		failed(attempt, err)\n		return nil\n"},
})

// groupBugs are planted in the sharing of partitions.
var groupBugs = of("streams/partition/table.go", "./streams/partition", "Simulation$|FakeTime$|Leaver", true, []bug{
	{name: "a worker is struck out too soon", old: "now-last.at >= m.ttl:", new: "now-last.at >= m.ttl/4:"},
	{name: "the dead are not struck out", old: "delete(t.Beats, name)", new: "_ = name"},
	{name: "partitions of the dead stay theirs", old: "			t.Owners[p] = \"\"\n		}\n	}\n	if t.Next > 0 {", new: "			_ = p\n		}\n	}\n	if t.Next > 0 {"},
	{name: "a worker takes more than its share", old: "len(keep)+len(take) < quota", new: "len(keep)+len(take) <= quota"},
	{name: "a worker takes nothing", old: "if t.Owners[p] == \"\" && len(keep)", new: "if t.Owners[p] == m.name && len(keep)"},
	{name: "a partition is freed while it is worked on", old: "case !slices.Contains(running, p): // stopped in the turn before", new: "default:"},
	{name: "a partition above the share is never freed", old: "case !slices.Contains(running, p): // stopped in the turn before", new: "case false:"},
	{name: "a worker does not beat", old: "	m.beat++\n", new: ""},
	{name: "draining frees what is worked on", old: "		if !slices.Contains(running, p) {\n			t.Owners[p] = \"\"\n		}\n	}\n	if !slices", new: "		t.Owners[p] = \"\"\n	}\n	if !slices"},
	{name: "the number changes before all are free", old: "	if !slices.ContainsFunc(t.Owners, func(o string) bool { return o != \"\" }) {", new: "	if len(t.Owners) > 0 {"},
	{name: "a change of number never ends", old: "make([]string, t.Next), 0\n", new: "make([]string, t.Next), t.Next\n"},
	{name: "shares are not told apart", old: "t.Layout.Partitions%len(names) {\n		n++", new: "t.Layout.Partitions%len(names) {\n		n += 2"},
	{name: "the table is replaced whatever its revision", file: "streams/partition/group.go", old: "if err = w.Store.Swap(ctx, value, revision); err == nil {", new: "if err = w.Store.Swap(ctx, value, revision); err == nil || true {"},
	{name: "the lease outlives the time to live", file: "streams/partition/group.go", old: "w.lease.extend(began + w.TTL*3/4)", new: "w.lease.extend(began + w.TTL*2)"},
	{name: "the lease counts from the answer", file: "streams/partition/group.go", old: "w.lease.extend(began + w.TTL*3/4)", new: "w.lease.extend(w.clock() + w.TTL)"},
	{name: "lost partitions are worked on", file: "streams/partition/group.go", old: "			j.cancel(ErrLeaseLost)\n", new: ""},
	{name: "work outlives the lease while the store is away", file: "streams/partition/lease.go", old: "	if c.guard.lease.over() {", new: "	if c.guard.lease == nil {"},
	{name: "a leaver's partitions stay its own", old: "	for _, p := range t.ownedBy(worker) {\n		t.Owners[p] = \"\"\n	}\n}\n", new: "	t.Beats[worker]++\n}\n", file: "streams/partition/table.go"},
})

// streamBugs are planted in what talks to JetStream.
var streamBugs = of("streams/jetstream/checkpoints.go", "./streams/jetstream", "Checkpoint|Sweep|Lost|Bucket|KilledBetween|Anew|Deleted|RejectsAre|Dedupes|Bounds|RestartAt|Resumes|StopsAt|SendsAgain|SendsNothingAgain", false, []bug{
	{name: "the pointer is replaced whatever its revision", old: "c.revision, err = c.kv.Update(ctx, c.name, value, c.revision)", new: "c.revision, err = c.kv.Put(ctx, c.name, value)"},
	{name: "a first pointer replaces another first one", old: "c.revision, err = c.kv.Create(ctx, c.name, value)", new: "c.revision, err = c.kv.Put(ctx, c.name, value)"},
	{name: "who was fenced may save again", old: "	c.loaded = false // whether", new: "	// whether"},
	{name: "the checksum is not looked at", old: "hex.EncodeToString(sum[:]) != p.SHA256", new: "hex.EncodeToString(sum[:]) == \"\""},
	{name: "another configuration is not noticed", old: "	if p.Config != c.config {", new: "	if p.Config == \"\" {"},
	{name: "another version is not noticed", old: "	if p.Version != checkpointVersion {", new: "	if p.Version < 0 {"},
	{name: "the chunks are not awaited before the pointer", old: "	return first, w.flush(ctx)", new: "	return first + 1, nil"},
	{name: "nothing is swept", old: "r > replaced || subject == keep {", new: "r+1 > 0 || subject == keep {"},
	{name: "a successor's upload is swept", old: "r > replaced || subject == keep {", new: "r+1 == 0 || subject == keep {"},
	{name: "the state just saved is swept", old: "r > replaced || subject == keep {", new: "r > replaced {"},
	{name: "retention that passed the place is not noticed", file: "streams/jetstream/source.go", old: "	if state.FirstSeq <= uint64(r.last)+1 {", new: "	if state.FirstSeq > 0 {"},
	{name: "retention is not asked about while reading a bucket", file: "streams/jetstream/source.go", old: "case r.Subject != \"\" && got.fresh:", new: "case r.Subject != \"\" && !got.fresh && got.fresh:"},
	{name: "a hole in the stream is skipped in silence", file: "streams/jetstream/source.go", old: "case r.Subject == \"\" && end > r.last:", new: "case r.Subject == \"\" && end < r.last:"},
	{name: "the consumer starts one too far", file: "streams/jetstream/pull.go", old: "OptStartSeq: after + 1", new: "OptStartSeq: after + 2"},
	{name: "a position of another stream is taken", file: "streams/jetstream/mark.go", old: "	case !now.Made.Equal(p.Made):", new: "	case false:"},
	{name: "a position that was written anew is taken", file: "streams/jetstream/mark.go", old: "		if !now.Stored.Equal(p.Stored) {", new: "		if false {"},
	{name: "a position past the stream's end is restored", file: "streams/jetstream/mark.go", old: "	case at > now.end:", new: "	case false:"},
	{name: "what is sent again is what the buffer holds by then", file: "streams/jetstream/window.go", old: "	m.Data = bytes.Clone(m.Data)", new: "	m.Data = bytes.TrimSuffix(m.Data, nil)"},
	{name: "a chunk is sent again behind others", file: "streams/jetstream/window.go", old: "	if w.ordered {", new: "	if w.ordered && w.limit < 0 {"},
	{name: "a message after the end is taken", file: "streams/jetstream/source.go", old: "	if r.StopAt == 0 || seq <= r.StopAt {", new: "	if true {"},
	{name: "a position past the end of the stream is taken", file: "streams/jetstream/source.go", old: "	case uint64(from) > state.LastSeq:", new: "	case uint64(from) > 1<<62:"},
	{name: "a silent consumer is waited for without end", file: "streams/jetstream/stall.go", old: "case info.State.LastSeq <= uint64(r.last):", new: "case true:"},
	{name: "a repeated reject has a new name", file: "streams/jetstream/rejects.go", old: "contentID([]byte(p.Where), []byte(p.Field), m.Data)", new: "contentID([]byte(p.Where), fmt.Append(nil, &m.Data[:1][0]), m.Data)"},
	{name: "repeated readings have a new name", file: "streams/jetstream/publish.go", old: "contentID([]byte(m.Subject), []byte(format), body)", new: "contentID(fmt.Append(nil, &m), body)"},
	{name: "the last answers are not awaited", file: "streams/jetstream/window.go", old: "	for len(w.futures) > 0 {", new: "	for len(w.futures) > 1<<20 {"},
	{name: "another number of buckets is not noticed", file: "streams/jetstream/buckets.go", old: "	if have == nil || *have != want {", new: "	if have == nil && *have != want {"},
	{name: "the bucket is not what the server hashes to", file: "streams/jetstream/buckets.go", old: "h.Write([]byte(readingsPrefix + concentrator))", new: "h.Write([]byte(concentrator))"},
})

// sinkBugs are planted in what writes to the database; the embedded one tells.
var sinkBugs = of("streams/influx/sink.go", "./streams/influx", "Embedded|Rollups|Depend|Bad|Days", false, []bug{
	{name: "roll-ups forget a day's earlier scores after a restart", old: "	if marked {", new: "	if marked && day < 0 {"},
	{name: "a day is not marked", old: "s.rollups.appendMark(nil, day, score.Detector)", new: "nil"},
	{name: "a failed write leaves the roll-ups as they are", old: "			s.rollups.forget(run[0].Day)\n", new: ""},
	{name: "the first failure of several requests is lost", old: "	return cmp.Or(failed, err)", new: "	_ = err\n	return failed"},
	{name: "the last lines are not sent", old: "for from := 0; from < n && failed == nil;", new: "for from := 0; from < n-1 && failed == nil;"},
	{name: "what comes again is added again", file: "streams/influx/rollups.go", old: "		day.count(key, old, -1)\n", new: "		_ = old\n"},
	{name: "a refusal is tried for ever", file: "streams/influx/client.go", old: "		if !passing {", new: "		if !passing && attempt < 0 {"},
	{name: "an unknown value is left out", file: "streams/influx/line.go", old: "		v = Missing\n", new: "		v = 0\n"},
})

// memoryBugs are planted in the packing of meters' memories.
var memoryBugs = of("detectors/packed.go", "./detectors", "Packing|Restores|OlderLayout|QuietMeter|ShortBlock", false, []bug{
	{name: "a memory keeps words of the one before", old: "	copy(w, blank[:])\n	if len(b) < 4", new: "	if len(b) < 4"},
	{name: "a missing chunk leaves the memories as they were", old: "		clear(list)\n", new: ""},
	{name: "words are packed as they are, not as they differ", old: "if v ^= blank[first+k]; v != 0 {", new: "if v != 0 {"},
	{name: "bytes left over are not noticed", old: "	return len(rest) == 0\n", new: "	return true\n"},
	{name: "a mask beyond the memory is taken", old: " || first+bits.Len32(mask) > len(w)", new: ""},
	{name: "what was thought of the meter speaks against its block", file: "detectors/memory.go", old: "o.smooth, o.latest = models.Mean{}, start", new: "o.latest = start"},
	{name: "another layout is taken", file: "detectors/state.go", old: "v != stateVersion || size", new: "v > stateVersion || size"},
})

// forestBugs are planted in the evaluation of the trees.
var forestBugs = of("models/forest.go", "./models", "Forest|Boost", false, []bug{
	{name: "a measurement at the threshold goes left", old: "int64(int32(s>>32))-1-", new: "int64(int32(s>>32))-"},
	{name: "what is missing always goes left", old: "	if !node.Missing {\n		slot++\n	}\n", new: ""},
	{name: "measurements are rounded up across a threshold", old: "	if float64(x) > v {\n		key--\n	}\n", new: ""},
	{name: "a larger child keeps its parent's sums", file: "models/boostfit.go", old: "		of[1-small].less(of[small])\n", new: ""},
	{name: "an honest customer is asked to the end", old: "tree < cap(e.at) && !f.stages.over(tree, start+sum)", new: "tree < cap(e.at)"},
	{name: "a leaf above the last level is put below its first split only", old: "low, high = 2*low+1, 2*high+2", new: "low, high = 2*low+1, 2*high+1"},
	{name: "the last trees of an odd number are left out", old: "(len(b.Trees) + sideBySide - 1) / sideBySide", new: "len(b.Trees) / sideBySide"},
	{name: "more features are planted than there are slots", old: " || 2*features > maxSlots", new: ""},
	{name: "a changed model keeps its old trees", old: "slices.EqualFunc(q.Trees, b.Trees, slices.Equal[Tree])", new: "len(q.Trees) == len(b.Trees)"},
})
