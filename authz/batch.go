package authz

import "time"

// Ask is one question of a batch: may the holder do an action in a place?
type Ask struct {
	Action Action
	Place  Place
}

// DecideAll answers a batch of questions in order, each as Decide would. It
// appends to answers, which may be nil; where that has room it allocates
// nothing.
func (h *Holder) DecideAll(asks []Ask, now time.Time, answers []Decision) []Decision {
	n := instant(now)
	first := len(answers)
	answers = append(answers, make([]Decision, len(asks))...)
	for i := range asks {
		h.s.decide(&answers[first+i], h, asks[i].Action, &asks[i].Place, n)
	}
	return answers
}
