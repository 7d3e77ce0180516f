package outbound_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/outbound"
)

// TestCase137AddressesInsideAreRefused walks what must not be reached by naming
// it, and what may be.
func TestCase137AddressesInsideAreRefused(t *testing.T) {
	refused := `127.0.0.1 127.8.9.1 ::1 ::ffff:127.0.0.1 0.0.0.0 :: 10.1.2.3 172.16.0.1 172.31.255.254 192.168.1.1 ::ffff:10.0.0.1 169.254.169.254
		169.254.1.1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 224.0.0.1 ff02::1 255.255.255.255 100.64.0.1 100.100.100.200 168.63.129.16 198.18.0.1
		192.0.2.1 192.0.0.192 203.0.113.9 240.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::7f00:1 2002:7f00:1:: 2001:0:7f00:1:: ::7f00:1 2001:db8::1 0.1.2.3`
	for _, text := range strings.Fields(refused) {
		if outbound.Allowed(netip.MustParseAddr(text), nil) {
			t.Errorf("%s may be called", text)
		}
	}
	for _, text := range strings.Fields(`140.82.121.6 8.8.8.8 172.15.0.1 172.32.0.1 100.128.0.1 2606:50c0:8000::153 2a00:1450:4001::1 ::ffff:140.82.121.6`) {
		if !outbound.Allowed(netip.MustParseAddr(text), nil) {
			t.Errorf("%s may not be called", text)
		}
	}
	all, err := outbound.ParseAllow([]string{"10.1.0.0/16", "127.0.0.1", "fd12::/16", "0.0.0.0/0", "::/0"})
	if err != nil {
		t.Fatal(err)
	}
	some := all[:3]
	for text, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": true, "127.0.0.2": false, "fd12::1": true, "fd13::1": false, "::1": false} {
		if got := outbound.Allowed(netip.MustParseAddr(text), some); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	for _, text := range strings.Fields(`169.254.169.254 ::ffff:169.254.169.254 fd00:ec2::254 100.100.100.200 168.63.129.16`) { // whatever is allowed
		if outbound.Allowed(netip.MustParseAddr(text), all) {
			t.Errorf("%s may be called", text)
		}
	}
	for _, text := range []string{"", "localhost", "10.1.0.0/33", "10.1.0.0/16,10.2.0.0/16", "fe80::1%eth0"} {
		if p, err := outbound.ParseAllow([]string{text}); err == nil {
			t.Errorf("%q is %v", text, p)
		}
	}
}

// TestCase137NamesAreCheckedWhenTheyAreCalled calls a server of this machine by
// everything that leads to it: the address counts, not how it is written.
func TestCase137NamesAreCheckedWhenTheyAreCalled(t *testing.T) {
	called := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called++
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	strict := outbound.NewClient(outbound.Options{Timeout: 5 * time.Second})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "github.com@127.0.0.1", "[::1]"} {
		answer, err := strict.Get("http://" + host + ":" + port + "/")
		if err == nil {
			t.Errorf("%s answered %s", host, answer.Status)
			_ = answer.Body.Close()
		}
		if !errors.Is(err, outbound.ErrNotAllowed) {
			t.Errorf("%s: %v", host, err)
		}
	}
	// How systems may read these differs; none gets through.
	for _, host := range []string{"localhost.", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"} {
		if answer, err := strict.Get("http://" + host + ":" + port + "/"); err == nil {
			t.Errorf("%s answered %s", host, answer.Status)
			_ = answer.Body.Close()
		}
	}
	if called != 0 {
		t.Errorf("the server was called %d times", called)
	}
	allow, err := outbound.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	open := outbound.NewClient(outbound.Options{Timeout: 5 * time.Second, Allow: allow})
	answer, err := open.Post("http://127.0.0.1:"+port+"/away", "text/plain", bytes.NewReader(nil))
	if err != nil || answer.StatusCode != http.StatusTemporaryRedirect || called != 1 {
		t.Fatalf("%v, %v after %d calls", answer, err, called)
	}
	_ = answer.Body.Close()
	for _, where := range []string{"http://127.0.0.1:22/", "http://127.0.0.1:25/"} {
		if answer, err := open.Get(where); !errors.Is(err, outbound.ErrNotAllowed) {
			t.Errorf("%s: %v, %v", where, answer, err)
			if err == nil {
				_ = answer.Body.Close()
			}
		}
	}
}

// TestCase137OtherServersAreNotBelieved refuses a certificate of nobody.
func TestCase137OtherServersAreNotBelieved(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	allow, err := outbound.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	get := func(roots *x509.CertPool) error {
		answer, err := outbound.NewClient(outbound.Options{Timeout: 5 * time.Second, Allow: allow, Roots: roots}).Get(server.URL)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err
	}
	own := x509.NewCertPool()
	own.AddCert(server.Certificate())
	if err := get(own); err != nil {
		t.Error(err)
	}
	if err := get(nil); err == nil {
		t.Error("a certificate of nobody counts")
	}
}
