package domain

import "time"

// APIKeyType says how a key proves itself.
type APIKeyType string

// The key types of the contract.
const (
	APIKeySecret APIKeyType = "SECRET"
	APIKeyOIDC   APIKeyType = "OIDC"
)

// APIKey is a virtual user for automation (access model A171-A175).
type APIKey struct {
	ID          APIKeyID
	Name        string
	Description string
	Type        APIKeyType
	SecretHash  []byte // SHA-256 of the secret; the secret itself is never stored
	Groups      []string
	OIDC        *APIKeyOIDCSettings // nil unless Type is APIKeyOIDC
	Creator     string              // audit name
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: never
	LastUsedAt  time.Time // zero: never used
}

// APIKeyOIDCSettings ties a key to tokens of an identity provider (A176-A178).
type APIKeyOIDCSettings struct {
	Issuer            string
	ClientID          string
	SubjectExpression string
	ClaimMappings     map[string]string
}

// AuditName is how the audit trail names the key (access model R9).
func (id APIKeyID) AuditName() string { return "api::" + string(id) }

// AuditName is how the audit trail names a stack that acts.
func (id StackID) AuditName() string { return "stack::" + string(id) }

// Live reports whether the key may still be used at the given time.
func (k APIKey) Live(now time.Time) bool {
	return k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt)
}

// Check validates the fields that a caller may set.
func (k APIKey) Check() error {
	if err := CheckName("name", k.Name); err != nil {
		return err
	}
	if err := CheckText("description", k.Description); err != nil {
		return err
	}
	if len(k.Groups) > MaxList {
		return Invalid("teams", "must not have more than %d entries", MaxList)
	}
	for _, g := range k.Groups {
		if err := CheckName("teams", g); err != nil {
			return err
		}
	}
	if k.OIDC == nil {
		return nil
	}
	if len(k.OIDC.ClaimMappings) > MaxList {
		return Invalid("oidc.claimMapping", "must not have more than %d entries", MaxList)
	}
	for name, claim := range k.OIDC.ClaimMappings {
		for _, s := range []string{name, claim} {
			if err := CheckName("oidc.claimMapping", s); err != nil {
				return err
			}
		}
	}
	return nil
}
