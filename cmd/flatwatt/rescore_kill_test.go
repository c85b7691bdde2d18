package main

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt/rescore"
	"github.com/flatwatt/flatwatt/streams/archive"
)

// killed starts the program in a process of its own and ends it with sig after wait; done
// says whether it was done before.
func killed(t *testing.T, wait time.Duration, sig syscall.Signal, args ...string) (done bool, stderr string) {
	t.Helper()
	cmd := exec.Command("flatwatt", args...) // that of TestMain
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(wait, func() { _ = cmd.Process.Signal(sig) })
	err := cmd.Wait()
	timer.Stop()
	return err == nil, out.String()
}

// scoresHash is every score of a run, in order.
func scoresHash(t *testing.T, store, id string) string {
	t.Helper()
	d, err := rescore.Collect(id, (rescore.Runs{Store: archive.Dir(store)}).Scores(t.Context(), id), nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Hash()
}

// A re-scoring and an import that are killed again and again, by the hardest signal at
// random moments, come to what one comes to that is let alone: FLATWATT_KILLS times each.
func TestKilledRescoringAndImportComeToTheSame(t *testing.T) {
	dir := t.TempDir()
	fleet, calm, hard := filepath.Join(dir, "fleet"), filepath.Join(dir, "calm"), filepath.Join(dir, "hard")
	if code, _, stderr := run(t, nil, "simulate", "--out", fleet, "--meters", "60", "--days", "70", "--seed", "5"); code != exitOK {
		t.Fatal(stderr)
	}
	rng := rand.New(rand.NewPCG(3, uint64(killsWanted(t))))
	began := time.Now()
	if code, _, stderr := run(t, nil, "import", "--fleet", fleet, "--archive", calm, "--flush-readings", "5000"); code != exitOK {
		t.Fatal(stderr)
	}
	took := time.Since(began)
	kills := 0
	for ; kills < killsWanted(t); kills++ {
		if done, _ := killed(t, took*time.Duration(10+rng.IntN(40))/100, syscall.SIGKILL, "import", "--fleet", fleet, "--archive", hard, "--flush-readings", "5000"); done {
			break
		}
	}
	if code, _, stderr := run(t, nil, "import", "--fleet", fleet, "--archive", hard, "--flush-readings", "5000"); code != exitOK {
		t.Fatal(stderr)
	}
	sameArchive(t, calm, hard)
	t.Logf("import: %d kills", kills)

	const rate = "400000" // of the calm one too, so that there is time to be killed
	args := []string{"rescore", "--fleet", fleet, "--archive", hard, "--save-every", "15000", "--max-rate", rate}
	began = time.Now()
	code, stdout, stderr := run(t, nil, "rescore", "--fleet", fleet, "--archive", calm, "--save-every", "15000", "--max-rate", rate)
	if code != exitOK {
		t.Fatal(stderr)
	}
	took = time.Since(began)
	id := strings.TrimSpace(stdout)
	kills = 0
	for n := range killsWanted(t) * 5 / 4 { // every fifth is asked to stop, as by a service manager
		// Long enough to be begun, mostly; short enough not to get far.
		wait := time.Duration(50+rng.IntN(250))*time.Millisecond + took/time.Duration(2*killsWanted(t))
		sig := syscall.SIGKILL
		if n%5 == 4 {
			sig = syscall.SIGTERM
		}
		done, stderr := killed(t, wait, sig, args...)
		if done {
			break
		}
		if sig == syscall.SIGTERM && !regexp.MustCompile(`stopped; ask for the same again|interrupted`).MatchString(stderr) {
			t.Errorf("after SIGTERM: %s", stderr)
		}
		if sig == syscall.SIGKILL {
			kills++
		}
	}
	code, stdout, stderr = run(t, nil, args...)
	if code != exitOK || strings.TrimSpace(stdout) != id {
		t.Fatalf("code %d, run %s, want %s:\n%s", code, stdout, id, stderr)
	}
	if kills < 3 {
		t.Errorf("killed %d times only: the test shows little", kills)
	}
	a, _, err := (rescore.Runs{Store: archive.Dir(calm)}).Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := (rescore.Runs{Store: archive.Dir(hard)}).Find(t.Context(), id)
	if err != nil || a.Scores != b.Scores || a.Chunks != b.Chunks || a.Readings != b.Readings {
		t.Errorf("ledger %+v %v, want what the calm one says: %+v", b, err, a)
	}
	if x, y := scoresHash(t, calm, id), scoresHash(t, hard, id); x != y {
		t.Errorf("scores %s, want those of the calm run %s", y, x)
	}
	t.Logf("rescore: %d kills, %d lives, %d scores in %d chunks alike", kills, b.Lives, b.Scores, b.Chunks)
}

// sameArchive wants two archives to hold the same readings.
func sameArchive(t *testing.T, x, y string) {
	t.Helper()
	var sums [2]uint64
	var rows [2]int64
	for i, dir := range []string{x, y} {
		a, err := archive.Open(t.Context(), archive.Dir(dir))
		if err != nil {
			t.Fatal(err)
		}
		first, last, _ := a.Days()
		sums[i] = a.Content(0, first, last)
		rows[i], _ = a.Rows(first, last)
		if faults, err := a.Verify(t.Context(), nil); err != nil || len(faults) > 0 {
			t.Errorf("%s: %v %v", dir, faults, err)
		}
	}
	if rows[0] != rows[1] || sums[0] != sums[1] || rows[0] == 0 {
		t.Errorf("%d readings with hash %x, want %d with %x", rows[1], sums[1], rows[0], sums[0])
	}
}
