package domain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Path is a space and its ancestors, nearest first.
type Path []Space

// Holds reports whether the path leads through a space.
func (p Path) Holds(id SpaceID) bool {
	return slices.ContainsFunc(p, func(s Space) bool { return s.ID == id })
}

// Reach returns the spaces whose entities may be used in the first space of
// the path, nearest first: its own, and ancestors over inherit-on edges
// (access model A114).
func (p Path) Reach() []SpaceID {
	var out []SpaceID
	for _, s := range p {
		out = append(out, s.ID)
		if !s.Inherit {
			break
		}
	}
	return out
}

// Reaches reports whether Reach has a space.
func (p Path) Reaches(to SpaceID) bool { return slices.Contains(p.Reach(), to) }

// Use says that a stack uses an entity of some space.
type Use struct {
	Stack       StackID
	StackSpace  SpaceID
	EntityKind  string // a kind of the audit trail, such as worker_pool
	Entity      string
	EntityName  string
	EntitySpace SpaceID
}

// entity names what is used, for example "context net of space apps".
func (u Use) entity() string {
	name := u.Entity
	if u.EntityName != u.Entity {
		name = fmt.Sprintf("%s (%s)", u.EntityName, u.Entity)
	}
	return fmt.Sprintf("%s %s of space %s", strings.ReplaceAll(u.EntityKind, "_", " "), name, u.EntitySpace)
}

// spelledOut is how many losses the text of a refusal spells out; all that may
// be named are in its details.
const spelledOut = 20

// Cut refuses a change that would take something away from stacks: lost are
// the uses that the caller may know of, hidden counts the others.
func Cut(lost []Use, hidden int) *Error {
	e := Conflict("%s", cutText(lost, hidden))
	e.Details = map[string]any{"losses": lossDetails(lost), "hiddenLosses": hidden}
	return e
}

func cutText(lost []Use, hidden int) string {
	var parts []string
	for i, u := range lost {
		switch {
		case i == spelledOut:
			parts = append(parts, fmt.Sprintf("and %d more", len(lost)-i))
		case i > spelledOut:
		case i > 0 && lost[i-1].Stack == u.Stack:
			parts[len(parts)-1] += " and " + u.entity()
		default:
			parts = append(parts, fmt.Sprintf("stack %s of space %s would lose %s", u.Stack, u.StackSpace, u.entity()))
		}
	}
	switch {
	case hidden > 0 && lost == nil:
		parts = append(parts, "stacks would lose what they use; out of your sight: "+strconv.Itoa(hidden))
	case hidden > 0:
		parts = append(parts, "and out of your sight: "+strconv.Itoa(hidden))
	}
	return strings.Join(parts, "; ")
}

func lossDetails(lost []Use) []map[string]any {
	out := make([]map[string]any, len(lost))
	for i, u := range lost {
		out[i] = map[string]any{
			"stack": u.Stack, "stackSpace": u.StackSpace,
			"entityKind": u.EntityKind, "entity": u.Entity, "entityName": u.EntityName, "entitySpace": u.EntitySpace,
		}
	}
	return out
}
