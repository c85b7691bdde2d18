package jetstream_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// rejectsOf reads every piece that the stream of rejects holds, as docs/formats.md says.
func rejectsOf(t *testing.T, s js.Stream) (pieces []flatwatt.Rejected, messages int) {
	t.Helper()
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Data) > 2*flatwatt.MaxRejectedBytes {
			t.Errorf("message %d has %d bytes", seq, len(m.Data))
		}
		n, err := strconv.Atoi(m.Header.Get(jetstream.HeaderCount))
		if err != nil {
			t.Fatal(err)
		}
		first := flatwatt.Rejected{Where: m.Header.Get(jetstream.HeaderWhere), Field: m.Header.Get(jetstream.HeaderField), Reason: m.Header.Get(jetstream.HeaderReason), Raw: m.Data}
		list := []flatwatt.Rejected{first}
		if n > 1 {
			list = linesOf(t, first)
		}
		if len(list) != n || list[0].Where != first.Where {
			t.Errorf("message %d says %d pieces from %s on, and has %d from %s on", seq, n, first.Where, len(list), list[0].Where)
		}
		pieces = append(pieces, list...)
	}
	return pieces, int(info.State.Msgs)
}

func linesOf(t *testing.T, first flatwatt.Rejected) (list []flatwatt.Rejected) {
	t.Helper()
	for line := range bytes.Lines(first.Raw) {
		var p struct {
			Where, Reason, Raw string
			Bytes              []byte `json:"raw_base64"`
		}
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		r := flatwatt.Rejected{Where: p.Where, Field: first.Field, Reason: p.Reason, Raw: append([]byte(p.Raw), p.Bytes...)}
		if r.Reason == "" {
			r.Reason = first.Reason
		}
		list = append(list, r)
	}
	return list
}

func sortedText(pieces []flatwatt.Rejected) (list []string) {
	for _, p := range pieces {
		list = append(list, fmt.Sprintf("%q", p))
	}
	slices.Sort(list)
	return list
}

// keepRejects stores pieces twice, as after a restart, and wants each of them once.
func keepRejects(t *testing.T, j js.JetStream, pieces []flatwatt.Rejected, messages int) {
	t.Helper()
	s, err := jetstream.EnsureRejected(t.Context(), j, jetstream.Retention{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := (jetstream.Rejects{JetStream: j}).Reject(t.Context(), pieces); err != nil {
			t.Fatal(err)
		}
	}
	got, n := rejectsOf(t, s)
	if n != messages {
		t.Errorf("%d messages of rejects, want %d", n, messages)
	}
	if !slices.Equal(sortedText(got), sortedText(pieces)) {
		t.Errorf("%d pieces came back of %d, or not as they were", len(got), len(pieces))
	}
}

// A message whose every reading is of the future is one message of rejects.
func TestRejectsOfOneMessageAreOne(t *testing.T) {
	j := serve(t)
	ami(t, j, jetstream.Retention{})
	future := readings(5, 100)
	for i := range future {
		future[i].Start = future[i].Start.AddDate(200, 0, 0)
	}
	publish(t, j, future, len(future))
	_, rejected, _ := drain(t, source(t, j), 0)
	if len(rejected) != len(future) {
		t.Fatalf("%d of %d readings of the future are refused", len(rejected), len(future))
	}
	keepRejects(t, j, rejected, 1)
}

// Meters that the register does not know differ in name, so the reasons do too.
func TestRejectsOfUnknownMetersAreOne(t *testing.T) {
	j := serve(t)
	ami(t, j, jetstream.Retention{})
	publish(t, j, readings(200, 1), 200)
	s := source(t, j)
	s.Known = wire.Registered(nil)
	_, rejected, _ := drain(t, s, 0)
	keepRejects(t, j, rejected, 1)
}

// Nothing is lost whatever the pieces are, and no message is too large.
func TestRejectsKeepEveryPiece(t *testing.T) {
	large := bytes.Repeat([]byte{0xff, '\n', 'x'}, flatwatt.MaxRejectedBytes/3)
	var pieces []flatwatt.Rejected
	for i := range 60 {
		where := fmt.Sprintf("AMI:9 row %d", i)
		pieces = append(pieces,
			flatwatt.Rejected{Where: where, Field: "start", Reason: "is missing", Raw: []byte("a\nb\t\"c\"")},
			flatwatt.Rejected{Where: where, Field: "start", Reason: "is in the future", Raw: []byte{0, 0xff, '\n'}},
			flatwatt.Rejected{Where: where, Field: "meter_id", Reason: fmt.Sprintf("meter %q is not registered", fmt.Sprintf("say \"%c%d\"", 'A'+i%20, i))},
			flatwatt.Rejected{Where: where, Reason: "is no reading", Raw: []byte(strings.Repeat("<\x01", 4000))},
		)
		if i%20 == 0 {
			pieces = append(pieces, flatwatt.Rejected{Where: where, Field: "raw", Reason: "is large", Raw: large})
		}
	}
	keepRejects(t, serve(t), pieces, 3+15+3)
}

// The server holds an id for each message within the window.
func TestRejectsAreRememberedForAnHour(t *testing.T) {
	s, err := jetstream.EnsureRejected(t.Context(), serve(t), jetstream.Retention{})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.CachedInfo().Config; c.Duplicates > time.Hour || c.MaxMsgs*2*flatwatt.MaxRejectedBytes > 7e9 {
		t.Errorf("ids are held for %v, and up to %d messages", c.Duplicates, c.MaxMsgs)
	}
}
