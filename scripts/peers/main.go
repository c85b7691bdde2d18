// Peers runs one rule on the same readings in other stream processors, and flatwatt's full
// scoring beside them, and prints how many readings each takes in a second of one core.
//
//	go run ./scripts/peers -telegraf PATH -redpanda PATH -python PATH -flatwatt PATH -rule PATH
//
// setup.sh installs the peers outside of the repository and calls it: `make peers`. The
// rule: a meter is flat on a day if its 15-minute energies of the last 14 days, that day
// included, have a standard deviation below 5 % of their mean, and a mean above 1 kW. The
// same rule runs in flatwatt's own pipeline too (scripts/peers/rule), on each peer's file
// and on messages in flatwatt's form.
package main

import (
	"bufio"
	"cmp"
	"encoding/binary"
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

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/wire"
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
	form string // of the file that it reads
	cmd  func(dir, input string) *exec.Cmd
}

func main() {
	telegraf, redpanda := flag.String("telegraf", "", "program"), flag.String("redpanda", "", "program")
	python, scoring := flag.String("python", "", "interpreter that has river"), flag.String("flatwatt", "", "program")
	rule := flag.String("rule", "", "program of scripts/peers/rule")
	meters, days := flag.Int("meters", 600, "meters"), flag.Int("days", 28, "days")
	runs := flag.Int("runs", 3, "runs of each, in turn")
	flag.Parse()
	here, err := filepath.Abs("scripts/peers")
	if err == nil {
		err = compare(*meters, *days, *runs, []peer{
			{"River 0.26.1", "csv", func(dir, in string) *exec.Cmd {
				return exec.Command(*python, here+"/river_rule.py", in+".csv", dir+"/flat")
			}},
			{"Telegraf 1.37.2, starlark", "lp", func(dir, in string) *exec.Cmd {
				return with(exec.Command(*telegraf, "--config", here+"/telegraf.conf", "--once"), "PEERS_IN="+in+".lp", "PEERS_OUT="+dir+"/flat", "PEERS_RULE="+here+"/rule.star")
			}},
			{"Redpanda Connect (Benthos 4.43.0)", "csv", func(dir, in string) *exec.Cmd {
				return with(exec.Command(*redpanda, "-c", here+"/redpanda.yaml"), "PEERS_IN="+in+".csv", "PEERS_OUT="+dir+"/flat")
			}},
			ruleOf(*rule, "csv"), ruleOf(*rule, "lp"), ruleOf(*rule, "batches"),
		}, *scoring)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// ruleOf is the rule in flatwatt's own pipeline.
func ruleOf(program, form string) peer {
	return peer{"flatwatt's pipeline", form, func(dir, in string) *exec.Cmd { return exec.Command(program, in+"."+form, dir+"/flat") }}
}

func with(c *exec.Cmd, env ...string) *exec.Cmd {
	c.Env = append(os.Environ(), env...)
	return c
}

func compare(meters, days, runs int, peers []peer, scoring string) error {
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
	if out, err := exec.Command(scoring, "convert", dir+"/readings.csv", "--to", "fleet", "--out", fleet, "--unit", "Wh", "--interval", "15m").CombinedOutput(); err != nil {
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
		took, err := cpu(exec.Command(scoring, "score", "--fleet", fleet, "--out", dir+"/scores", "--top", "0"))
		if err != nil {
			return fmt.Errorf("flatwatt: %w", err)
		}
		rates[len(peers)] = append(rates[len(peers)], n/took)
	}
	report(peers, rates)
	return nil
}

// report prints the rates, and how they compare run by run: full scoring, the rule from the
// peer's own file, and the rule from messages, each over the peer's rate.
func report(peers []peer, rates [][]float64) {
	over := func(a, b int) float64 {
		var ratio []float64
		for k := range rates[a] {
			ratio = append(ratio, rates[a][k]/rates[b][k])
		}
		return median(ratio)
	}
	rule := func(form string) int {
		return slices.IndexFunc(peers, func(p peer) bool { return p.form == form && strings.HasPrefix(p.name, "flatwatt") })
	}
	fmt.Println("| | reads | computes | readings a CPU second | all detectors | same rule, same file | same rule, messages |")
	for i, p := range peers {
		fmt.Printf("| %s | %s | the rule | %.0f |", p.name, p.form, median(slices.Clone(rates[i])))
		if strings.HasPrefix(p.name, "flatwatt") {
			fmt.Println(" | | |")
			continue
		}
		fmt.Printf(" %.1f × | %.1f × | %.0f × |\n", over(len(peers), i), over(rule(p.form), i), over(rule("batches"), i))
	}
	fmt.Printf("| flatwatt | fleet directory | all detectors, start-up included | %.0f | | | |\n", median(slices.Clone(rates[len(peers)])))
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
	for _, name := range []string{"readings.csv", "readings.lp", "readings.batches", "none.csv", "none.lp", "none.batches"} {
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
	for _, name := range []string{"readings.lp", "none.lp"} {
		fmt.Fprintln(files[name], "# meter, wh") // a file without a line is refused
	}
	rng := rand.New(rand.NewPCG(1, 2))
	sums := make([][][2]float64, meters) // of each meter's days
	var batch messages
	for k := range days * perDay {
		at := first.Add(time.Duration(k) * 15 * time.Minute)
		for m := range meters {
			wh := draw(rng, m, k)
			fmt.Fprintf(files["readings.csv"], "C-%05d,%s,%d\n", m, at.Format(time.RFC3339), wh)
			fmt.Fprintf(files["readings.lp"], "reading,meter=C-%05d wh=%di %d\n", m, wh, at.UnixNano())
			batch.add(files["readings.batches"], m, at, wh)
			if k%perDay == 0 {
				sums[m] = append(sums[m], [2]float64{})
			}
			day := &sums[m][k/perDay]
			day[0], day[1] = day[0]+float64(wh), day[1]+float64(wh)*float64(wh)
		}
	}
	batch.flush(files["readings.batches"])
	for m := range meters {
		if isFlat(sums[m]) {
			flat = append(flat, fmt.Sprintf("C-%05d", m))
		}
	}
	for _, w := range files {
		err = errors.Join(err, w.Flush())
	}
	return flat, errors.Join(err, batch.err)
}

// messages writes readings as a head-end sends them, 500 a message in flatwatt's form, each
// after its length.
type messages struct {
	held []flatwatt.Reading
	body []byte
	err  error
}

func (b *messages) add(w *bufio.Writer, meter int, at time.Time, wh int) {
	b.held = append(b.held, flatwatt.Reading{Meter: flatwatt.MeterID(fmt.Sprintf("C-%05d", meter)), Start: at, Length: 15 * time.Minute,
		Energy: flatwatt.KWh(float64(wh) / 1000), Reactive: flatwatt.KVArh(math.NaN()), Voltage: flatwatt.Volt(math.NaN())})
	if len(b.held) == 500 {
		b.flush(w)
	}
}

func (b *messages) flush(w *bufio.Writer) {
	body, err := wire.AppendBody(b.body[:0], wire.Batch, b.held)
	b.body, b.held, b.err = body, b.held[:0], errors.Join(b.err, err)
	_, err = w.Write(append(binary.AppendUvarint(nil, uint64(len(body))), body...))
	b.err = errors.Join(b.err, err)
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
