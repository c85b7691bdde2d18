package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
)

const tinyPlan = `
version: tiny
boost: {trees: 6, depth: 2}
fit: {rounds: 15}
train:
  - {seeds: [1, 2], simulate: {meters: 60, days: 55, interval_minutes: 60, miners: {share: 0.3}}}
calibrate:
  - {seeds: [51], simulate: {meters: 60, days: 55, interval_minutes: 60, miners: {share: 0.1}}}
holdout:
  - {seeds: [101], simulate: {meters: 60, days: 55, interval_minutes: 60, miners: {share: 0.2}}}
`

func TestFitWritesAModelThatScores(t *testing.T) {
	dir := t.TempDir()
	plan, out, again := filepath.Join(dir, "plan.yaml"), filepath.Join(dir, "m.json"), filepath.Join(dir, "m2.json")
	writeFile(t, plan, tinyPlan)
	code, stdout, stderr := run(t, nil, "fit", "--plan", plan, "--out", out, "-o", "json")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var table struct {
		Before, After string
		Fleets        []comparison
	}
	if err := json.Unmarshal([]byte(stdout), &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Fleets) != 1 || table.After != "tiny" || table.Before != detectors.DefaultParams().Version || table.Fleets[0].Miners == 0 {
		t.Fatalf("table %+v", table)
	}
	// Miners are one in five: an order drawn at random has an average precision near 0.2.
	if f := table.Fleets[0]; !(f.After.AveragePrecision > 0.4 && f.After.AveragePrecision <= 1) {
		t.Errorf("average precision %v", f.After.AveragePrecision)
	}
	model, err := loadModel(out)
	if err != nil {
		t.Fatal(err)
	}
	if model.Version != "tiny" || len(model.Boost.Trees) != 6 || len(model.Calibration.Knots) != 2 {
		t.Errorf("model %s with %d trees, calibration %v", model.Version, len(model.Boost.Trees), model.Calibration)
	}
	if model.AlarmProbability < leastAlarm || model.AlarmProbability > mostAlarm {
		t.Errorf("alarm probability %g", model.AlarmProbability)
	}
	if code, _, stderr := run(t, nil, "fit", "--plan", plan, "--out", again); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	first, _ := os.ReadFile(out)
	if second, _ := os.ReadFile(again); len(first) == 0 || !bytes.Equal(first, second) {
		t.Error("the same plan gives another file")
	}
}

func TestShippedPlanIsValid(t *testing.T) {
	plan, err := readFitPlan(filepath.Join("..", "..", "testdata", "model", "plan.yaml"), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	used := map[uint64]string{}
	for name, list := range map[string][]fleetEntry{"train": plan.Train, "calibrate": plan.Calibrate, "holdout": plan.Holdout} {
		for _, e := range list {
			if e.Fleet != "" {
				if train := e.Lots[1] <= 0.5; train != (name == "train") || e.Lots[1] > 0.75 {
					t.Errorf("%s uses real meters of lots %v", name, e.Lots)
				}
				continue
			}
			for _, seed := range e.Seeds {
				if used[seed] != "" {
					t.Errorf("seed %d is in %s and in %s", seed, used[seed], name)
				}
				used[seed] = name
			}
		}
	}
	if len(used) != 53+3+3 {
		t.Errorf("%d simulated fleets", len(used))
	}
}

func TestLotsSplitEvenly(t *testing.T) {
	var n [4]int
	for i := range 4000 {
		lot := lotOf(flatwatt.MeterID(fmt.Sprintf("meter-%d", i)))
		if !(lot >= 0 && lot < 1) {
			t.Fatalf("lot %g", lot)
		}
		n[int(lot*4)]++
	}
	for q, k := range n {
		if k < 850 || k > 1150 { // 1,000 ± 5 standard deviations
			t.Errorf("quarter %d has %d of 4000 meters", q, k)
		}
	}
}

func TestFitSaysWhatIsWrongWithAPlan(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plan.yaml")
	for text, want := range map[string]string{
		"trian: []\n":                                        `unknown field "trian"`,
		"version: x\n":                                       "train: names no fleets",
		"train: [{seeds: [1]}]\n":                            "train[0]: give either simulate",
		"train: [{fleet: x, lots: [1, 0]}]":                  "lots:",
		"train: [{simulate: {meters: -1}}]":                  "meters: -1",
		"train: [{fleet: x}]\nboost: {trees: -1}":            "boost:",
		"train: [{fleet: x}]\nfalse_alarms: 0":               "false_alarms",
		"train: [{fleet: nowhere}]":                          "nowhere is not there",
		"train: [{fleet: x, miners: 0.7, changes: 0.7}]":     "miners: 0.7, changes: 0.7",
		"train: [{fleet: x, vary: {scale: [2, 1]}}]":         "scale: [2 1]",
		"train: [{fleet: x, vary: {flip: 2}}]":               "flip: 2",
		"train: [{simulate: {meters: 99}, vary: {flip: 1}}]": "say them in simulate",
	} {
		writeFile(t, path, text)
		code, _, stderr := run(t, nil, "fit", "--plan", path, "--out", filepath.Join(dir, "m.json"))
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, no %q in %s", text, code, want, stderr)
		}
	}
	for _, args := range [][]string{{"fit"}, {"fit", "--plan", path, "--days", "3"}, {"fit", "--fleet", dir, "--holdout", "1"}} {
		if code, _, stderr := run(t, nil, args...); code != exitUsage {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
}
