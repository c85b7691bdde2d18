package console

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework/alarms"
)

// TestAFarmsAlarmLeadsToItsMeter shows the alarm of a hall in the list with what is judged
// of it now, and on the page of its meter, whose score as a miner is low.
func TestAFarmsAlarmLeadsToItsMeter(t *testing.T) {
	r := newRoom(t)
	farm := flatwatt.Score{Meter: "dc", Detector: "hall", State: flatwatt.Suspect, Probability: .97, Block: flatwatt.Estimate{Value: 480, Low: 480, High: 480}}
	for i := range r.board.findings {
		if r.board.findings[i].Meter.ID == "dc" {
			r.board.findings[i].Hall = &Hall{Score: farm, Reason: "no generator tests"}
		}
	}
	took := alarms.Raiser{Store: r.db, Policy: alarms.DefaultPolicy(), Who: access.Actor{Name: "flatwatt", Role: access.Operator}, Now: r.clock}
	var list []alarms.Verdict
	for day := range 2 {
		list = append(list, alarms.Verdict{ID: "dc" + alarms.HallSuffix, Day: today.AddDate(0, 0, day-2).Format(time.DateOnly), Known: true, Suspect: true,
			Detector: "hall", Kind: alarms.HallKind, Meter: "dc", Area: "sichuan/leshan", Finding: caseFinding(Finding{Score: farm})})
	}
	if _, err := took.Apply(context.Background(), list, false); err != nil {
		t.Fatal(err)
	}
	v := r.visit("wang")
	var answer struct{ Alarms []alarmRow }
	if code := v.read("/alarms?q=dc.hall", &answer); code != http.StatusOK || len(answer.Alarms) != 1 {
		t.Fatalf("%d, %+v", code, answer)
	}
	if a := answer.Alarms[0]; a.Of != "dc" || a.Kind != "hall" || a.Hall == nil || a.Hall.State != "suspect" || *a.BlockKW != 480 || a.Reason != "no generator tests" {
		t.Errorf("in the list: %+v", a)
	}
	if _, body := v.get("/alarms?q=dc.hall"); !strings.Contains(body, `<a href="/meters/dc">dc.hall</a>`) || !strings.Contains(body, "Mining farm or data centre") {
		t.Error("the list does not lead from the farm's alarm to its meter, or does not say what it is of")
	}
	if _, body := v.get("/meters/dc"); !strings.Contains(body, `value="dc.hall@`) {
		t.Error("the meter's page does not show the alarm of its hall")
	}
}
