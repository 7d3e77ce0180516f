package view

import "github.com/airlock-project/airlock/internal/domain"

// LentRole is a role of a stack that its changer lacks.
type LentRole struct{ domain.LentRole }

func (l *LentRole) Entity() *string  { return Optional(l.LentRole.Entity) }
func (l *LentRole) Binding() *string { return Optional(string(l.LentRole.Binding)) }

// ActedAs is the use of roles of stacks as the API shows it.
type ActedAs struct{ *domain.ActedAs }

// NewActedAs returns nil for none.
func NewActedAs(a *domain.ActedAs) *ActedAs {
	if a == nil {
		return nil
	}
	return &ActedAs{a}
}

func (a *ActedAs) Lent() []*LentRole {
	out := make([]*LentRole, len(a.ActedAs.Lent))
	for i, l := range a.ActedAs.Lent {
		out[i] = &LentRole{l}
	}
	return out
}
