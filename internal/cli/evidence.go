package cli

import (
	"fmt"
	"strings"
)

// evidence is what a right rests on, as the API shows it.
type evidence struct {
	Kind      string  `json:"kind"`
	Relation  string  `json:"relation"`
	BindingID *string `json:"bindingId"`
	RoleID    string  `json:"roleId"`
	RoleSlug  string  `json:"roleSlug"`
	RoleName  string  `json:"roleName"`
	SpaceID   *string `json:"spaceId"`
	SpaceName *string `json:"spaceName"`
	Entity    *named  `json:"entity"`
	GroupID   *string `json:"groupId"`
	GroupName *string `json:"groupName"`
	NotAfter  *int64  `json:"notAfter"`
	Expired   bool    `json:"expired"`
}

const evidenceFields = `kind relation bindingId roleId roleSlug roleName spaceId spaceName entity { kind id } groupId groupName notAfter expired`

// String tells what it is, where, of whom and until when.
func (e *evidence) String() string {
	if e.Kind == "ALWAYS_ADMIN" {
		return "the administration of the account that is always there"
	}
	s := "role " + e.RoleSlug + " " + e.where()
	switch e.Kind {
	case "FLAG":
		s = "the administrative flag of the stack, which stands for " + s
	case "SESSION":
		s += ", given by the sign-in"
	}
	if e.GroupName != nil {
		s += ", of group " + *e.GroupName
	}
	if e.NotAfter != nil {
		verb := "until"
		if e.Expired {
			verb = "ended"
		}
		s += fmt.Sprintf(", %s %s", verb, moment(e.NotAfter))
	}
	if e.BindingID != nil {
		s += " (binding " + *e.BindingID + ")"
	}
	return s
}

// where is the entity or the space in which it is bound.
func (e *evidence) where() string {
	if e.Entity != nil {
		return "on " + e.Entity.String()
	}
	return "in " + spaceText(e.SpaceID, e.SpaceName)
}

// relations are how the places of evidence are seen from the target.
var relations = map[string]string{
	"HERE": "in the same space", "ABOVE": "above, so that it counts here", "CLIMBS": "below, from where only space:read climbs",
	"BELOW": "below, where it does not count for this", "ELSEWHERE": "elsewhere, where it does not count for this", "ENTITY": "on the target itself",
}

// near tells evidence that did not suffice.
func (e *evidence) near() string {
	relation, known := relations[e.Relation]
	if !known {
		relation = strings.ToLower(e.Relation)
	}
	return e.String() + ": " + relation
}

// spaceText calls a space by its name, its id, or neither.
func spaceText(id, name *string) string {
	switch {
	case name != nil && *name != "":
		return *name
	case id != nil:
		return *id
	default:
		return "a hidden space"
	}
}

// target is what a question was about, as the API shows it.
type target struct {
	Kind      string  `json:"kind"`
	TargetID  string  `json:"targetId"`
	Name      *string `json:"name"`
	SpaceID   *string `json:"spaceId"`
	SpaceName *string `json:"spaceName"`
}

const targetFields = `kind targetId name spaceId spaceName`

// String calls it by its name where that is known.
func (t target) String() string {
	name := t.TargetID
	if t.Name != nil && *t.Name != "" {
		name = *t.Name
	}
	if t.Kind == "SPACE" {
		return "space " + name
	}
	s := strings.ReplaceAll(strings.ToLower(t.Kind), "_", " ") + " " + name
	if t.SpaceID != nil {
		s += " of " + spaceText(t.SpaceID, t.SpaceName)
	}
	return s
}
