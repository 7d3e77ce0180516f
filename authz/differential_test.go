package authz_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/reference"
	"github.com/airlock-project/airlock/authz/worlds"
)

// cases is how many questions are compared with the second evaluator: 20,000,
// or what AIRLOCK_CASES says.
func cases(t *testing.T) int {
	given := os.Getenv("AIRLOCK_CASES")
	if given == "" {
		return 20_000
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < perWorld {
		t.Fatalf("AIRLOCK_CASES is %q, not a number of questions", given)
	}
	return n
}

// perWorld is how many questions a random world is asked, half of them after
// some changes.
const perWorld = 10

func mustCompile(t testing.TB, w authz.World) *authz.Snapshot {
	t.Helper()
	s, err := authz.Compile(w)
	if err != nil {
		t.Fatalf("%v in %+v", err, w)
	}
	return s
}

// TestAgainstReference compares every kind of question with the second evaluator,
// in random worlds and in what random changes make of them.
func TestAgainstReference(t *testing.T) {
	shards := uint64(runtime.GOMAXPROCS(0))
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for seed := shard; seed < uint64(cases(t)/perWorld) && !t.Failed(); seed += shards {
				compareWorld(t, seed)
			}
		})
	}
}

// Runs are long from 33 bindings on, which no small world has.
func TestLongRunsAgainstReference(t *testing.T) {
	defer authz.LongRuns(2)()
	for seed := range uint64(500) {
		compareWorld(t, seed)
	}
}

// Each rule that the second evaluator does not know shows within this many
// worlds: what is compared reaches all of them.
const mutationWorlds = 4000

func TestAgainstReferenceNoticesEachMissingRule(t *testing.T) {
	for _, rule := range reference.Rules {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(mutationWorlds) {
				if differs(t, seed, rule) != "" {
					return
				}
			}
			t.Errorf("%d worlds do not need %s", mutationWorlds, rule)
		})
	}
}

func compareWorld(t *testing.T, seed uint64) {
	if d := differs(t, seed, ""); d != "" {
		t.Fatalf("seed %d: %s", seed, d)
	}
}

// differs asks a random world, and says where the answers are not those of the
// second evaluator, which does not know one rule.
func differs(t *testing.T, seed uint64, without string) string {
	src := worlds.Seeded(seed)
	w := worlds.Small(src)
	s := mustCompile(t, w)
	for i := range perWorld {
		if i == perWorld/2 {
			changes := worlds.SmallChanges(src, w)
			if after, err := s.Apply(changes...); err == nil {
				w, s = worlds.After(w, changes...), after
			}
		}
		q := worlds.SmallQuestion(src, w)
		if found := disagree(s, reference.Without(without, w, worlds.Now), q); len(found) > 0 {
			return fmt.Sprintf("%s: %+v in %+v", strings.Join(found, "; "), q, w)
		}
	}
	return ""
}

// disagree says which answers to a question differ.
func disagree(s *authz.Snapshot, n *reference.Evaluator, q worlds.Question) (found []string) {
	same := func(what string, got, want any) {
		if got != want {
			found = append(found, fmt.Sprintf("%s (%s): got %v, want %v", what, q.Action, got, want))
		}
	}
	sub, a, tgt := q.Subject, q.Action, q.Target
	got := s.Decide(sub, a, tgt, n.Now)
	same("decide", got.Outcome, n.Decide(sub, a.String(), tgt))
	same("reason allows", got.Reason >= authz.ReasonByName, got.Allowed())
	h := s.Holder(sub)
	same("by handle", h.Decide(a, s.Place(tgt), n.Now), got)
	asks := []authz.Ask{{Action: a, Place: s.Place(tgt)}, {Action: authz.ActionSpaceRead, Place: s.Place(authz.Target{Space: "root"})}}
	for i, d := range h.DecideAll(asks, n.Now, nil) {
		same("batch", d, h.Decide(asks[i].Action, asks[i].Place, n.Now))
	}
	x := h.Explain(a, asks[0].Place, n.Now)
	same("explained", x.Decision, got)
	same("explained by", x.By.Kind != authz.EvidenceNone, got.Allowed())
	if got.Reason == authz.ReasonByName || got.Reason == authz.ReasonByTier {
		same("explained binding", x.By.Binding, got.Binding())
	}
	bound, derived := n.Effective(sub, tgt)
	same("explained baseline", x.Baseline.Kind != authz.EvidenceNone, got.Reason != authz.ReasonUnknownSpace && (bound["space:read"] || derived))
	same("lapsed", x.Lapsed.Kind != authz.EvidenceNone, x.Reason == authz.ReasonExpired)
	same("account", s.DecideAccount(sub, n.Now).Allowed(), n.Admins(sub, "root") && !sub.ReadOnly)
	same("account view", s.DecideAccountView(sub, n.Now).Allowed(), n.AdminSomewhere(sub))
	if slices.ContainsFunc(n.World.Spaces, func(sp authz.Space) bool { return sp.ID == tgt.Space }) {
		seen := bound["space:read"] || derived || bound[a.String()] && (!sub.ReadOnly || a.Reads())
		same("read", s.DecideRead(sub, a, tgt, n.Now).Allowed(), seen)
		allowed := s.Allowed(sub, tgt, n.Now)
		for _, info := range authz.Actions() {
			want := n.Allows(bound, derived, info.Name) && (!sub.ReadOnly || info.Reads)
			same("allowed "+info.Name, allowed.Has(info.Action), want)
		}
	}
	may := map[authz.ActorRef]bool{}
	for _, access := range s.Who(a, tgt, n.Now) {
		may[access.Actor] = true
		same("who "+access.Actor.ID, access.Decision, s.Decide(authz.Subject{Actor: access.Actor}, a, tgt, n.Now))
	}
	same("who", fmt.Sprint(may), fmt.Sprint(whoMay(n, a, tgt)))
	tree := map[string]authz.Level{}
	for _, row := range s.Tree(sub, n.Now) {
		tree[row.Space] = row.Level
	}
	listed, lists := s.Spaces(sub, a, n.Now), 0
	for _, sp := range n.World.Spaces {
		level := n.Level(sub, sp.ID)
		same("level of "+sp.ID, s.Level(sub, sp.ID, n.Now), level)
		same("tree at "+sp.ID, tree[sp.ID], level)
		want := n.Lists(sub, a.String(), sp.ID)
		same("lists "+sp.ID, listed.Contains(sp.ID), want)
		if want {
			lists++
		}
	}
	same("lists", listed.Len(), lists)
	same("lists by id", len(listed.IDs()), lists)
	return found
}

