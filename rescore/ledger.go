package rescore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// An Outcome is how a run stands.
type Outcome string

const (
	Running Outcome = "running" // or killed, which nobody could write down
	Stopped Outcome = "stopped" // on request: ask again to go on
	Failed  Outcome = "failed"  // some partitions: ask again to do those
	Done    Outcome = "done"
)

// An Entry is a run's line in the ledger of runs.
type Entry struct {
	ID       string        `json:"id"`
	Spec     Spec          `json:"spec"`
	Who      string        `json:"who"`
	AsOf     time.Time     `json:"as_of"`   // clock of the stream of what the archive held when it began
	Started  time.Time     `json:"started"` // the first time it was asked for
	Ended    time.Time     `json:"ended"`   // zero while it runs
	Busy     time.Duration `json:"busy_ns"` // work, over all its lives
	Lives    int           `json:"lives"`   // how often it was begun or gone on with
	Outcome  Outcome       `json:"outcome"`
	Readings int64         `json:"readings"` // scored, over all its lives
	Scores   int64         `json:"scores"`   // kept
	Chunks   int           `json:"chunks"`   // written
	Errors   []string      `json:"errors,omitempty"`
}

// Runs are the runs that are kept in a store.
type Runs struct{ Store archive.Store }

func runPrefix(id string) string { return "runs/" + id + "/" }

// Find reads the entry of a run; ok is false where there is none.
func (r Runs) Find(ctx context.Context, id string) (e Entry, ok bool, err error) {
	text, err := r.Store.Get(ctx, runPrefix(id)+"run.json")
	if errors.Is(err, fs.ErrNotExist) {
		return e, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		return e, false, fmt.Errorf("run %s: %w", id, err)
	}
	return e, true, nil
}

// List is the ledger, latest first.
func (r Runs) List(ctx context.Context) (list []Entry, err error) {
	keys, err := r.Store.List(ctx, "runs/")
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		id, ok := strings.CutSuffix(strings.TrimPrefix(key, "runs/"), "/run.json")
		if !ok {
			continue
		}
		e, ok, err := r.Find(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b Entry) int {
		if c := b.Started.Compare(a.Started); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

func (r Runs) put(ctx context.Context, e *Entry) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return r.Store.Put(ctx, runPrefix(e.ID)+"run.json", text)
}

// Remove deletes a run and its scores. What is live is refused.
func (r Runs) Remove(ctx context.Context, id string) error {
	live, err := r.Live(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(live.Promoted, func(p Promotion) bool { return p.Run == id }) {
		return fmt.Errorf("run %s is live: promote another one over its days first", id)
	}
	keys, err := r.Store.List(ctx, runPrefix(id))
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := r.Store.Remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func chunkKey(id string, partition int, day string) string {
	return fmt.Sprintf("%sscores/partition=%04d/closed=%s.parquet", runPrefix(id), partition, day)
}

// chunks are the keys of a run's chunks, sorted.
func (r Runs) chunks(ctx context.Context, id string) ([]string, error) {
	return r.Store.List(ctx, runPrefix(id)+"scores/")
}

// Scores yields the scores of a run, by partition and in the order in which days closed.
func (r Runs) Scores(ctx context.Context, id string) iter.Seq2[flatwatt.Score, error] {
	return func(yield func(flatwatt.Score, error) bool) {
		keys, err := r.chunks(ctx, id)
		if err != nil {
			yield(flatwatt.Score{}, err)
			return
		}
		for _, key := range keys {
			list, err := r.chunk(ctx, key)
			if err != nil {
				yield(flatwatt.Score{}, err)
				return
			}
			for _, s := range list {
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

func (r Runs) chunk(ctx context.Context, key string) ([]flatwatt.Score, error) {
	data, err := r.Store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	list, err := decodeScores(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return list, nil
}

// A progress is where a partition is: its Scorer's memory of everything up to Day.
type progress struct {
	Day      flatwatt.Day `json:"day"`
	Done     bool         `json:"done"`
	Readings int64        `json:"readings"`
	Scores   int64        `json:"scores"`
	Chunks   int          `json:"chunks"`
	SHA256   string       `json:"sha256"` // of the state
	state    []byte
}

func stateKey(id string, partition int) string {
	return fmt.Sprintf("%sstate/partition=%04d", runPrefix(id), partition)
}

// save replaces the partition's progress whole: a line of JSON, then the state.
func (r Runs) save(ctx context.Context, id string, partition int, p progress) error {
	sum := sha256.Sum256(p.state)
	p.SHA256 = hex.EncodeToString(sum[:])
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return r.Store.Put(ctx, stateKey(id, partition), slices.Concat(line, []byte("\n"), p.state))
}

// load is the zero progress where nothing was saved.
func (r Runs) load(ctx context.Context, id string, partition int) (p progress, err error) {
	data, err := r.Store.Get(ctx, stateKey(id, partition))
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	line, state, _ := bytes.Cut(data, []byte("\n"))
	if err := json.Unmarshal(line, &p); err != nil {
		return p, fmt.Errorf("state of run %s, partition %d: %w", id, partition, err)
	}
	if sum := sha256.Sum256(state); hex.EncodeToString(sum[:]) != p.SHA256 {
		return p, fmt.Errorf("state of run %s, partition %d is damaged: remove the run and ask again", id, partition)
	}
	p.state = state
	return p, nil
}
