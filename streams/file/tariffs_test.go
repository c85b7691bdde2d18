package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt/streams/file"
)

func TestTariffsAreTablesOfTheWholeDay(t *testing.T) {
	f := plantFleet(t, map[string]string{"tariffs.csv": "tariff,start,end,price\n" +
		"tou,00:00,24:00,0.6\ntou,23:00,07:00,0.3\ntou,17:00,22:00,1.2\nhalf,08:00,20:00,1\n" +
		"tou,7:10,08:00,1\ntou,noon,13:00,1\n,00:00,24:00,1\ntou,00:00,24:00,-1\n"})
	tou := f.Tariffs()["tou"]
	if tou == nil || tou[0] != 0.3 || tou[27] != 0.3 || tou[28] != 0.6 || tou[17*4] != 1.2 || tou[22*4] != 0.6 || tou[23*4] != 0.3 {
		t.Fatalf("table %v", tou)
	}
	if f.Tariffs()["half"] != nil {
		t.Error("half a day is a tariff")
	}
	var got []string
	for _, r := range f.Rejects() {
		got = append(got, r.Field+": "+r.Reason)
	}
	for _, want := range []string{`"7:10" is no quarter hour`, `"noon" is no quarter hour`, "name the tariff", "is no price", `"half" has no price at 00:00`} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("no reject says %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if len(plantFleet(t, map[string]string{}).Tariffs()) > 0 {
		t.Error("tariffs without a file")
	}
	dir := t.TempDir()
	if err := file.WriteTariffs(dir, f.Tariffs()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "tariffs.csv"))
	if err != nil {
		t.Fatal(err)
	}
	again := plantFleet(t, map[string]string{"tariffs.csv": string(text)})
	if len(again.Rejects()) > 0 || len(again.Tariffs()) != 1 || *again.Tariffs()["tou"] != *tou {
		t.Errorf("written and read again: %v, %v", again.Rejects(), again.Tariffs()["tou"])
	}
}
