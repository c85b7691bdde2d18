package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/flatwatt/flatwatt/schedule"
)

// Exit codes, as documented in docs/cli.md. Scripts rely on them.
const (
	exitOK          = 0
	exitError       = 1   // the world is broken: network, disk, a server
	exitUsage       = 2   // wrong flags, arguments or configuration
	exitData        = 3   // the input cannot be used
	exitInterrupted = 130 // Ctrl-C or SIGTERM before the work was done
)

// A Program is one run of flatwatt. Tests start it the way main does.
type Program struct {
	Stdout  io.Writer // data
	Stderr  io.Writer // messages
	Getenv  func(string) string
	Environ func() []string

	asker   string          // who asks, where it is not the user: a job
	result  schedule.Result // what the command did, for the ledger of jobs
	seen    spans           // by import
	closers []func() error  // run by Close, last first
	log     *slog.Logger    // nil: messages are plain text
}

// Run executes one command line and returns its exit code. It cleans up after itself.
func (p *Program) Run(ctx context.Context, args []string) int {
	err := p.execute(ctx, args)
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	if code == exitInterrupted {
		fmt.Fprintln(p.Stderr, "flatwatt: interrupted")
		return code
	}
	fmt.Fprintln(p.Stderr, "flatwatt:", strings.TrimRight(err.Error(), "\n"))
	return code
}

// execute is Run without a word about how it ended.
func (p *Program) execute(ctx context.Context, args []string) error {
	root := newRoot(p)
	root.SetArgs(args)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if errors.Is(err, syscall.EPIPE) {
		err = nil // the reader of our output has seen enough
	}
	return errors.Join(err, p.Close())
}

// Close stops what the command started, in the opposite order. It may be called twice.
func (p *Program) Close() error {
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i]())
	}
	p.closers = nil
	return errors.Join(errs...)
}

// atExit has f run by Close.
func (p *Program) atExit(f func() error) { p.closers = append(p.closers, f) }

// say prints a message for people, or for a log collector. Data never goes this way.
func (p *Program) say(format string, args ...any) {
	if p.log != nil {
		p.log.Info(fmt.Sprintf(format, args...))
		return
	}
	fmt.Fprintf(p.Stderr, format+"\n", args...)
}

// warn is say for what somebody should look at.
func (p *Program) warn(format string, args ...any) {
	if p.log != nil {
		p.log.Warn(fmt.Sprintf(format, args...))
		return
	}
	fmt.Fprintf(p.Stderr, format+"\n", args...)
}

// terminal says whether w is one; width is its width in columns, or $COLUMNS, or 120.
func (p *Program) terminal(w io.Writer) (tty bool, width int) {
	width = 120
	if n, err := strconv.Atoi(p.Getenv("COLUMNS")); err == nil && n >= 40 {
		width = n
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, width
	}
	if n, _, err := term.GetSize(int(f.Fd())); err == nil && n >= 40 {
		width = n
	}
	return true, width
}

// style says how to print on w. Colour needs a terminal and no NO_COLOR (no-color.org).
func (p *Program) style(w io.Writer) style {
	tty, width := p.terminal(w)
	plain := !tty || p.Getenv("NO_COLOR") != "" || p.Getenv("TERM") == "dumb"
	return style{width: width, colour: !plain, unicode: !plain}
}

// usageError and dataError mark errors with their exit code.
type (
	usageError struct{ error }
	dataError  struct{ error }
)

func (e usageError) Unwrap() error { return e.error }
func (e dataError) Unwrap() error  { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var data dataError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &data):
		return exitData
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitError
}
