package secrets

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// An envelope is encrypted to the holder of a private key. Its first byte says
// how:
//
//	1: RSA. A random AES-256 key by RSA-OAEP with SHA-256 (as long as the
//	   modulus), then nonce (12), ciphertext and tag (16) of AES-256-GCM.
//	2: ECDSA, used for ECDH. HPKE (RFC 9180) with HKDF-SHA256 and AES-256-GCM.
//
// What it belongs to is authenticated as additional data, or as HPKE's info.
const (
	envelopeRSA  = 1
	envelopeHPKE = 2
)

// errKey says that a key cannot receive envelopes.
var errKey = errors.New("envelopes need an RSA or an ECDSA key")

// SealEnvelope encrypts plain to the holder of an *rsa.PublicKey's or
// *ecdsa.PublicKey's private key. OpenEnvelope succeeds only under the same aad.
func SealEnvelope(to crypto.PublicKey, aad string, plain []byte) ([]byte, error) {
	switch key := to.(type) {
	case *rsa.PublicKey:
		var data [KeySize]byte
		_, _ = rand.Read(data[:]) // never fails
		wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, data[:], nil)
		if err != nil {
			return nil, fmt.Errorf("wrap an envelope's key: %w", err)
		}
		out := append([]byte{envelopeRSA}, wrapped...)
		return newAEAD(data[:]).Seal(out, nil, plain, []byte(aad)), nil
	case *ecdsa.PublicKey:
		point, err := key.ECDH()
		if err != nil {
			return nil, errKey
		}
		to, err := hpke.NewDHKEMPublicKey(point)
		if err != nil {
			return nil, fmt.Errorf("seal an envelope: %w", err)
		}
		sealed, err := hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(aad), plain)
		if err != nil {
			return nil, fmt.Errorf("seal an envelope: %w", err)
		}
		return append([]byte{envelopeHPKE}, sealed...), nil
	default:
		return nil, errKey
	}
}

// OpenEnvelope decrypts what SealEnvelope made for this key and aad, else it
// returns ErrSealed.
func OpenEnvelope(key crypto.PrivateKey, aad string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, ErrSealed
	}
	kind, sealed := sealed[0], sealed[1:]
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if kind != envelopeRSA || len(sealed) < key.Size() {
			return nil, ErrSealed
		}
		data, err := rsa.DecryptOAEP(sha256.New(), nil, key, sealed[:key.Size()], nil)
		if err != nil || len(data) != KeySize {
			return nil, ErrSealed
		}
		plain, err := newAEAD(data).Open(nil, nil, sealed[key.Size():], []byte(aad))
		if err != nil {
			return nil, ErrSealed
		}
		return plain, nil
	case *ecdsa.PrivateKey:
		point, err := key.ECDH()
		if err != nil || kind != envelopeHPKE {
			return nil, ErrSealed
		}
		private, err := hpke.NewDHKEMPrivateKey(point)
		if err != nil {
			return nil, ErrSealed
		}
		plain, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte(aad), sealed)
		if err != nil {
			return nil, ErrSealed
		}
		return plain, nil
	default:
		return nil, errKey
	}
}

// Fingerprint names a public key: the SHA-256 of its PKIX form, in base64.
func Fingerprint(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", errKey
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// CertificateKey returns the public key of a certificate in PEM form.
func CertificateKey(certificate string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(certificate))
	if block == nil {
		return nil, errors.New("not a certificate in PEM form")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	return parsed.PublicKey, nil
}

// ParsePrivateKey reads an RSA or ECDSA key in PEM form (PKCS #8, PKCS #1 or
// SEC 1), or the base64 of that.
func ParsePrivateKey(text string) (crypto.Signer, error) {
	text = strings.TrimSpace(text)
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
		text = string(raw)
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("must be a private key in PEM form, or the base64 of that")
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("read a private key: %w", err)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return key, nil
	case *ecdsa.PrivateKey:
		return key, nil
	default:
		return nil, errKey
	}
}
