package authzen

import (
	"encoding/json"
	"strconv"

	"github.com/airlock-project/airlock/authz"
)

// answer is a decision with what its context says.
type answer struct {
	decision bool
	reason   string
	missing  authz.Action // what was asked for and not held
	tier     authz.Tier
	role     string // its id
	binding  string
	group    string // whose binding it is, if it is one of a group
	space    string // where the role is bound, or where the action is missing

	// status is that of an error, 0 for none. There is no decision then.
	status  int
	message string
}

// reasons are the words for the reasons of decisions.
var reasons = map[authz.Reason]string{
	authz.ReasonNotGranted:    "not_granted",
	authz.ReasonNoBaseline:    "space_read_missing",
	authz.ReasonReadOnlyToken: "read_only_phase",
	authz.ReasonExpired:       "expired",
	authz.ReasonByName:        "granted_by_name",
	authz.ReasonByTier:        "granted_by_tier",
	authz.ReasonDerivedRead:   "derived_read",
}

// The reasons that no decision has.
const (
	reasonNotFound     = "not_found" // missing, or hidden from the caller
	reasonAction       = "unknown_action"
	reasonSubjectType  = "unknown_subject_type"
	reasonResourceType = "unknown_resource_type"
)

// append writes the answer as JSON.
func (n *answer) append(out []byte) []byte {
	if n.status != 0 {
		out = append(out, `{"decision":false,"context":{"error":{"status":`...)
		out = appendInt(out, n.status)
		out = append(out, `,"message":`...)
		out = appendString(out, n.message)
		return append(out, `}}}`...)
	}
	out = append(out, `{"decision":`...)
	out = strconv.AppendBool(out, n.decision)
	out = append(out, `,"context":{"reason":`...)
	out = appendString(out, n.reason)
	if n.missing.Valid() {
		out = appendMember(out, "missing", n.missing.String())
	}
	if n.tier != authz.TierNone {
		out = appendMember(out, "tier", n.tier.String())
	}
	out = appendMember(out, "role", n.role)
	out = appendMember(out, "binding", n.binding)
	out = appendMember(out, "group", n.group)
	out = appendMember(out, "space", n.space)
	return append(out, `}}`...)
}

// appendMember writes a further member of an object unless it is empty.
func appendMember(out []byte, name, value string) []byte {
	if value == "" {
		return out
	}
	out = append(out, `,"`...)
	out = append(out, name...)
	out = append(out, `":`...)
	return appendString(out, value)
}

func appendInt(out []byte, n int) []byte { return strconv.AppendInt(out, int64(n), 10) }

// appendString writes a string. Ids are plain; whatever is not goes the long
// way.
func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			long, _ := json.Marshal(s) // a string cannot fail
			return append(out, long...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}
