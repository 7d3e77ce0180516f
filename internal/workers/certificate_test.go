package workers_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"testing"

	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/workers"
)

// requestFor is a certificate signing request for a key.
func requestFor(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return encoded("CERTIFICATE REQUEST", der)
}

func certificate(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no certificate: %q", text)
	}
	out, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCertificate: a pool's config holds a certificate for the key of its
// request, signed by the account, and another one after a reset.
func TestCertificate(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	csr := requestFor(t, key)
	each(t, func(t *testing.T, b bench) {
		ann := b.As(t, "ann")
		made, err := b.Create(ann, workers.Input{Name: "x", Space: "apps", Request: csr})
		if err != nil {
			t.Fatal(err)
		}
		var in struct{ Pool, Certificate string }
		raw, _ := base64.StdEncoding.DecodeString(made.Config)
		if err := json.Unmarshal(raw, &in); err != nil || in.Pool != string(made.ID) || in.Certificate != made.Certificate {
			t.Fatalf("config %s, %v", raw, err)
		}
		pool := certificate(t, in.Certificate)
		if pool.Subject.CommonName != string(made.ID) || !key.PublicKey.Equal(pool.PublicKey) || pool.IsCA {
			t.Errorf("certificate of %v", pool.Subject)
		}
		var authority string
		b.View(t, func(tx *store.Tx) (err error) { authority, _, err = tx.WorkerAuthority(t.Context()); return err })
		roots := x509.NewCertPool()
		roots.AddCert(certificate(t, authority))
		verify := x509.VerifyOptions{Roots: roots, CurrentTime: b.Clock.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		if _, err := pool.Verify(verify); err != nil {
			t.Error(err)
		}
		reset, err := b.Reset(ann, made.ID, request(t))
		if err != nil {
			t.Fatal(err)
		}
		second := certificate(t, reset.Certificate)
		if _, err := second.Verify(verify); err != nil || key.PublicKey.Equal(second.PublicKey) || second.SerialNumber.Cmp(pool.SerialNumber) == 0 {
			t.Errorf("after a reset: %v", err)
		}
		if config, err := b.Config(ann, "of-apps"); err != nil || token(t, config) == "" {
			t.Errorf("a pool without a certificate has the config %q, %v", config, err)
		}
	})
}

// TestCertificateKeys: runs are encrypted to the key, so it must be able to.
func TestCertificateKeys(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		short, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		_, edwards, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for name, key := range map[string]crypto.Signer{"short": short, "ed25519": edwards} {
			b.Invalid(t, "certificateSigningRequest", func() error {
				_, err := b.Create(b.As(t, "ann"), workers.Input{Name: name, Space: "apps", Request: requestFor(t, key)})
				return err
			})
		}
	})
}
