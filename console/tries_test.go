package console

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

// signInFrom tries a password as a proxy passes it on that noted these addresses.
func (v *visitor) signInFrom(hops, name, password string) int {
	form := url.Values{"user": {name}, "password": {password}}.Encode()
	code, _, _ := v.do("POST", "/login", strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded", "X-Forwarded-For", hops)
	return code
}

// TestRightPasswordsAreNotCounted: a change of shift behind one address.
func TestRightPasswordsAreNotCounted(t *testing.T) {
	r := newRoom(t)
	for i := range 12 {
		if code, _ := r.visit("").post("/login", "user", people[i%len(people)].name, "password", password); code != http.StatusSeeOther {
			t.Fatalf("sign-in %d with the right password: %d", i+1, code)
		}
	}
	v := r.visit("wang")
	for i := range 12 {
		if code, body := v.post("/me/password", "old", password, "new", password); code != http.StatusSeeOther {
			t.Fatalf("change %d of the password: %d %s", i+1, code, body)
		}
	}
}

// TestWrongTriesOfOthersKeepNobodyOut: of somebody at another address, or at the same one
// with another name.
func TestWrongTriesOfOthersKeepNobodyOut(t *testing.T) {
	r := newRoom(t, func(o *Options) { o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	v := r.visit("")
	const stranger = "203.0.113.7"
	for i := range 30 {
		want := http.StatusUnauthorized
		if i >= 10 {
			want = http.StatusTooManyRequests
		}
		// What stands before the address that the proxy noted is made up.
		if code := v.signInFrom(fmt.Sprintf("198.51.100.%d, %s", i, stranger), "wang", "wrong wrong wrong"); code != want {
			t.Fatalf("wrong try %d: %d, want %d", i+1, code, want)
		}
	}
	if code := v.signInFrom("192.0.2.1", "wang", password); code != http.StatusSeeOther {
		t.Errorf("a stranger keeps wang out elsewhere: %d", code)
	}
	if code := v.signInFrom(stranger, "li", password); code != http.StatusSeeOther {
		t.Errorf("a stranger keeps li out at the same address: %d", code)
	}
}

// TestGuessingFromEverywhereIsSlowed: of one name from many addresses, and of many names from one.
func TestGuessingFromEverywhereIsSlowed(t *testing.T) {
	for name, key := range map[string]func(i int) (name, address string){
		"one name":    func(i int) (string, string) { return "wang", fmt.Sprint(i) },
		"one address": func(i int) (string, string) { return fmt.Sprint(i), "192.0.2.1" },
	} {
		all, now, tried := newTries(), today, 0
		for i := range 3600 { // a try a second from each
			now = now.Add(time.Second)
			who, from := key(i)
			if all.wait(who, from, now) == 0 {
				all.wrong(who, from, now)
				tried++
			}
		}
		if tried < 100 || tried > 701 {
			t.Errorf("%s: %d tries in an hour, want at most 100 and ten a minute", name, tried)
		}
	}
	all, now := newTries(), today
	for range 3600 { // a try a second from one address uses up no more than its own
		now = now.Add(time.Second)
		if all.wait("wang", "192.0.2.1", now) == 0 {
			all.wrong("wang", "192.0.2.1", now)
		}
	}
	if all.wait("wang", "192.0.2.1", now) == 0 || all.wait("wang", "192.0.2.2", now) > 0 || all.wait("li", "192.0.2.1", now) > 0 {
		t.Error("one person who tries once a second keeps others out")
	}
}

// TestWhereARequestComesFrom: a proxy is believed where it is trusted.
func TestWhereARequestComesFrom(t *testing.T) {
	s := &Server{Options: Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}
	for _, c := range []struct{ peer, noted, want, limited string }{
		{"192.0.2.1:99", "203.0.113.7", "192.0.2.1", "192.0.2.1"}, // no proxy of ours
		{"10.0.0.1:99", "", "10.0.0.1", "10.0.0.1"},
		{"10.0.0.1:99", "203.0.113.7", "203.0.113.7", "203.0.113.7"},
		{"10.0.0.1:99", "made up, 192.0.2.9, 203.0.113.7, 10.2.3.4", "203.0.113.7", "203.0.113.7"},
		{"[::ffff:10.0.0.1]:99", "203.0.113.7:5060", "203.0.113.7", "203.0.113.7"},
		{"[::1]:99", "[2001:db8:1:2::7]:99", "2001:db8:1:2::7", "2001:db8:1:2::/64"},
		{"10.0.0.1:99", "203.0.113.7, unknown", "10.0.0.1", "10.0.0.1"},
		{"10.0.0.1:99", "10.9.9.9", "10.9.9.9", "10.9.9.9"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": {c.noted}}}
		if got, limited := s.remote(r), s.limited(r); got != c.want || limited != c.limited {
			t.Errorf("%s with %q: %s and %s, want %s and %s", c.peer, c.noted, got, limited, c.want, c.limited)
		}
	}
}
