package secrets

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"testing"
)

// envelopeKeys are one key of each kind.
func envelopeKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	out := map[string]crypto.Signer{}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	out["RSA"] = key
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		if out[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestCase88Envelope: what is sealed for a key opens with that key, for the
// same purpose and unchanged, and not otherwise.
func TestCase88Envelope(t *testing.T) {
	others := envelopeKeys(t)
	for name, key := range envelopeKeys(t) {
		t.Run(name, func(t *testing.T) {
			plain := []byte("secret of the run")
			sealed, err := SealEnvelope(key.Public(), "run 1", plain)
			if err != nil || bytes.Contains(sealed, plain) {
				t.Fatalf("%x, %v", sealed, err)
			}
			if got, err := OpenEnvelope(key, "run 1", sealed); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("opened %q, %v", got, err)
			}
			if again, _ := SealEnvelope(key.Public(), "run 1", plain); bytes.Equal(again, sealed) {
				t.Error("the same text is sealed alike")
			}
			if _, err := OpenEnvelope(key, "run 2", sealed); !errors.Is(err, ErrSealed) {
				t.Errorf("for another run: %v", err)
			}
			for who, other := range others {
				if _, err := OpenEnvelope(other, "run 1", sealed); !errors.Is(err, ErrSealed) {
					t.Errorf("with another's %s key: %v", who, err)
				}
			}
			for i := range sealed {
				bad := bytes.Clone(sealed)
				bad[i] ^= 1
				if _, err := OpenEnvelope(key, "run 1", bad); !errors.Is(err, ErrSealed) {
					t.Fatalf("with byte %d changed: %v", i, err)
				}
			}
			for _, n := range []int{0, 1, 2, len(sealed) / 2, len(sealed) - 1} {
				if _, err := OpenEnvelope(key, "run 1", sealed[:n]); !errors.Is(err, ErrSealed) {
					t.Errorf("cut to %d bytes: %v", n, err)
				}
			}
		})
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SealEnvelope(public, "", nil); err == nil {
		t.Error("sealed for a key that only signs")
	}
	if _, err := OpenEnvelope(private, "", []byte{1}); err == nil {
		t.Error("opened with a key that only signs")
	}
}

func TestParsePrivateKey(t *testing.T) {
	for name, key := range envelopeKeys(t) {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		for form, given := range map[string]string{"PEM": string(text), "base64": base64.StdEncoding.EncodeToString(text) + "\n"} {
			got, err := ParsePrivateKey(given)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, form, err)
			}
			want, _ := Fingerprint(key.Public())
			if have, err := Fingerprint(got.Public()); err != nil || have != want {
				t.Errorf("%s, %s: %s, %v", name, form, have, err)
			}
		}
	}
	for _, bad := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"} {
		if _, err := ParsePrivateKey(bad); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
}
