package workers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const (
	// maxRequest bounds a certificate signing request, in bytes of base64.
	maxRequest = 16 << 10
	// certified is how long certificates last: a pool's ends with its next
	// reset, so that what a worker was started with stays good until then.
	certified = 20 * 365 * 24 * time.Hour
	// backdated is how much a worker's clock may be behind.
	backdated    = time.Hour
	minRSA       = 2048
	maxRSA       = 8192
	requestField = "certificateSigningRequest"
)

// certify signs the certificate of a pool for the key of a certificate signing
// request, and returns its PEM form. Of the request only the key counts: the
// name in the certificate is the pool's id.
func certify(ctx context.Context, tx Tx, p access.Permit, w domain.WorkerPool, request string) (string, error) {
	key, err := requestedKey(request)
	if err != nil {
		return "", err
	}
	issuer, signer, err := authority(ctx, tx, p)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: string(w.ID)}, KeyUsage: x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	return sign(template, issuer, key, signer, tx.Now())
}

// requestedKey reads a certificate signing request as base64 of its PEM form.
func requestedKey(request string) (crypto.PublicKey, error) {
	if len(request) > maxRequest {
		return nil, domain.Invalid(requestField, "must not be longer than %d bytes", maxRequest)
	}
	raw, err := base64.StdEncoding.DecodeString(request)
	if err != nil {
		return nil, domain.Invalid(requestField, "must be base64")
	}
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, domain.Invalid(requestField, "must be the base64 of a PEM block of type CERTIFICATE REQUEST")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = csr.CheckSignature()
	}
	if err != nil {
		return nil, domain.Invalid(requestField, "is not a certificate signing request that its own key has signed")
	}
	switch key := csr.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < minRSA || n > maxRSA {
			return nil, domain.Invalid(requestField, "must be for an RSA key of %d to %d bits, not %d", minRSA, maxRSA, n)
		}
	case *ecdsa.PublicKey:
		if _, err := key.ECDH(); err != nil {
			return nil, domain.Invalid(requestField, "must be for a key of the curve P-256, P-384 or P-521")
		}
	default:
		return nil, domain.Invalid(requestField, "must be for an RSA or ECDSA key: runs are encrypted to it")
	}
	return csr.PublicKey, nil
}

// authority returns what signs the certificates of pools, and makes it for the
// first one.
func authority(ctx context.Context, tx Tx, p access.Permit) (*x509.Certificate, crypto.Signer, error) {
	text, der, err := tx.WorkerAuthority(ctx)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		if err := makeAuthority(ctx, tx, p); err != nil {
			return nil, nil, fmt.Errorf("make the workers' certificate authority: %w", err)
		}
		text, der, err = tx.WorkerAuthority(ctx) // somebody may have been faster
	}
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode([]byte(text))
	key, err := x509.ParsePKCS8PrivateKey(der)
	if block == nil || err != nil {
		return nil, nil, errors.New("the workers' certificate authority cannot be read")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, nil, errors.New("the workers' certificate authority cannot be read")
	}
	return certificate, signer, nil
}

func makeAuthority(ctx context.Context, tx Tx, p access.Permit) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Airlock workers"}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	text, err := sign(template, template, key.Public(), key, tx.Now())
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return tx.InsertWorkerAuthority(ctx, p, text, der)
}

func sign(template, issuer *x509.Certificate, key crypto.PublicKey, signer crypto.Signer, now time.Time) (string, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return "", err
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, now.Add(-backdated), now.Add(certified)
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key, signer)
	if err != nil {
		return "", fmt.Errorf("sign a worker pool's certificate: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}
