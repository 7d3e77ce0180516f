package authz

// Tier is one of the three coarse access classes that decide an action which
// no role grants by name (A23). Tiers are nested: a higher one includes the
// lower ones (A26).
type Tier uint8

// The tiers, lowest first. TierNone satisfies no fallback.
const (
	TierNone Tier = iota
	TierReader
	TierWriter
	TierAdmin
)

// String returns "none", "reader", "writer" or "admin".
func (t Tier) String() string {
	switch t {
	case TierReader:
		return "reader"
	case TierWriter:
		return "writer"
	case TierAdmin:
		return "admin"
	default:
		return "none"
	}
}

// covers reports whether holding t suffices for an action with the fallback
// f. An action without a fallback is covered by nothing.
func (t Tier) covers(f Tier) bool { return f != TierNone && t >= f }

// tierOf is the tier that a set of actions carries, by its space:* members.
func tierOf(set ActionSet) Tier {
	switch {
	case set.Has(ActionSpaceAdmin):
		return TierAdmin
	case set.Has(ActionSpaceWrite):
		return TierWriter
	case set.Has(ActionSpaceRead):
		return TierReader
	default:
		return TierNone
	}
}
