package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/flatwatt/flatwatt/console"
)

// Bounds on a reader of the page that does not behave.
const (
	headerTimeout = 5 * time.Second
	answerTimeout = 30 * time.Second
	closeTimeout  = 3 * time.Second
)

// serve shows board at addr until Close and returns the address.
func (p *Program) serve(addr string, board console.Board) (url string, err error) {
	handler, err := console.Handler(board)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("serve the page: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, WriteTimeout: answerTimeout}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	p.atExit(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			_ = server.Close() // a reader that will not go is cut off
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return "http://" + listener.Addr().String(), nil
}
