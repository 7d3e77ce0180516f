package insight

import (
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// String calls an actor by its name, and by its kind and id where that is not
// for the caller.
func (a Actor) String() string {
	if a.Name == "" {
		return actorNoun(a.Kind) + " " + a.ID
	}
	if a.Kind == authz.ActorUser || a.Kind == authz.ActorAPIKey {
		return a.Name
	}
	return actorNoun(a.Kind) + " " + a.Name
}

// String calls a space by its name, or its id.
func (p Place) String() string {
	switch {
	case p.Name != "":
		return p.Name
	case p.ID != "":
		return string(p.ID)
	default:
		return "a hidden space"
	}
}

// String calls a target by its name, for example "stack k of dev".
func (t Target) String() string {
	if t.Kind == access.KindSpace {
		return Place{domain.SpaceID(t.ID), t.Name}.String()
	}
	name := t.Name
	if name == "" {
		name = t.ID
	}
	text := targetNoun(t.Kind) + " " + name
	if t.Space.ID != "" {
		text += " of " + t.Space.String()
	}
	return text
}

// Sentence tells the explanation in one sentence.
func (x *Explanation) Sentence() string {
	may := "MAY"
	if x.Outcome != authz.Allowed {
		may = "MAY NOT"
	}
	what := fmt.Sprintf("%s on %s", x.Action, x.Target)
	switch {
	case x.Account:
		what = "administer the account"
	case x.Target.Kind == access.KindSpace:
		what = fmt.Sprintf("%s in %s", x.Action, x.Target)
	}
	return fmt.Sprintf("%s %s %s: %s", x.Actor, may, what, x.because())
}

// because is the second half of the sentence.
func (x *Explanation) because() string {
	switch {
	case x.Outcome == authz.Allowed && x.By == nil:
		return "by what he holds" + x.counted()
	case x.Outcome == authz.Allowed:
		return x.granted()
	case x.Missing:
		return "there is no such " + targetNoun(x.Target.Kind) + ", or it is hidden"
	case x.Reason == authz.ReasonReadOnlyToken:
		return "a run only reads until its apply"
	case x.ActorExpired:
		return "it has expired"
	case x.Reason == authz.ReasonExpired && x.Lapsed != nil:
		return x.Lapsed.told(x.Actor) + ", ended at " + x.Lapsed.NotAfter.Format("2006-01-02 15:04:05 MST")
	case x.Reason == authz.ReasonExpired:
		return "what allowed it has ended" + x.counted()
	default:
		return x.lacks()
	}
}

func (x *Explanation) counted() string {
	if x.Hidden == 0 {
		return ""
	}
	return ", which is not for you to know"
}

func (x *Explanation) granted() string {
	held := x.By.told(x.Actor)
	switch x.Reason {
	case authz.ReasonByTier:
		return held + fmt.Sprintf(", covers it by tier %s", x.Fallback)
	case authz.ReasonDerivedRead:
		return held + ", shows the spaces above as far as they are inherited from"
	default:
		return held + ", names it"
	}
}

func (x *Explanation) lacks() string {
	var parts []string
	switch {
	case x.Account:
		parts = append(parts, "it takes space:read and space:admin at root")
	case x.Reason == authz.ReasonNoBaseline:
		parts = append(parts, "no role in effect there names it, and without space:read no tier counts")
	case x.Fallback == authz.TierNone:
		parts = append(parts, "no role in effect there names it, and no tier covers it")
	default:
		parts = append(parts, fmt.Sprintf("no role in effect there names it or gives the tier %s", x.Fallback))
	}
	if x.Held != authz.TierNone {
		parts = append(parts, fmt.Sprintf("the tier held is %s", x.Held))
	}
	return strings.Join(parts, "; ")
}

// told names what is held and where it comes from.
func (e *Evidence) told(who Actor) string {
	role := "role " + e.RoleName
	switch e.Kind {
	case authz.EvidenceFlag:
		return fmt.Sprintf("the administrative flag of the stack, which stands for %s in %s", role, e.At)
	case authz.EvidenceAlwaysAdmin:
		return "the administration of the account that is always there"
	case authz.EvidenceSession:
		return fmt.Sprintf("%s, given by the sign-in in %s", role, e.At)
	case authz.EvidenceNone, authz.EvidenceBinding:
	}
	at := "in " + e.At.String()
	if e.Entity.Kind != authz.EntityNone {
		at = "on " + domain.EntityNoun(e.Entity.Kind) + " " + e.Entity.ID
	}
	holder := who.String()
	if e.Group != "" {
		holder = fmt.Sprintf("group %s, to which %s belongs,", e.GroupName, who)
	}
	return fmt.Sprintf("%s, bound to %s %s (binding %s)", role, holder, at, e.Binding)
}