// whoMay is everybody that the world speaks of and who may.
func whoMay(n *reference.Evaluator, a authz.Action, tgt authz.Target) map[authz.ActorRef]bool {
	may := map[authz.ActorRef]bool{}
	ask := func(actor authz.ActorRef) {
		if n.Decide(authz.Subject{Actor: actor}, a.String(), tgt) == authz.Allowed {
			may[actor] = true
		}
	}
	for _, known := range n.World.Actors {
		ask(known.Ref)
	}
	for _, b := range n.World.Bindings {
		ask(b.Actor)
	}
	for _, st := range n.World.Stacks {
		ask(authz.ActorRef{Kind: authz.ActorStack, ID: st.ID})
	}
	return may
}

// Each role that an explanation offers turns the denial when it is bound there.
func TestExplainedRolesSuffice(t *testing.T) {
	turned := 0
	for seed := range uint64(1500) {
		src := worlds.Seeded(seed)
		w := worlds.Small(src)
		s := mustCompile(t, w)
		for range 10 {
			q := worlds.SmallQuestion(src, w)
			x := s.Explain(q.Subject, q.Action, q.Target, worlds.Now)
			if k := q.Subject.Actor.Kind; q.Subject.SessionOnly || k != authz.ActorUser && k != authz.ActorAPIKey {
				continue // bindings may not count
			}
			for _, role := range x.Roles {
				bound, err := s.Apply(authz.PutBinding{ID: "new", Actor: q.Subject.Actor, Role: role.ID, Space: q.Target.Space})
				if err != nil {
					t.Fatal(err)
				}
				if d := bound.Decide(q.Subject, q.Action, q.Target, worlds.Now); !d.Allowed() {
					t.Fatalf("seed %d: %+v: with %+v %v", seed, q, role, d)
				}
				turned++
			}
		}
	}
	if turned < 1000 {
		t.Errorf("only %d denials turned", turned)
	}
}

// A decision names a live binding of the subject that applies and grants.
func TestDecisionNamesWhatAllowed(t *testing.T) {
	for seed := range uint64(2000) {
		src := worlds.Seeded(seed)
		w := worlds.Small(src)
		s, n := mustCompile(t, w), reference.New(w, worlds.Now)
		for range 10 {
			q := worlds.SmallQuestion(src, w)
			got := s.Decide(q.Subject, q.Action, q.Target, worlds.Now)
			if !got.Allowed() && (got.Binding() != "" || got.Role() != "" || got.BindingSpace() != "" || got.Group() != "") {
				t.Fatalf("seed %d: denial names %v", seed, got)
			}
			for _, b := range w.Bindings {
				if b.ID != got.Binding() {
					continue
				}
				only := w
				only.Bindings = []authz.Binding{b}
				bound, _ := reference.New(only, worlds.Now).Effective(q.Subject, q.Target)
				viaGroup := ""
				if b.Actor.Kind == authz.ActorGroup && q.Subject.Actor.Kind != authz.ActorGroup {
					viaGroup = b.Actor.ID
				}
				if b.Role != got.Role() || b.Space != got.BindingSpace() || viaGroup != got.Group() && q.Subject.Actor.Kind != authz.ActorGroup ||
					got.Reason == authz.ReasonByName && !bound[q.Action.String()] ||
					got.Reason == authz.ReasonByTier && n.Tier(bound) != got.Tier {
					t.Fatalf("seed %d: %v does not rest on %+v", seed, got, b)
				}
			}
		}
	}
}

