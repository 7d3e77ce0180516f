package authz

import "math/bits"

const setWords = (actionCount + 63) / 64

// ActionSet is a set of actions as a bit set. It is a plain comparable value;
// the zero value is the empty set.
type ActionSet [setWords]uint64

// SetOf returns the set of the given actions.
func SetOf(actions ...Action) ActionSet { return ActionSet{}.With(actions...) }

// Has reports whether a is in the set. An action outside the catalogue is in
// no set.
func (s ActionSet) Has(a Action) bool {
	return a < actionCount && s[a>>6]&(1<<(a&63)) != 0
}

// With returns the set extended by the given actions; actions outside the
// catalogue, and the zero Action, are ignored.
func (s ActionSet) With(actions ...Action) ActionSet {
	for _, a := range actions {
		if a.Valid() {
			s[a>>6] |= 1 << (a & 63)
		}
	}
	return s
}

// Union returns the actions that are in either set (A17).
func (s ActionSet) Union(other ActionSet) ActionSet {
	for i := range s {
		s[i] |= other[i]
	}
	return s
}

// Intersect returns the actions that are in both sets.
func (s ActionSet) Intersect(other ActionSet) ActionSet {
	for i := range s {
		s[i] &= other[i]
	}
	return s
}

// minus returns the actions that are in s and not in other.
func (s ActionSet) minus(other ActionSet) ActionSet {
	for i := range s {
		s[i] &^= other[i]
	}
	return s
}

// Empty reports whether the set has no actions.
func (s ActionSet) Empty() bool {
	var all uint64
	for _, w := range s {
		all |= w
	}
	return all == 0
}

// Contains reports whether every action of other is in s.
func (s ActionSet) Contains(other ActionSet) bool {
	for i := range s {
		if other[i]&^s[i] != 0 {
			return false
		}
	}
	return true
}

// Len returns the number of actions in the set.
func (s ActionSet) Len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// List returns the actions of the set in catalogue order; nil if it is empty.
func (s ActionSet) List() []Action {
	if s.Empty() {
		return nil
	}
	list := make([]Action, 0, s.Len())
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			list = append(list, Action(i*64+bits.TrailingZeros64(w)))
		}
	}
	return list
}
