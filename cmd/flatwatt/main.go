// Command flatwatt consumes smart-meter readings and ranks the meters whose load
// looks like an ASIC miner. Run `flatwatt help` for the commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader that has seen enough, such as head, must not kill us before we clean up:
	// the write fails instead, and Run ends in good order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &Program{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Environ: os.Environ}
	code := p.Run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
