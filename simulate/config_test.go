package simulate

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestConfigSurvivesYAML(t *testing.T) {
	want := DefaultConfig()
	want.Seed, want.Miners.Schedules.Night, want.Regions[1].MeanC = 77, .31, -3.25
	want.Shares = map[string]float64{"telecom": 2, "home": .5}
	text, err := want.YAML()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseConfig("fleet.yaml", text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back\n%+v\nwant\n%+v", got, want)
	}
}

func TestConfigKeepsDefaultsThatAFileDoesNotName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	if err := os.WriteFile(path, []byte("meters: 30\nminers:\n  share: 0.5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultConfig()
	want.Meters, want.Miners.Share = 30, .5
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if got, err := ParseConfig("empty", nil); err != nil || !reflect.DeepEqual(got, DefaultConfig()) {
		t.Errorf("empty file: %v, %+v", err, got)
	}
}

func TestConfigErrorsNameFileLineAndField(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		_, err := ParseConfig("fleet.yaml", []byte(text))
		if err == nil {
			t.Errorf("%q: no error", text)
			return
		}
		for _, w := range append(want, "fleet.yaml:") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: error %q lacks %q", text, err, w)
			}
		}
	}
	f("seed: 1\nmeters: 0\n", "fleet.yaml:2:", "meters", "1 to")
	f("seed: 1\nminers:\n  day_zero_share: 0.2\n  share: 1.5\n", "fleet.yaml:4:", "miners.share", "0 to 1")
	f("meters: 10\nmetres: 12\n", "fleet.yaml:2:", "metres")
	f("meters: many\n", "fleet.yaml:1:", "meters")
	f("interval_minutes: 7\n", "fleet.yaml:1:", "interval_minutes", "5, 15, 30 or 60")
	f("start: yesterday\n", "start", "2025-09-01")
	f("zone: Mars/Olympus\n", "zone", "IANA")
	f("shares:\n  home: 1\n  castle: 2\n", "fleet.yaml:3:", "shares.castle", "holiday_home")
	f("shares:\n  home: 0\n", "shares", "positive")
	f("faults:\n  missing: .nan\n", "fleet.yaml:2:", "faults.missing")
	f("regions:\n- name: a\n  latitude: 80\n", "fleet.yaml:3:", "regions[0].latitude")
	f("miners:\n  schedules: {24x7: 0, night: 0, off_peak: 0, daytime: 0}\n", "miners.schedules", "positive")
}

func TestLoadConfigSaysWhichFileIsMissing(t *testing.T) {
	if _, err := LoadConfig("nowhere.yaml"); err == nil || !strings.Contains(err.Error(), "nowhere.yaml") {
		t.Errorf("got %v", err)
	}
}
