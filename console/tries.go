package console

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/access"
)

// tries slow the guessing of passwords. Wrong ones alone count, and first those of a name
// from one address: whoever guesses there keeps nobody out elsewhere. A name from
// everywhere, and an address whatever the name, have a far wider bound, which one person
// who tries once a second does not use up. Sign-ins that a provider is asked for count
// by themselves.
type tries struct{ near, wide, provider *access.Limiter }

func newTries() tries {
	wide := func() *access.Limiter { return access.NewLimiter(6*time.Second, 100) }
	return tries{near: access.NewLimiter(time.Minute, 10), wide: wide(), provider: wide()}
}

// waitError says that too many wrong passwords were tried.
type waitError struct{ wait time.Duration }

func (e waitError) Error() string { return fmt.Sprintf("too many tries: wait %s", e.wait) }

// wait is how long a name must wait at an address.
func (t tries) wait(name, address string, now time.Time) time.Duration {
	return max(t.near.Wait(name+" at "+address, now), t.wide.Wait("name "+name, now), t.wide.Wait("address "+address, now))
}

// wrong counts a wrong password.
func (t tries) wrong(name, address string, now time.Time) {
	t.near.Allow(name+" at "+address, now)
	t.wide.Allow("name "+name, now)
	t.wide.Allow("address "+address, now)
}

// right gives a name its tries at an address again.
func (t tries) right(name, address string) { t.near.Forget(name + " at " + address) }

// remote is the address that a request comes from. A proxy in between is believed where it
// is among Proxies: of the addresses that they have noted counts the last one that is no
// such proxy, since whatever stands before it may have been made up.
func (s *Server) remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !s.proxy(at) {
			break
		}
		before, ok := parseHop(hop)
		if !ok {
			break
		}
		at = before
	}
	return at.Unmap().WithZone("").String()
}

func (s *Server) proxy(at netip.Addr) bool {
	at = at.Unmap().WithZone("")
	return slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(at) })
}

// parseHop reads an address as proxies note it, some with its port.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return at, true
	}
	both, err := netip.ParseAddrPort(text)
	return both.Addr(), err == nil
}

// limited is the address as limits count it: of IPv6 the network, since one machine has
// all addresses of it.
func (s *Server) limited(r *http.Request) string {
	text := s.remote(r)
	if at, err := netip.ParseAddr(text); err == nil && at.Is6() {
		if network, err := at.Prefix(64); err == nil {
			return network.String()
		}
	}
	return text
}
