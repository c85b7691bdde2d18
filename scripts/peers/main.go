// Peers runs one rule on the same readings in other stream processors, and flatwatt's full
// scoring beside them, and prints how many readings each takes in a second of one core.
//
//	go run ./scripts/peers -telegraf PATH -redpanda PATH -python PATH -flatwatt PATH
//
// setup.sh installs the peers outside of the repository and calls it: `make peers`. The
// rule: a meter is flat on a day if its 15-minute energies of the last 14 days, that day
// included, have a standard deviation below 5 % of their mean, and a mean above 1 kW.
package main

import (
	"bufio"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	perDay = 96
	window = 14 // days
	minWh  = 250
	maxCV  = 0.05
)

var first = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A peer is one stream processor: its command reads the readings and writes flagged meters.
type peer struct {
	name string
	cmd  func(dir, input string) *exec.Cmd
}

func main() {
	telegraf, redpanda := flag.String("telegraf", "", "program"), flag.String("redpanda", "", "program")
	python, flatwatt := flag.String("python", "", "interpreter that has river"), flag.String("flatwatt", "", "program")
	meters, days := flag.Int("meters", 300, "meters"), flag.Int("days", 28, "days")
	runs := flag.Int("runs", 5, "runs of each, in turn")
	flag.Parse()
	here, err := filepath.Abs("scripts/peers")
	if err == nil {
		err = compare(*meters, *days, *runs, []peer{
			{"River 0.26.1", func(dir, in string) *exec.Cmd {
				return exec.Command(*python, here+"/river_rule.py", in+".csv", dir+"/flat")
			}},
			{"Telegraf 1.37.2, starlark", func(dir, in string) *exec.Cmd {
				return with(exec.Command(*telegraf, "--config", here+"/telegraf.conf", "--once"), "PEERS_IN="+in+".lp", "PEERS_OUT="+dir+"/flat", "PEERS_RULE="+here+"/rule.star")
			}},
			{"Redpanda Connect (Benthos 4.43.0)", func(dir, in string) *exec.Cmd {
				return with(exec.Command(*redpanda, "-c", here+"/redpanda.yaml"), "PEERS_IN="+in+".csv", "PEERS_OUT="+dir+"/flat")
			}},
		}, *flatwatt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func with(c *exec.Cmd, env ...string) *exec.Cmd {
	c.Env = append(os.Environ(), env...)
	return c
}

func compare(meters, days, runs int, peers []peer, flatwatt string) error {
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	want, err := write(dir, meters, days)
	if err != nil {
		return err
	}
	fleet := dir + "/fleet"
	if out, err := exec.Command(flatwatt, "convert", dir+"/readings.csv", "--to", "fleet", "--out", fleet, "--unit", "Wh", "--interval", "15m").CombinedOutput(); err != nil {
		return fmt.Errorf("convert: %w: %s", err, out)
	}
	n := float64(meters * days * perDay)
	fmt.Printf("%d meters, %d days, %.0f readings, %d meters flat; CPU seconds without start-up, medians of %d\n", meters, days, n, len(want), runs)
	rates := make([][]float64, len(peers)+1)
	for range runs { // in turn, so that what else the machine does falls on all alike
		for i, p := range peers {
			took, err := p.run(dir, want)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			rates[i] = append(rates[i], n/took)
		}
		took, err := cpu(exec.Command(flatwatt, "score", "--fleet", fleet, "--out", dir+"/scores", "--top", "0"))
		if err != nil {
			return fmt.Errorf("flatwatt: %w", err)
		}
		rates[len(peers)] = append(rates[len(peers)], n/took)
	}
	ours := median(rates[len(peers)])
	for i, p := range peers {
		var ratio []float64
		for k := range runs {
			ratio = append(ratio, rates[len(peers)][k]/rates[i][k])
		}
		fmt.Printf("| %s | the rule | %.0f | %.0f × |\n", p.name, median(rates[i]), median(ratio))
	}
	fmt.Printf("| flatwatt | all detectors, files in and out | %.0f | |\n", ours)
	return nil
}

// run is the CPU time of the rule without the start of the program; flagged meters that
// are not those wanted are an error.
func (p peer) run(dir string, want []string) (seconds float64, err error) {
	var took [2]float64
	for i, in := range []string{"none", "readings"} {
		if err := os.RemoveAll(dir + "/flat"); err != nil {
			return 0, err
		}
		if took[i], err = cpu(p.cmd(dir, dir+"/"+in)); err != nil {
			return 0, err
		}
	}
	text, err := os.ReadFile(dir + "/flat")
	if err != nil {
		return 0, err
	}
	var got []string
	for word := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return !(r >= '0' && r <= '9' || r == 'C' || r == '-') }) {
		if strings.HasPrefix(word, "C-") {
			got = append(got, word)
		}
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		return 0, fmt.Errorf("%d meters are flat, want %d, or others are", len(got), len(want))
	}
	return took[1] - took[0], nil
}

// cpu runs c and returns what it used of all cores.
func cpu(c *exec.Cmd) (seconds float64, err error) {
	if out, err := c.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w: %.2000s", c, err, out)
	}
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), nil
}

func median(x []float64) float64 {
	slices.SortFunc(x, cmp.Compare[float64])
	return x[len(x)/2]
}

// write makes the readings in the order of time, as CSV and as line protocol, and the same
// without any, and returns the meters that the rule finds.
func write(dir string, meters, days int) (flat []string, err error) {
	files := map[string]*bufio.Writer{}
	for _, name := range []string{"readings.csv", "readings.lp", "none.csv", "none.lp"} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		files[name] = bufio.NewWriter(f)
	}
	for _, name := range []string{"readings.csv", "none.csv"} {
		fmt.Fprintln(files[name], "meter_id,start,energy")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	sums := make([][][2]float64, meters) // of each meter's days
	for k := range days * perDay {
		at := first.Add(time.Duration(k) * 15 * time.Minute)
		for m := range meters {
			wh := draw(rng, m, k)
			fmt.Fprintf(files["readings.csv"], "C-%05d,%s,%d\n", m, at.Format(time.RFC3339), wh)
			fmt.Fprintf(files["readings.lp"], "reading,meter=C-%05d wh=%di %d\n", m, wh, at.UnixNano())
			if k%perDay == 0 {
				sums[m] = append(sums[m], [2]float64{})
			}
			day := &sums[m][k/perDay]
			day[0], day[1] = day[0]+float64(wh), day[1]+float64(wh)*float64(wh)
		}
	}
	for m := range meters {
		if isFlat(sums[m]) {
			flat = append(flat, fmt.Sprintf("C-%05d", m))
		}
	}
	for _, w := range files {
		err = errors.Join(err, w.Flush())
	}
	return flat, err
}

// draw is a home's energy; each tenth meter has a block that never rests from some day on.
func draw(rng *rand.Rand, meter, k int) int {
	if meter%10 == 3 && k > meter%12*perDay {
		return 2000 + rng.IntN(60)
	}
	return 50 + int(60*rng.ExpFloat64()) + 200*(k%perDay/64)
}

func isFlat(days [][2]float64) bool {
	for last := window - 1; last < len(days); last++ {
		var s, q float64
		for _, d := range days[last-window+1 : last+1] {
			s, q = s+d[0], q+d[1]
		}
		n := float64(window * perDay)
		mean := s / n
		if mean > minWh && math.Sqrt(math.Max(q/n-mean*mean, 0)) < maxCV*mean {
			return true
		}
	}
	return false
}
