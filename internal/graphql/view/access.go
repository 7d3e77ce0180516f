package view

import (
	"sort"

	"github.com/airlock-project/airlock/internal/domain"
)

// APIKey is an API key as the API shows it.
type APIKey struct {
	domain.APIKey
	Admin      bool   // holds Space admin at root
	SpaceCount int    // spaces it holds a role in
	Secret     string // only in the answer of its creation
	Deleted    bool   // only in the answer of its deletion
}

func (k *APIKey) CreatedAt() int      { return Seconds(k.APIKey.CreatedAt) }
func (k *APIKey) ExpiresAt() *int     { return OptionalSeconds(k.APIKey.ExpiresAt) }
func (k *APIKey) LastUsedAt() *int    { return OptionalSeconds(k.APIKey.LastUsedAt) }
func (k *APIKey) TeamCount() int      { return len(k.Groups) }
func (k *APIKey) Teams() []string     { return k.Groups }
func (k *APIKey) IsMachineUser() bool { return true }

// OidcSettings are the tokens that the key accepts, nil for one with a secret.
func (k *APIKey) OidcSettings() *APIKeyOIDCSettings {
	if k.OIDC == nil {
		return nil
	}
	return &APIKeyOIDCSettings{*k.OIDC}
}

// APIKeyOIDCSettings say which tokens stand for a key.
type APIKeyOIDCSettings struct{ domain.APIKeyOIDCSettings }

func (s *APIKeyOIDCSettings) ClientID() string { return s.APIKeyOIDCSettings.ClientID }

// ClaimMapping is the mapping in the form of the API, sorted by name.
func (s *APIKeyOIDCSettings) ClaimMapping() *ClaimMapping {
	m := &ClaimMapping{}
	for name, value := range s.ClaimMappings {
		m.Entries = append(m.Entries, ClaimMappingEntry{Name: name, Value: value})
	}
	sort.Slice(m.Entries, func(i, j int) bool { return m.Entries[i].Name < m.Entries[j].Name })
	return m
}

// ClaimMapping says how claims are carried over.
type ClaimMapping struct{ Entries []ClaimMappingEntry }

// ClaimMappingEntry is one claim carried over.
type ClaimMappingEntry struct{ Name, Value string }

// Role is a role as the API shows it.
type Role struct {
	domain.Role
	// Bindings counts its bindings; nil where that is not known yet.
	Bindings *int
}

func (r *Role) IsSystem() bool { return r.System }

// Actions are the actions in the spelling of the API.
func (r *Role) Actions() []string {
	out := make([]string, len(r.Role.Actions))
	for i, a := range r.Role.Actions {
		out[i] = a.Enum()
	}
	return out
}
