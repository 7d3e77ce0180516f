package authz

import "strings"

// Action is one permission of the catalogue. Its constants are generated from
// the table in catalogue.go, in the table's order, starting at 1: the zero
// Action is no permission and is never granted, so that a forgotten field
// denies.
//
// Numbers are not stable between versions; store and transmit names.
type Action uint8

// ActionInfo describes one action for people and for API schemas (A57).
type ActionInfo struct {
	Action   Action
	Kind     string   // what it acts on: "space", "run", "worker-pool"
	Name     string   // "space:read", the form used in text (A56)
	Enum     string   // "SPACE_READ", the form used in the API (A56)
	Sentence string   // what holding it allows
	Fallback Tier     // the tier that allows it without being named (A23)
	Reads    bool     // only reads; see Action.Reads
	Ours     bool     // beyond the 101 documented actions (R20, section 3.4)
	Aliases  []string // other spellings that ParseAction accepts
}

// Valid reports whether a is an action of the catalogue.
func (a Action) Valid() bool { return a != 0 && a < actionCount }

// String returns the name used in text, such as "space:read"; "unknown" for a
// value outside the catalogue.
func (a Action) String() string { return infos[a.index()].Name }

// Enum returns the name used in the API, such as "SPACE_READ"; "UNKNOWN" for a
// value outside the catalogue.
func (a Action) Enum() string { return infos[a.index()].Enum }

// Fallback returns the lowest tier that allows the action where no role names
// it (A23); TierNone for a value outside the catalogue.
func (a Action) Fallback() Tier { return fallbacks[a.index()] }

// Reads reports whether the action only reads. These are all that the token
// of a plan phase or of a proposed run keeps (R25).
func (a Action) Reads() bool { return readActions.Has(a) }

func (a Action) index() Action {
	if a < actionCount {
		return a
	}
	return 0
}

// ParseAction finds an action by its text name, its API name, or one of the
// aliases that R3 and section 3.4 of the access model list. The comparison is
// exact. Names that stand for several actions, such as "context:manage", are
// not accepted.
func ParseAction(s string) (Action, bool) {
	a, ok := byName[s]
	return a, ok
}

// Actions returns the whole catalogue in order. The result is the caller's.
func Actions() []ActionInfo {
	list := make([]ActionInfo, 0, actionCount-1)
	for _, info := range infos[1:] {
		info.Aliases = append([]string(nil), info.Aliases...)
		list = append(list, info)
	}
	return list
}

var (
	infos       = describe()
	byName      = nameIndex()
	fallbacks   = fallbackTable()
	allActions  = setWhere(func(ActionInfo) bool { return true })
	readActions = setWhere(func(info ActionInfo) bool { return info.Reads })
	// tierActions is what each tier allows without naming it.
	tierActions = [...]ActionSet{
		TierReader: setWhere(func(info ActionInfo) bool { return TierReader.covers(info.Fallback) }),
		TierWriter: setWhere(func(info ActionInfo) bool { return TierWriter.covers(info.Fallback) }),
		TierAdmin:  setWhere(func(info ActionInfo) bool { return TierAdmin.covers(info.Fallback) }),
	}
)

func describe() []ActionInfo {
	list := []ActionInfo{{Name: "unknown", Enum: "UNKNOWN"}}
	for i, r := range catalogue {
		name := r.kind + ":" + r.verb
		list = append(list, ActionInfo{
			Action:   Action(i + 1),
			Kind:     r.kind,
			Name:     name,
			Enum:     strings.ToUpper(strings.NewReplacer(":", "_", "-", "_").Replace(name)),
			Sentence: r.sentence,
			Fallback: r.fallback,
			Reads:    r.flags&reads != 0,
			Ours:     r.flags&ours != 0,
			Aliases:  aliases[name],
		})
	}
	return list
}

func nameIndex() map[string]Action {
	index := make(map[string]Action, 2*len(infos))
	for _, info := range infos[1:] {
		index[info.Name] = info.Action
		index[info.Enum] = info.Action
		for _, alias := range info.Aliases {
			index[alias] = info.Action
		}
	}
	return index
}

func fallbackTable() [actionCount]Tier {
	var table [actionCount]Tier
	for _, info := range infos[1:] {
		if info.Action.Valid() {
			table[info.Action] = info.Fallback
		}
	}
	return table
}

func setWhere(keep func(ActionInfo) bool) ActionSet {
	var set ActionSet
	for _, info := range infos[1:] {
		if keep(info) {
			set = set.With(info.Action)
		}
	}
	return set
}
