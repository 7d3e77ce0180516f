package pushes

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// fresh is how far the time of a signed message may be off.
const fresh = 5 * time.Minute

func sign(key []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		_, _ = mac.Write([]byte(p)) // a hash never fails
	}
	return mac.Sum(nil)
}

// signedGitHub checks X-Hub-Signature-256, the HMAC of the body. The older
// SHA-1 header counts for nothing.
func signedGitHub(m message, secret string, _ time.Time) bool {
	given, found := strings.CutPrefix(m.one("X-Hub-Signature-256"), "sha256=")
	mac, err := hex.DecodeString(given)
	want := sign([]byte(secret), string(m.body))
	return hmac.Equal(mac, want) && found && err == nil && secret != ""
}

// signedGitLab checks the signature that newer versions can be told to send.
// Where there is none, the token that comes with the message must be the secret.
func signedGitLab(m message, secret string, now time.Time) bool {
	if m.header.Values("Webhook-Signature") != nil {
		return signedStandard(m, secret, now)
	}
	given, want := sha256.Sum256([]byte(m.one("X-Gitlab-Token"))), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1 && secret != ""
}

// signedStandard checks a signature by the Standard Webhooks specification:
// the HMAC of id, time and body, one of those that stand in the header.
func signedStandard(m message, secret string, now time.Time) bool {
	id, at := m.one("Webhook-Id"), m.one("Webhook-Timestamp")
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	want := sign(key, id, ".", at, ".", string(m.body))
	signed := false
	for given := range strings.FieldsSeq(m.one("Webhook-Signature")) {
		text, found := strings.CutPrefix(given, "v1,")
		mac, err := base64.StdEncoding.DecodeString(text)
		signed = hmac.Equal(mac, want) && found && err == nil || signed
	}
	seconds, wrong := strconv.ParseInt(at, 10, 64)
	age := now.Sub(time.Unix(seconds, 0))
	return signed && err == nil && wrong == nil && len(key) > 0 && id != "" && age < fresh && age > -fresh
}

// idKey is for messages whose id is signed.
func idKey(m message) string { return digest([]byte(m.one("Webhook-Id"))) }
