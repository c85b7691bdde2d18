package influx

import (
	"context"
	"fmt"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Kinds of events.
const (
	onsetEvent = "onset" // the 90 % interval of when the block began
	alarmEvent = "alarm" // from the first alarm to the end of the latest day of suspicion
)

// eventsOf are the lines of what the suspects among scores tell of time: when their blocks
// began and for how long they have been suspects. One alarm stays one point: its end moves.
func (r *Rollups) eventsOf(scores []flatwatt.Score) (lines [][]byte) {
	for i := range scores {
		s := &scores[i]
		if _, ours := r.register[s.Meter]; s.State != flatwatt.Suspect || r.strict && !ours {
			continue
		}
		if !s.Onset.Low.IsZero() && !s.Onset.High.IsZero() {
			text := fmt.Sprintf("onset of %.2f kW", float64(s.Block.Value))
			if s.Block.Value != s.Block.Value {
				text = "onset"
			}
			lines = append(lines, r.appendEvent(s, onsetEvent, s.Onset.Low, s.Onset.High, text))
		}
		if !s.FirstAlarm.IsZero() {
			// The alarm is raised when its first day closes; the day itself belongs to it.
			lines = append(lines, r.appendEvent(s, alarmEvent, s.FirstAlarm.Add(-24*time.Hour), s.Start.Add(24*time.Hour), "suspect"))
		}
	}
	return lines
}

func (r *Rollups) appendEvent(s *flatwatt.Score, kind string, from, to time.Time, text string) []byte {
	b := append([]byte(nil), EventMeasurement...)
	b = appendTag(b, DetectorTag, s.Detector)
	b = appendTag(b, KindTag, kind)
	b = appendTag(b, MeterTag, string(s.Meter))
	if at := r.register[s.Meter]; at.transformer != 0 {
		b = appendTag(b, TransformerTag, string(r.names[at.transformer]))
	}
	b = appendInt(append(b, ' '), asOfField, s.Start.Unix())
	b = appendInt(append(b, ','), endField, max(to.UnixMilli(), from.UnixMilli()+1))
	b = appendText(append(b, ','), eventTextField, text)
	b = appendFloat(append(b, ','), topProbField, s.Probability)
	b = appendFloat(append(b, ','), topBlockField, s.Block.Value)
	return appendTime(b, from)
}

// A Run is a re-scoring that was made live.
type Run struct {
	ID, Model string
	From, To  flatwatt.Day // first and last day
	Scores    int64        // that it has
	At        time.Time    // when it was made live
}

// NoteRun writes that a re-scoring was made live, for dashboards.
func (c *Client) NoteRun(ctx context.Context, r Run) error {
	if err := checkTag(RunTag, r.ID); err != nil {
		return err
	}
	b := append([]byte(nil), RunMeasurement...)
	b = appendTag(b, RunTag, r.ID)
	b = appendInt(append(b, ' '), "at_s", r.At.Unix())
	b = appendInt(append(b, ','), endField, rollTime(r.To+1).UnixMilli())
	b = appendText(append(b, ','), "model", r.Model)
	b = appendInt(append(b, ','), "scores", r.Scores)
	b = appendText(append(b, ','), eventTextField, "re-scored with "+r.Model)
	if err := c.send(ctx, appendTime(b, rollTime(r.From))); err != nil {
		return fmt.Errorf("note run %s: %w", r.ID, err)
	}
	return nil
}
