package file_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/file"
)

func TestOutsideFilesAreReadAndBadRowsRejected(t *testing.T) {
	f := plantFleet(t, map[string]string{
		"evidence.csv": "id,meter_id,kind,source,at,by,log_odds\n" +
			"T1,p1,tip_off,12398,2025-01-02,zhang,\nT2,p1,rumour,x,2025-01-02,zhang,\nT3,p1,tip_off,12398,soon,zhang,\nT4,p1,inspection,team,2025-01-02T10:00:00Z,li,-9\n",
		"registered.csv": "meter_id,use,expected_kw,from,until\np1,telecom,4,2025-01-01,2026-01-01\nq,telecom,4,,\np1,casino,4,,\np1,pump,0,,\np1,pump,3,2025-02-01,2025-01-01\n",
		"applications.csv": "application_id,meter_id,name,declared_use,capacity_kw,date,energised\n" +
			"N1,p1,\"Li, Wang\",office,100,2025-01-01,2025-03-01\nN2,zz,x,office,100,2025-01-01,\n,p1,x,office,1,2025-01-01,\nN4,p1,x,,1,2025-01-01,\nN5,p1,x,office,-1,2025-01-01,\n",
		"participants.csv": "participant_id,meter_id,declared_use,capacity_kw\nP1,p1,storage,500\n",
		"coin.csv":         "start,price,difficulty,halving\n2024-04-22,60000,1.1,no\n2024-04-15,64000,1,yes\n2024-04-29,0,1,no\n2024-05-06,1,1,maybe\n",
	})
	var got []string
	for _, r := range f.Rejects() {
		got = append(got, r.Where+" "+r.Field)
	}
	want := "evidence.csv:3 kind|evidence.csv:4 at|evidence.csv:5 log_odds|" +
		"registered.csv:3 meter_id|registered.csv:4 use|registered.csv:5 expected_kw|registered.csv:6 until|" +
		"applications.csv:3 meter_id|applications.csv:4 application_id|applications.csv:5 declared_use|applications.csv:6 capacity_kw|" +
		"coin.csv:4 price|coin.csv:5 halving"
	if strings.Join(got, "|") != want {
		t.Errorf("rejected %s\nwant     %s", strings.Join(got, "|"), want)
	}
	if e := f.Evidence(); len(e) != 1 || e[0].LogOdds != 1.5 || e[0].Where != "evidence.csv:2" || e[0].Until.Year() != 2026 {
		t.Errorf("evidence %+v", e)
	}
	if r := f.Registered(); len(r) != 1 || r[0].KW != 4 || r[0].Until.Year() != 2026 {
		t.Errorf("registered %+v", r)
	}
	if a := f.Applied(); len(a) != 2 || a[0].Name != "Li, Wang" || a[1].ID != "P1" || !a[1].Market || a[0].Energised.Month() != 3 {
		t.Errorf("applied %+v", a)
	}
	if c := f.Coin(); len(c) != 2 || !c[0].Halving || c[1].Price != 60000 {
		t.Errorf("coin %+v", c)
	}
}

func TestEvidenceIsReadAsWritten(t *testing.T) {
	at := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	want := flatwatt.Outside{ID: "T,1", Account: "A 1", Kind: flatwatt.PoolContact, Source: "net \"ops\"", At: at, Entered: at.Add(time.Hour), By: "张", LogOdds: 2.5, Until: at.AddDate(0, 1, 0), Note: "port 3333"}
	path := filepath.Join(t.TempDir(), "evidence.csv")
	if err := file.WriteEvidence(path, []flatwatt.Outside{want}); err != nil {
		t.Fatal(err)
	}
	got, rejected, err := file.ReadEvidence(path)
	if err != nil || len(rejected) > 0 || len(got) != 1 || got[0].Outside != want {
		t.Errorf("%v %v %+v, want %+v", err, rejected, got, want)
	}
}
