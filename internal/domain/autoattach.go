package domain

import (
	"slices"
	"strings"
)

// AutoAttachPrefix begins the labels by which an entity attaches itself to the
// stacks that reach it: autoattach:prod to those with the label prod,
// autoattach:* to all of them (access model A121).
const AutoAttachPrefix = "autoattach:"

// IsAutoAttach reports whether a label attaches an entity to stacks.
func IsAutoAttach(label string) bool {
	return strings.HasPrefix(label, AutoAttachPrefix) && label != AutoAttachPrefix
}

// AutoAttaches returns the label by which an entity with some labels attaches
// itself to a stack with others; ok is false if it does not.
func AutoAttaches(entity, stack []string) (label string, ok bool) {
	for _, l := range entity {
		if !IsAutoAttach(l) {
			continue
		}
		if want := l[len(AutoAttachPrefix):]; want == "*" || slices.Contains(stack, want) {
			return l, true
		}
	}
	return "", false
}

// LabelledStack is a stack as far as attaching to it by label goes.
type LabelledStack struct {
	StackActor
	Labels []string
	Acts   bool // it is administrative, or holds a role binding
}

// AutoPair is a context and a stack: whether labels tie them together before a
// change, and after it.
type AutoPair struct {
	Context ContextID
	Stack   LabelledStack
	Was, Is bool
}

// AutoChange is what a change does to the attachments that labels make.
type AutoChange struct {
	Attach []AutoPair
	Detach []ContextAttachment
}

// Empty reports whether nothing changes.
func (c AutoChange) Empty() bool { return len(c.Attach)+len(c.Detach) == 0 }

// AutoDiff returns what a change does to the attachments that labels make.
// Attached are pairs that the change brings together; one that somebody has
// attached by hand stays his. Detached are attachments by label alone that the
// change takes the ground from.
func AutoDiff(pairs []AutoPair, current []ContextAttachment) (change AutoChange) {
	type pair struct {
		context ContextID
		stack   StackID
	}
	now := make(map[pair]ContextAttachment, len(current))
	for _, a := range current {
		now[pair{a.Context, a.Stack}] = a
	}
	for _, p := range pairs {
		a, attached := now[pair{p.Context, p.Stack.ID}]
		switch {
		case p.Is && !p.Was && !attached:
			change.Attach = append(change.Attach, p)
		case !p.Is && attached && a.Auto:
			change.Detach = append(change.Detach, a)
		}
	}
	return change
}
