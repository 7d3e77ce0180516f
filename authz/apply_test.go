package authz_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// drawn is a source of choices that rapid makes smaller when a test fails.
type drawn struct{ *rapid.T }

func (d drawn) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(d.T, "choice") }

// answers is what a snapshot says to every kind of question, about everybody
// and everywhere that a small world knows.
func answers(s *authz.Snapshot, questions []worlds.Question) map[string]any {
	out := map[string]any{}
	kinds := []authz.EntityKind{authz.EntityStack, authz.EntityContext}
	for i, q := range questions {
		about := fmt.Sprintf("%d: %+v ", i, q)
		out[about+"decide"] = s.Decide(q.Subject, q.Action, q.Target, worlds.Now).String()
		out[about+"read"] = s.DecideRead(q.Subject, q.Action, q.Target, worlds.Now).String()
		out[about+"account"] = s.DecideAccount(q.Subject, worlds.Now).String()
		out[about+"view"] = s.DecideAccountView(q.Subject, worlds.Now).String()
		out[about+"effective"] = s.Effective(q.Subject, q.Target, worlds.Now)
		out[about+"allowed"] = s.Allowed(q.Subject, q.Target, worlds.Now)
		out[about+"level"] = s.Level(q.Subject, q.Target.Space, worlds.Now)
		out[about+"tree"] = s.Tree(q.Subject, worlds.Now)
		set := s.Spaces(q.Subject, q.Action, worlds.Now)
		out[about+"spaces"] = fmt.Sprint(set.IDs(), set.All, set.Len())
		out[about+"slugs"] = s.RoleSlugs(q.Subject, worlds.Now)
		for _, kind := range kinds {
			out[about+kind.String()] = s.Entities(q.Subject, kind, q.Action, worlds.Now)
		}
	}
	return out
}

func ask(src worlds.Source, w authz.World, n int) []worlds.Question {
	list := make([]worlds.Question, n)
	for i := range list {
		list[i] = worlds.SmallQuestion(src, w)
	}
	return list
}

// Apply and Compile come to the same, or both refuse.
func TestApplyIsCompile(t *testing.T) {
	t.Run("short runs", func(t *testing.T) { rapid.Check(t, applyIsCompile) })
	t.Run("long runs", func(t *testing.T) {
		defer authz.LongRuns(3)()
		rapid.Check(t, applyIsCompile)
	})
}

func applyIsCompile(t *rapid.T) {
	src := drawn{t}
	w := worlds.Small(src)
	s, err := authz.Compile(w)
	if err != nil {
		t.Fatal(err)
	}
	for range rapid.IntRange(1, 12).Draw(t, "rounds") {
		changes := worlds.SmallChanges(src, w)
		after := worlds.After(w, changes...)
		applied, err := s.Apply(changes...)
		compiled, compileErr := authz.Compile(after)
		if (err == nil) != (compileErr == nil) {
			t.Fatalf("%#v: applied %v, compiled %v", changes, err, compileErr)
		}
		if err != nil {
			continue
		}
		questions := ask(src, after, 5)
		if diff := cmp.Diff(answers(compiled, questions), answers(applied, questions)); diff != "" {
			t.Fatalf("%#v: (-compiled +applied)\n%s", changes, diff)
		}
		w, s = after, applied
	}
}
