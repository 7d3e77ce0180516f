// Package outbound makes the HTTP client with which the server calls other
// hosts: those that somebody who uses the server has named, and who must not
// reach by it what only the server can reach. It knows nothing of what is sent.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrNotAllowed is in the chain of errors of calls to addresses that the server
// must not call.
var ErrNotAllowed = errors.New("the server may not call this address")

// Options say what a client may do.
type Options struct {
	Allow   []netip.Prefix // networks that may be called although they are not public
	Timeout time.Duration  // of a whole call
	Roots   *x509.CertPool // whose certificates count; nil: the system's
}

// NewClient returns a client that calls public addresses and those that are
// allowed. What a name stands for is checked when the connection is made, so
// that a name cannot change in between. It follows no redirect, uses no proxy,
// and keeps no cookies.
func NewClient(o Options) *http.Client {
	dialer := &net.Dialer{
		Timeout: o.Timeout,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			return check(network, address, o.Allow)
		},
	}
	return &http.Client{
		Timeout: o.Timeout,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    o.Timeout,
			ResponseHeaderTimeout:  o.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func check(network, address string, allow []netip.Prefix) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: %s", ErrNotAllowed, network)
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	if at.Port() != 443 && at.Port() != 80 && at.Port() < 1024 {
		return fmt.Errorf("%w: port %d is no port of web servers", ErrNotAllowed, at.Port())
	}
	if !Allowed(at.Addr(), allow) {
		return ErrNotAllowed
	}
	return nil
}

// never are the addresses at which clouds tell machines who they are. No list
// opens them.
var never = prefixes("169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128",
	"100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")

// special are networks beside loopback, link-local, private and multicast ones
// that are no public hosts, or that lead to IPv4 addresses in disguise.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
)

// Allowed reports whether an address may be called: a public one, or one of a
// network that is allowed.
func Allowed(a netip.Addr, allow []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	if within(a, never) {
		return false
	}
	if within(a, allow) {
		return true
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !within(a, special)
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// ParseAllow reads networks such as 10.1.0.0/16, or single addresses.
func ParseAllow(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, t := range texts {
		p, err := netip.ParsePrefix(t)
		if a, err2 := netip.ParseAddr(t); err2 == nil && a.Zone() == "" {
			a = a.Unmap()
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither a network, such as 10.1.0.0/16, nor an address", t)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}
