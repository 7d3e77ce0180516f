package graphql

import (
	"slices"

	"github.com/airlock-project/airlock/authz"
)

// cell is one answer of the permission matrix.
type cell string

// What the API can answer to a caller in one relation.
const (
	yes      cell = "yes"
	no       cell = "no"        // FORBIDDEN, naming what is missing
	hidden   cell = "hidden"    // not found, or null: as if it did not exist
	nameOnly cell = "name only" // the bare path of a space (A37)
	listed   cell = "listed"
	unlisted cell = "–"
)

// The rest of this file says what is to be expected: the access model once
// more, for a caller with one role in one space, from its text. It shares
// nothing with the gate and the decisions but the catalogue of actions.

// tree is the space tree by id.
type tree map[string]branchSpace

// holder is a caller with one role in one space; the zero holder has none.
type holder struct {
	actions []authz.Action
	space   string
}

// encloses reports whether a space is another one or above it.
func (t tree) encloses(above, space string) bool {
	for space != "" && space != above {
		space = t[space].parent
	}
	return above != "" && space == above
}

// standing is what a holder has in one space: the actions that his role names
// there (A27), and whether he may read (A28-A34).
type standing struct {
	named []authz.Action
	reads bool
}

func (t tree) standing(h holder, space string) (s standing) {
	if t.encloses(h.space, space) {
		s.named = h.actions
		if slices.Contains(h.actions, authz.ActionStackManage) { // R4
			s.named = append([]authz.Action{
				authz.ActionStackCreate, authz.ActionStackUpdate, authz.ActionStackReslug,
				authz.ActionStackAddConfig, authz.ActionStackDeleteConfig,
			}, s.named...)
		}
	}
	s.reads = slices.Contains(s.named, authz.ActionSpaceRead) || t.climbs(h, space)
	return s
}

// climbs reports whether read access climbs from the holder's space to another
// one, by edges that inherit (A28-A30, A33).
func (t tree) climbs(h holder, space string) bool {
	if !slices.Contains(h.actions, authz.ActionSpaceRead) {
		return false
	}
	at := h.space
	for at != "" && at != space && t[at].inherit {
		at = t[at].parent
	}
	return at != "" && at == space && at != h.space
}

// can is steps 6 and 7: by name, or by the fallback tier, which counts only
// for a reader (A21-A26, R5, R14).
func (s standing) can(a authz.Action) bool {
	if slices.Contains(s.named, a) || (a == authz.ActionSpaceRead && s.reads) {
		return true
	}
	tier := authz.TierNone
	for _, t := range []struct {
		action authz.Action
		tier   authz.Tier
	}{{authz.ActionSpaceRead, authz.TierReader}, {authz.ActionSpaceWrite, authz.TierWriter}, {authz.ActionSpaceAdmin, authz.TierAdmin}} {
		if slices.Contains(s.named, t.action) {
			tier = t.tier
		}
	}
	return s.reads && a.Fallback() != authz.TierNone && tier >= a.Fallback()
}

// refusal is R26: hidden from those who have nothing there.
func (s standing) refusal() cell {
	if s.reads || len(s.named) > 0 {
		return no
	}
	return hidden
}

// asked is one rule with the space where it is asked.
type asked struct {
	fieldRule
	space string
	own   string         // the object's space
	gives []authz.Action // the role that is given away, for GRANTOR
	of    bool           // asked of a field of an object that the caller was shown
	self  bool           // the caller made the object himself
}

// expect is the answer that rules give a holder: that of the first one which
// does not hold.
func (t tree) expect(h holder, rules []asked) cell {
	answer := yes
	for _, r := range rules {
		switch c := t.answer(h, r); {
		case c == no && r.silent:
			return hidden
		case c == no || c == hidden || c == unlisted || c == nameOnly:
			return c
		case c == listed:
			answer = listed
		}
	}
	return answer
}

func (t tree) answer(h holder, r asked) cell {
	there := t.standing(h, r.space)
	switch {
	case r.who != "":
		return t.who(h, r)
	case r.list != 0 && there.can(r.list):
		return listed
	case r.list != 0:
		return unlisted
	case r.do != 0 && there.can(r.do):
		return yes
	case r.do != 0:
		return there.refusal()
	case t.sees(h, r):
		return yes
	case r.of:
		return there.refusal()
	default:
		return hidden
	}
}

// sees is a rule of the form see.
func (t tree) sees(h holder, r asked) bool {
	if r.at == anySpace {
		return len(h.actions) > 0 && slices.Contains(h.actions, authz.ActionSpaceRead)
	}
	there := t.standing(h, r.space)
	if there.reads || slices.ContainsFunc(r.see, func(a authz.Action) bool { return slices.Contains(there.named, a) }) {
		return true
	}
	own := t.standing(h, r.own)
	return r.or != 0 && own.reads && own.can(r.or)
}

func (t tree) who(h holder, r asked) cell {
	allowed := false
	switch r.who {
	case "ANYBODY", "CALLER", "PARENT":
		allowed = true
	case "SELF":
		allowed = r.self
	case "ACCOUNT_VIEWER":
		allowed = slices.Contains(h.actions, authz.ActionSpaceAdmin) && slices.Contains(h.actions, authz.ActionSpaceRead)
	case "ROOT_ADMIN":
		root := t.standing(h, "root")
		allowed = root.reads && slices.Contains(root.named, authz.ActionSpaceAdmin)
	case "GRANTOR":
		there := t.standing(h, r.space)
		allowed = !slices.ContainsFunc(r.gives, func(a authz.Action) bool { return !there.can(a) })
	case "PATH":
		return t.path(h, r.space)
	}
	if allowed {
		return yes
	}
	return no
}

// path is how much a holder sees of a space itself (A36, A37).
func (t tree) path(h holder, space string) cell {
	switch {
	case t.standing(h, space).reads:
		return yes
	case slices.Contains(h.actions, authz.ActionSpaceRead) && t.encloses(space, h.space):
		return nameOnly
	default:
		return hidden
	}
}
