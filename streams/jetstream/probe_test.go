package jetstream_test

import (
	"testing"

	"github.com/flatwatt/flatwatt/streams/jetstream"
)

// Doctor probes a site before its first readings.
func TestCheckpointsAreProbedOnAnEmptyStream(t *testing.T) {
	j := serve(t)
	s := ami(t, j, jetstream.Retention{})
	for _, body := range []string{"", "one", "two"} {
		if body != "" {
			if _, err := j.Publish(t.Context(), "ami.readings.C", []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		if err := jetstream.ProbeCheckpoints(t.Context(), j, "doctor", 1); err != nil {
			t.Errorf("after %q: %v", body, err)
		}
	}
	if info, err := s.Info(t.Context()); err != nil || info.State.Msgs != 2 {
		t.Errorf("%v: the stream of readings was changed", err)
	}
}