// A16: there are no denying bindings.
func TestA16AddingABindingNeverRemovesAccess(t *testing.T) {
	for seed := range uint64(2000) {
		src := worlds.Seeded(seed)
		w := worlds.Small(src)
		before := mustCompile(t, w)
		after, err := before.Apply(authz.PutBinding(worlds.SmallBinding(src, w, "new")))
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			q := worlds.SmallQuestion(src, w)
			if after.Decide(q.Subject, q.Action, q.Target, worlds.Now).Outcome < before.Decide(q.Subject, q.Action, q.Target, worlds.Now).Outcome {
				t.Fatalf("seed %d: %+v fell", seed, q)
			}
			if !after.Allowed(q.Subject, q.Target, worlds.Now).Contains(before.Allowed(q.Subject, q.Target, worlds.Now)) {
				t.Fatalf("seed %d: what %+v is allowed shrank", seed, q)
			}
			if after.Level(q.Subject, q.Target.Space, worlds.Now) < before.Level(q.Subject, q.Target.Space, worlds.Now) {
				t.Fatalf("seed %d: level of %+v fell", seed, q)
			}
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(1000) {
		src := worlds.Seeded(seed)
		w := worlds.Small(src)
		shuffled := authz.World{
			Spaces: shuffle(src, w.Spaces), Roles: shuffle(src, w.Roles), Bindings: shuffle(src, w.Bindings), Stacks: shuffle(src, w.Stacks),
			Groups: shuffle(src, w.Groups), Actors: shuffle(src, w.Actors), Entities: shuffle(src, w.Entities),
		}
		questions := ask(src, w, 10)
		a, b := answers(mustCompile(t, w), questions), answers(mustCompile(t, shuffled), questions)
		for what := range a {
			if fmt.Sprint(a[what]) != fmt.Sprint(b[what]) {
				t.Fatalf("seed %d: %s: %v or %v", seed, what, a[what], b[what])
			}
		}
	}
}

func shuffle[T any](src worlds.Source, list []T) []T {
	out := append([]T(nil), list...)
	for i := range out {
		j := i + src.IntN(len(out)-i)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// A111: a move changes access only in the moved subtree, and above its old and
// new place, as far as space:read climbs out of it.
func TestA111MovingASpaceChangesOnlyItsSubtreeAndWhatClimbsFromIt(t *testing.T) {
	for seed := range uint64(2000) {
		src := worlds.Seeded(seed)
		w := worlds.Small(src)
		if len(w.Spaces) < 3 {
			continue
		}
		moved := w.Spaces[1+src.IntN(len(w.Spaces)-1)]
		before := mustCompile(t, w)
		n := reference.New(w, worlds.Now)
		moved.Parent = w.Spaces[src.IntN(len(w.Spaces))].ID
		after, err := before.Apply(authz.PutSpace(moved))
		if err != nil {
			continue // below itself
		}
		for range 10 {
			q := worlds.SmallQuestion(src, w)
			inside, _ := n.Above(moved.ID, q.Target.Space)
			was, is := before.Allowed(q.Subject, q.Target, worlds.Now), after.Allowed(q.Subject, q.Target, worlds.Now)
			oldPath, _ := n.Above(q.Target.Space, moved.ID)
			newPath, _ := reference.New(worlds.After(w, authz.PutSpace(moved)), worlds.Now).Above(q.Target.Space, moved.ID)
			if was != is && !inside && !oldPath && !newPath {
				t.Fatalf("seed %d: %+v changed with the move of %s to %s", seed, q, moved.ID, moved.Parent)
			}
		}
	}
}

// Spaces is exactly what Decide and the baseline say, and Entities what they
// say of the stacks bound by themselves.
func TestSpacesIsWhatDecideSays(t *testing.T) {
	for seed := range uint64(2000) {
		src := worlds.Seeded(seed)
		w := worlds.Small(src)
		s := mustCompile(t, w)
		q := worlds.SmallQuestion(src, w)
		listed := func(tgt authz.Target) bool {
			return s.Decide(q.Subject, q.Action, tgt, worlds.Now).Allowed() && s.DecideRead(q.Subject, 0, tgt, worlds.Now).Allowed()
		}
		set := s.Spaces(q.Subject, q.Action, worlds.Now)
		ids := strings.Join(set.IDs(), " ") + " "
		for _, sp := range w.Spaces {
			want := listed(authz.Target{Space: sp.ID})
			if set.Contains(sp.ID) != want || strings.Contains(ids, sp.ID+" ") != want || set.All && !want {
				t.Fatalf("seed %d: %s in %v, want %v", seed, sp.ID, set.IDs(), want)
			}
		}
		byThemselves := " " + strings.Join(s.Entities(q.Subject, authz.EntityStack, q.Action, worlds.Now), " ") + " "
		for _, st := range w.Stacks {
			shown := set.Contains(st.Space) || strings.Contains(byThemselves, " "+st.ID+" ")
			if tgt := (authz.Target{Space: st.Space, Entity: authz.EntityRef{Kind: authz.EntityStack, ID: st.ID}}); shown != listed(tgt) {
				t.Fatalf("seed %d: stack %s, shown %v: %v, %q", seed, st.ID, shown, set.IDs(), byThemselves)
			}
		}
	}
}
