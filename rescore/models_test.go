package rescore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/rescore"
)

func TestAVersionIsOneFileForGood(t *testing.T) {
	store := newMemory()
	m := rescore.Models{Store: store}
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	first, err := m.Propose(t.Context(), rescore.ModelVersion{Version: "fit-4", Proposed: at, Who: "job fit"}, []byte("one"))
	if err != nil || first.SHA256 != rescore.HashModel([]byte("one")) {
		t.Fatal(first, err)
	}
	if again, err := m.Propose(t.Context(), rescore.ModelVersion{Version: "fit-4", Who: "other"}, []byte("one")); err != nil || again.Who != "job fit" {
		t.Errorf("%+v %v; want what was there", again, err)
	}
	if _, err := m.Propose(t.Context(), rescore.ModelVersion{Version: "fit-4"}, []byte("two")); err == nil || !strings.Contains(err.Error(), "another file already") {
		t.Errorf("%v; want another file under the same version refused", err)
	}
	if _, err := m.Propose(t.Context(), rescore.ModelVersion{Version: "../x"}, []byte("two")); err == nil {
		t.Error("a version that is a path is taken")
	}
	if list, err := m.History(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("%v %v; a proposal must not become current by itself", list, err)
	}
	if err := m.Promote(t.Context(), "fit-5", "ann", at); !errors.Is(err, rescore.ErrNoModel) {
		t.Errorf("%v; want no such model", err)
	}
	for _, v := range []string{"fit-4", "fit-4"} {
		if err := m.Promote(t.Context(), v, "ann", at); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := m.History(t.Context()); err != nil || len(list) != 1 || list[0].Who != "ann" || list[0].SHA256 != first.SHA256 {
		t.Errorf("%+v %v", list, err)
	}
	store.data["models/fit-4.model.json"] = []byte("onE")
	if _, err := m.Load(t.Context(), "fit-4"); err == nil || !strings.Contains(err.Error(), "not the file that was proposed") {
		t.Errorf("%v; want a file that was changed to be noticed", err)
	}
}
