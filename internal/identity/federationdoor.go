package identity

import (
	"encoding/json"
	"log/slog"
	"net/http"
)

// Where others find what they need to verify federation tokens (contract 13).
const (
	FederationDiscoveryPath = "/.well-known/openid-configuration"
	FederationKeysPath      = "/.well-known/jwks"
)

// FederationDiscovery describes this account as an OpenID provider that signs
// runs in elsewhere. Nobody signs in here through it.
func (s *Service) FederationDiscovery() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		publish(w, map[string]any{
			"issuer":                                s.federation.issuer,
			"jwks_uri":                              s.federation.issuer + FederationKeysPath,
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported":                      []string{"openid"},
			"claims_supported": []string{
				"aud", "exp", "iat", "iss", "jti", "nbf", "sub", "spaceId", "callerType", "callerId", "callerUlid", "runType", "runId", "scope",
			},
		})
	})
}

// FederationKeySetDoor serves the public keys.
func (s *Service) FederationKeySetDoor() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set, err := s.FederationKeySet(r.Context())
		if err != nil {
			slog.ErrorContext(r.Context(), "could not read the keys of federation tokens", "error", err)
			http.Error(w, "the keys cannot be read now", http.StatusServiceUnavailable)
			return
		}
		publish(w, set)
	})
}

// publish answers anybody. A new key is shown long before it signs, so that
// keeping the answer for some minutes costs nothing.
func publish(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_ = json.NewEncoder(w).Encode(body) // the client is gone if this fails
}
