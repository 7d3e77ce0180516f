package insight_test

import (
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// bench is the use cases over the access model's fixture, where ci runs what it
// may not see and ops is a user in two groups, one of which is mapped.
type bench struct {
	*storetest.Kit
	*insight.Service
}

func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		k.Role(t, "pipeline", authz.ActionRunTrigger, authz.ActionRunRead)
		k.AddKey(t, "ci")
		k.Bind(t, "ci", "pipeline", "dev")
		k.AddGroup(t, "DevOps")
		k.Bind(t, "DevOps", "space-writer", "apps")
		k.AddUser(t, "carol", "DevOps", "Others")
		test(t, bench{k, insight.New(store.Bind[insight.Tx](k.Store), k.Gate)})
	})
}

// on reads "space/dev" or "stack/k".
func on(s string) access.Ref {
	kind, id, _ := strings.Cut(s, "/")
	return access.Ref{Kind: access.Kind(kind), ID: id}
}

// ref is the actor of a name; "stack/k" is a stack.
func (b bench) ref(name string) authz.ActorRef {
	if id, ok := strings.CutPrefix(name, "stack/"); ok {
		return authz.ActorRef{Kind: authz.ActorStack, ID: id}
	}
	if id, ok := strings.CutPrefix(name, "key/"); ok {
		return authz.ActorRef{Kind: authz.ActorAPIKey, ID: id}
	}
	return b.Actor(name)
}

// ask asks as somebody about somebody; an empty name is the asker.
func (b bench) ask(t *testing.T, asker, about string, action authz.Action, target string) (insight.Explanation, error) {
	t.Helper()
	q := insight.Question{Action: action, On: on(target)}
	if about != "" {
		q.Actor = b.ref(about)
	}
	return b.Explain(b.As(t, asker), q)
}

// plain replaces ids, which differ, by what they are.
func (b bench) plain(s string) string {
	for _, name := range []string{"root-admin", "ann", "will", "rita", "ops", "ci", "carol", "nobody", "DevOps"} {
		s = strings.ReplaceAll(s, b.Actor(name).ID, "<"+name+">")
	}
	if i := strings.Index(s, "(binding 01J"); i >= 0 {
		s = s[:i] + "(binding ID" + s[i+len("(binding 01J")+23:]
	}
	return s
}
