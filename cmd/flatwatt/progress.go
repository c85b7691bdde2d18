package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// logEvery is how much of the work lies between two lines where there is no terminal.
const logEvery = 0.1

// A progress shows how far a piece of work is: a bar on a terminal, now and then a line
// elsewhere. It is used from one goroutine.
type progress struct {
	p      *Program
	what   string
	unit   string
	total  int64
	done   int64
	bar    *progressbar.ProgressBar // nil where there is no terminal
	logged float64
}

func (p *Program) progress(what, unit string, total int64) *progress {
	pr := &progress{p: p, what: what, unit: unit, total: max(total, 1)}
	if tty, width := p.terminal(p.Stderr); tty && p.Getenv("TERM") != "dumb" {
		pr.bar = progressbar.NewOptions64(pr.total,
			progressbar.OptionSetWriter(p.Stderr),
			progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(max(10, min(40, width-60))),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString(unit),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionEnableColorCodes(false),
		)
	}
	return pr
}

// at says that done of total is done.
func (pr *progress) at(done int64) {
	pr.done = min(done, pr.total)
	if pr.bar != nil {
		_ = pr.bar.Set64(pr.done) // a bar that cannot be drawn stops nothing
		return
	}
	if share := float64(pr.done) / float64(pr.total); share >= pr.logged+logEvery && share < 1 {
		pr.logged = share
		pr.p.say("%s: %.0f%% of %s %s", pr.what, 100*share, grouped(pr.total), pr.unit)
	}
}

// end takes the bar away and says what was done.
func (pr *progress) end(format string, args ...any) {
	if pr.bar != nil {
		_ = pr.bar.Finish()
	}
	pr.p.say("%s: %s", pr.what, fmt.Sprintf(format, args...))
}

// grouped writes n with thin groups of three: 2 592 000.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
