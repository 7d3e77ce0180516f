package insight

import (
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/authz"
)

// ofTier are the actions that a tier allows and the tiers below it do not.
var ofTier = func() map[authz.Tier]authz.ActionSet {
	sets := map[authz.Tier]authz.ActionSet{}
	for _, a := range authz.Actions() {
		if a.Fallback != authz.TierNone {
			sets[a.Fallback] = sets[a.Fallback].With(a.Action)
		}
	}
	return sets
}()

// spelledOut is how many actions a summary names beside those of tiers.
const spelledOut = 5

// Summary tells a set of actions in words: for example "everything of reader
// and writer" or "run:trigger and run:confirm".
func Summary(set authz.ActionSet) string {
	var tiers, parts []string
	for _, t := range []authz.Tier{authz.TierReader, authz.TierWriter, authz.TierAdmin} {
		if set.Contains(ofTier[t]) {
			tiers = append(tiers, t.String())
		}
	}
	if tiers != nil {
		parts = append(parts, "everything of "+listed(tiers))
	}
	rest := 0
	for _, a := range set.List() {
		switch f := a.Fallback(); {
		case f != authz.TierNone && set.Contains(ofTier[f]):
		case rest < spelledOut:
			parts = append(parts, a.String())
			rest++
		default:
			rest++
		}
	}
	if rest > spelledOut {
		parts = append(parts, fmt.Sprintf("%d more", rest-spelledOut))
	}
	return listed(parts)
}

// listed joins words as in "a, b and c".
func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// String tells a part of an effect, for example "gains run:trigger in dev and 2
// spaces below".
func (p *EffectPart) String() string {
	var what []string
	if !p.Gained.Empty() {
		what = append(what, "gains "+Summary(p.Gained))
	}
	if !p.Lost.Empty() {
		what = append(what, "loses "+Summary(p.Lost))
	}
	return strings.Join(what, " and ") + " " + p.where()
}

func (p *EffectPart) where() string {
	if p.Entity != nil {
		return p.Entity.in()
	}
	words := make([]string, 0, len(p.Tops)+1)
	told := 0
	for _, t := range p.Tops {
		told += 1 + t.Below
		word := t.String()
		if t.Below > 0 {
			word += fmt.Sprintf(" with %d below", t.Below)
		}
		words = append(words, word)
	}
	if rest := p.Spaces - p.HiddenSpaces - told; rest > 0 {
		words = append(words, fmt.Sprintf("%d more spaces", rest))
	}
	if p.HiddenSpaces > 0 {
		words = append(words, fmt.Sprintf("%d hidden spaces", p.HiddenSpaces))
	}
	return "in " + listed(words)
}

// Sentence tells what one actor would gain and lose.
func (a *ActorEffect) Sentence() string {
	parts := make([]string, len(a.Parts))
	for i := range a.Parts {
		parts[i] = a.Parts[i].String()
	}
	return a.Actor.String() + " " + strings.Join(parts, "; ")
}
