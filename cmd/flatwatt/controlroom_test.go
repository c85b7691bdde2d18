package main

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// An identity provider that takes connections and says nothing must keep neither the
// service from starting nor from ending.
func TestTheServiceStartsWithoutItsIdentityProvider(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := &Program{Stderr: &bytes.Buffer{}, Getenv: func(string) string { return "" }}
	done := make(chan error, 1)
	go func() {
		o, err := p.newOIDC(t.Context(), oidcSettings{Name: "ID", Issuer: "http://" + silent.Addr().String(), ClientID: "console", Redirect: "http://127.0.0.1/login/oidc/back"})
		if err == nil && o == nil {
			t.Error("no sign-in by the provider")
		}
		if err == nil {
			err = p.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the start waits for the provider")
	}
}
