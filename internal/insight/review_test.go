package insight_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// does lets somebody do something, an hour after what was done before.
func (b bench) does(t *testing.T, name string, a authz.Action, on string) {
	t.Helper()
	b.Clock.Advance(time.Hour)
	at := authz.Target{Space: on}
	if e, ok := entities[on]; ok {
		at = e
	}
	if err := b.Do(t, name, a, at); err != nil {
		t.Fatalf("%s %s on %s: %v", name, a, on, err)
	}
}

var entities = map[string]authz.Target{
	"stack/k2": {Space: "dev", Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "k2"}},
	"stack/k":  {Space: "apps", Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "k"}},
}

// reviewed is the review of all bindings of somebody in the last days.
func (b bench) reviewed(t *testing.T, days int, f domain.BindingFilter) []insight.Review {
	t.Helper()
	p, err := b.Review(b.As(t, "root-admin"), insight.ReviewQuery{Days: days, Filter: f, Size: 100})
	if err != nil {
		t.Fatal(err)
	}
	return p.Reviews
}

// of is the review of the only binding of an actor.
func (b bench) of(t *testing.T, days int, name string) insight.Review {
	t.Helper()
	list := b.reviewed(t, days, domain.BindingFilter{Actor: b.ref(name)})
	if len(list) != 1 {
		t.Fatalf("%s has %d bindings", name, len(list))
	}
	return list[0]
}

func slug(r *domain.Role) string {
	if r == nil {
		return ""
	}
	return r.Slug
}

// TestReviewOfBindings: what was done by a binding, by name or by tier, by its
// holder or by a member of its group, is what it was needed for.
func TestReviewOfBindings(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "deployer")
		b.BindEntity(t, "deployer", "space-admin", entities["stack/k2"].Entity)
		b.AddKey(t, "granter")
		b.Bind(t, "granter", "space-admin", "platform")
		b.AddKey(t, "idle")
		b.Bind(t, "idle", "pipeline", "dev")
		b.Role(t, "confirmer", authz.ActionSpaceRead, authz.ActionRunConfirm, authz.ActionRunDiscard)
		b.Role(t, "confirmer-blind", authz.ActionRunConfirm)
		b.Role(t, "stranger", authz.ActionSpaceRead, authz.ActionRunConfirm, authz.ActionContextDelete)
		for range 3 {
			b.does(t, "will", authz.ActionRunConfirm, "dev")
		}
		b.does(t, "will", authz.ActionRunComment, "dev")
		b.does(t, "ann", authz.ActionStackCreate, "prod")
		b.does(t, "ops", authz.ActionRunTrigger, "dev")
		b.does(t, "carol", authz.ActionRunTrigger, "apps") // by DevOps
		b.does(t, "deployer", authz.ActionStackUpdate, "stack/k2")
		b.Clock.Advance(time.Hour)
		if err := b.DoAndHold(t, "granter", authz.ActionRoleBindingManage, authz.Target{Space: "net"}, "net",
			authz.ActionSpaceRead, authz.ActionSpaceWrite); err != nil {
			t.Fatal(err)
		}
		type enough = []authz.Action
		for name, want := range map[string]struct {
			finding insight.Finding
			uses    string
			enough  enough
			role    string
			views   bool
		}{
			"will": {insight.FindingTooWide, "run:comment 1+0, run:confirm 3+0",
				enough{authz.ActionSpaceRead, authz.ActionRunComment, authz.ActionRunConfirm}, "confirmer", false},
			"ann":      {insight.FindingTooWide, "stack:create 1+0", enough{authz.ActionSpaceRead, authz.ActionStackCreate}, "space-admin", true},
			"ops":      {insight.FindingFitting, "run:trigger 1+0", enough{authz.ActionSpaceRead, authz.ActionRunTrigger}, "operator", false},
			"rita":     {insight.FindingUnused, "", enough{authz.ActionSpaceRead}, "space-reader", false},
			"DevOps":   {insight.FindingTooWide, "run:trigger 1+0", enough{authz.ActionSpaceRead, authz.ActionRunTrigger}, "operator", false},
			"deployer": {insight.FindingTooWide, "stack:update 1+0", enough{authz.ActionSpaceRead, authz.ActionStackUpdate}, "space-admin", true},
			"granter": {insight.FindingTooWide, "role-binding:manage 1+0, space:read 0+1, space:write 0+1",
				enough{authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionRoleBindingManage}, "space-admin", true},
			"idle": {insight.FindingUnused, "", enough{authz.ActionRunRead}, "pipeline", false}, // seeing is not recorded
		} {
			r := b.of(t, 30, name)
			uses := ""
			for i, u := range r.Used {
				if i > 0 {
					uses += ", "
				}
				uses += fmt.Sprintf("%s %d+%d", u.Name, u.Done, u.Held)
			}
			if r.Finding != want.finding || uses != want.uses || slug(r.Sufficient) != want.role || r.ViewsAccount != want.views {
				t.Errorf("%s: %s, used for %q, %s is enough, views %v; want %+v", name, r.Finding, uses, slug(r.Sufficient), r.ViewsAccount, want)
			}
			if diff := cmp.Diff(want.enough, r.Enough); diff != "" {
				t.Errorf("%s: enough (-want +got): %s", name, diff)
			}
			if slices.ContainsFunc(r.Unused, func(a authz.Action) bool { return slices.Contains(r.Enough, a) }) {
				t.Errorf("%s: unused and yet needed: %v", name, r.Unused)
			}
		}
		byReader := []authz.Action{authz.ActionRunCancel, authz.ActionRunComment, authz.ActionRunRetry, authz.ActionRunStop, authz.ActionStackSetStar}
		if diff := cmp.Diff(byReader, b.of(t, 30, "ops").Unused); diff != "" {
			t.Errorf("ops did not use (-want +got): %s", diff)
		}
		// A longer ago than the days asked for is not counted.
		b.Clock.Advance(20 * 24 * time.Hour)
		if r := b.of(t, 10, "will"); r.Finding != insight.FindingUnused || slug(r.Sufficient) != "space-reader" || r.Young {
			t.Errorf("long ago: %+v", r)
		}
		if r := b.of(t, 30, "will"); !r.Young || !r.Since.Equal(r.CreatedAt) || r.Last.IsZero() {
			t.Errorf("a binding younger than the days asked for: %+v", r)
		}
	})
}

// TestReviewFollowsRolesAndChanges: a review is about what there is now.
func TestReviewFollowsRolesAndChanges(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.does(t, "ops", authz.ActionRunTrigger, "dev")
		ctx := b.As(t, "root-admin")
		b.Fill(t, func(_ context.Context, tx *store.Tx, p access.Permit) error {
			role, err := tx.Role(ctx, b.RoleID("operator"))
			if err != nil {
				return err
			}
			role.Actions = []authz.Action{authz.ActionSpaceRead, authz.ActionTaskCreate}
			return tx.UpdateRole(ctx, p.For(access.KindRole), role)
		})
		r := b.of(t, 30, "ops")
		if len(r.Used) != 1 || r.Used[0].Allowed || r.Finding != insight.FindingTooWide ||
			!slices.Equal(r.Enough, []authz.Action{authz.ActionSpaceRead}) || slug(r.Sufficient) != "space-reader" {
			t.Errorf("a role that lost what was used: %+v", r)
		}
		b.Clock.Advance(time.Hour)
		b.Fill(t, func(_ context.Context, tx *store.Tx, p access.Permit) error { // as an update of a binding does (R28)
			next := r.Binding
			next.CreatedAt = tx.Now()
			if err := tx.DeleteBinding(ctx, p.For(access.KindRoleBinding), r.ID); err != nil {
				return err
			}
			return tx.InsertBinding(ctx, p.For(access.KindRoleBinding), next)
		})
		if r := b.of(t, 30, "ops"); r.Finding != insight.FindingUnused || !r.Since.Equal(b.Clock.Now()) {
			t.Errorf("a binding that was another one before: %+v", r)
		}
		// An expired binding gives nothing, and there is nothing to review.
		b.AddBinding(t, "space-writer", domain.Binding{Actor: b.ref("nobody"), Space: "dev", NotAfter: b.Clock.Now().Add(time.Minute)})
		b.of(t, 30, "nobody")
		b.Clock.Advance(time.Hour)
		if list := b.reviewed(t, 30, domain.BindingFilter{Actor: b.ref("nobody")}); len(list) != 0 {
			t.Errorf("%d reviews of what has expired", len(list))
		}
	})
}

// TestA74A266ReviewIsForRootAdmins: it tells what the audit trail tells.
func TestA74A266ReviewIsForRootAdmins(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		q := insight.ReviewQuery{Days: 90, Size: 10}
		for _, name := range []string{"ann", "will", "rita", "nobody", ""} {
			_, err := b.Review(b.As(t, name), q)
			if code := domain.ErrorCode(err); code != domain.CodeForbidden && code != domain.CodeUnauthenticated {
				t.Errorf("%q: %v", name, err)
			}
		}
		b.AddBinding(t, "space-admin", domain.Binding{Actor: b.ref("stack/r0"), Space: "root"})
		if _, err := b.Review(b.AsStack(t, b.Run(t, "r0", domain.RunApplying)), q); domain.ErrorCode(err) != domain.CodeForbidden {
			t.Errorf("a run's token: %v", err) // R25
		}
		for _, days := range []int{0, -1, insight.MaxReviewDays + 1} {
			q.Days = days
			b.Invalid(t, "days", func() error { _, err := b.Review(b.As(t, "root-admin"), q); return err })
		}
	})
}

// TestReviewPagesAndFilters: every binding is on one page, and a filter leaves
// out what it says.
func TestReviewPagesAndFilters(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ctx := b.As(t, "root-admin")
		var paged []domain.BindingID
		q := insight.ReviewQuery{Days: 90, Size: 2}
		for {
			p, err := b.Review(ctx, q)
			if err != nil || len(p.Reviews) > 2 {
				t.Fatalf("%d reviews: %v", len(p.Reviews), err)
			}
			for _, r := range p.Reviews {
				paged = append(paged, r.ID)
				q.After = domain.ListPosition{At: r.CreatedAt, ID: string(r.ID)}
			}
			if !p.More {
				break
			}
		}
		all := b.reviewed(t, 90, domain.BindingFilter{})
		if len(all) != len(paged) || len(all) != 7 {
			t.Errorf("%d on pages, %d at once, want 7", len(paged), len(all))
		}
		for i := range min(len(all), len(paged)) {
			if all[i].ID != paged[i] {
				t.Errorf("entry %d differs", i)
			}
		}
		for want, f := range map[int]domain.BindingFilter{
			1: {Role: "operator"},
			2: {Space: "apps"},
			0: {Role: "no such role"},
			6: {Space: "apps", Below: true},
		} {
			if got := len(b.reviewed(t, 90, f)); got != want {
				t.Errorf("%+v: %d bindings, want %d", f, got, want)
			}
		}
	})
}

// TestReviewReplay: with what a review says is enough in place of every role,
// all that was done would still have been allowed, and nobody gains anything.
// The questions are answered by authz, in worlds and days made at random.
func TestReviewReplay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		b := bench{k, insight.New(store.Bind[insight.Tx](k.Store), k.Gate)}
		m := newMill(t, b, rand.New(rand.NewPCG(7, 11)))
		for range 300 {
			m.turn(t)
		}
		if len(m.done) < 60 {
			t.Fatalf("only %d attempts were allowed", len(m.done))
		}
		reviews := b.reviewed(t, 90, domain.BindingFilter{})
		m.replay(t, reviews, func(r insight.Review) []authz.Action { return r.Enough })
		m.replay(t, reviews, func(r insight.Review) []authz.Action {
			if r.Sufficient == nil {
				return nil
			}
			return r.Sufficient.Actions
		})
		found := map[insight.Finding]int{}
		for _, r := range reviews {
			found[r.Finding]++
		}
		if found[insight.FindingTooWide] == 0 || found[insight.FindingUnused] == 0 || found[insight.FindingFitting] == 0 {
			t.Errorf("findings %v do not try everything", found)
		}
	})
}

// mill lets actors do things at random.
type mill struct {
	bench
	r      *rand.Rand
	actors []string
	done   []deed
}

// deed is something that was allowed, or an action that it took to be held.
type deed struct {
	actor  authz.ActorRef
	action authz.Action
	at     authz.Target
}

func newMill(t *testing.T, b bench, r *rand.Rand) *mill {
	m := &mill{bench: b, r: r}
	catalogue := authz.Actions()
	roles := []string{"space-reader", "space-writer", "space-admin", "worker-pool-controller"}
	for i := range 12 {
		set := authz.SetOf(catalogue[r.IntN(len(catalogue))].Action)
		for range r.IntN(12) {
			set = set.With(catalogue[r.IntN(len(catalogue))].Action)
		}
		for _, a := range []authz.Action{authz.ActionSpaceRead, authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionStackManage} {
			if r.IntN(3) == 0 {
				set = set.With(a)
			}
		}
		roles = append(roles, fmt.Sprint("random-", i))
		b.Role(t, roles[len(roles)-1], set.List()...)
	}
	for i := range 4 {
		b.AddGroup(t, fmt.Sprint("group-", i))
		m.bind(t, fmt.Sprint("group-", i), roles)
	}
	for i := range 10 {
		name := fmt.Sprint("actor-", i)
		if m.actors = append(m.actors, name); i%2 == 0 {
			b.AddKey(t, name)
		} else {
			b.AddUser(t, name, fmt.Sprint("group-", r.IntN(4)), fmt.Sprint("group-", r.IntN(4)))
		}
		for range 1 + r.IntN(3) {
			m.bind(t, name, roles)
		}
	}
	return m
}

func (m *mill) bind(t *testing.T, name string, roles []string) {
	t.Helper()
	at := m.target()
	b := domain.Binding{Actor: m.Actor(name), Space: domain.SpaceID(at.Space)}
	if at.Entity != (authz.EntityRef{}) {
		b.Space, b.Entity = "", at.Entity
	}
	for i := range m.reviewed(t, 90, domain.BindingFilter{Actor: b.Actor}) { // the same twice is a conflict
		roles = roles[i+1:]
	}
	m.AddBinding(t, roles[m.r.IntN(len(roles))], b)
}

func (m *mill) target() authz.Target {
	if m.r.IntN(5) == 0 {
		return entities[[]string{"stack/k", "stack/k2"}[m.r.IntN(2)]]
	}
	return authz.Target{Space: string(storetest.Tree[m.r.IntN(len(storetest.Tree))].ID)}
}

// turn lets one actor try something, and now and then what takes more to be
// held.
func (m *mill) turn(t *testing.T) {
	t.Helper()
	m.Clock.Advance(time.Minute)
	name, at := m.actors[m.r.IntN(len(m.actors))], m.target()
	var may []authz.Action
	m.View(t, func(tx *store.Tx) error {
		moment, err := m.Gate.Moment(t.Context(), tx)
		if err != nil {
			return err
		}
		may = moment.Snapshot.Allowed(authz.Subject{Actor: m.Actor(name)}, at, tx.Now()).List()
		return nil
	})
	if may == nil {
		return
	}
	action := may[m.r.IntN(len(may))]
	if action.Reads() {
		return
	}
	var held []authz.Action
	if m.r.IntN(4) == 0 {
		held = append(held, may[m.r.IntN(len(may))], may[m.r.IntN(len(may))])
	}
	var err error
	if at.Entity == (authz.EntityRef{}) {
		err = m.DoAndHold(t, name, action, at, domain.SpaceID(at.Space), held...)
	} else {
		held, err = nil, m.Do(t, name, action, at)
	}
	if err != nil {
		t.Fatalf("%s %s at %+v: %v", name, action, at, err)
	}
	for _, a := range append(held, action) {
		m.done = append(m.done, deed{m.Actor(name), a, at})
	}
}

// replay asks for everything again in the world in which each binding gives
// only what next says.
func (m *mill) replay(t *testing.T, reviews []insight.Review, next func(insight.Review) []authz.Action) {
	t.Helper()
	m.View(t, func(tx *store.Tx) error {
		moment, err := m.Gate.Moment(t.Context(), tx)
		if err != nil {
			return err
		}
		var changes []authz.Change
		for i, r := range reviews {
			enough := next(r)
			if len(enough) == 0 {
				changes = append(changes, authz.DeleteBinding{Actor: r.Actor, ID: string(r.ID)})
				continue
			}
			id := fmt.Sprint("enough-", i)
			changes = append(changes, authz.PutRole(authz.Role{ID: id, Slug: id, Actions: authz.SetOf(enough...)}), authz.PutBinding(authz.Binding{
				ID: string(r.ID), Actor: r.Actor, Role: id, Space: string(r.Space), Entity: r.Entity,
			}))
		}
		after, err := moment.Snapshot.Apply(changes...)
		if err != nil {
			return err
		}
		for _, d := range m.done {
			if !after.Decide(authz.Subject{Actor: d.actor}, d.action, d.at, tx.Now()).Allowed() {
				t.Errorf("%+v was allowed and would not be", d)
			}
		}
		for _, name := range m.actors {
			who := authz.Subject{Actor: m.Actor(name)}
			for _, space := range storetest.Tree {
				at := authz.Target{Space: string(space.ID)}
				if before, now := moment.Snapshot.Allowed(who, at, tx.Now()), after.Allowed(who, at, tx.Now()); !before.Contains(now) {
					t.Errorf("%s gains something in %s: %v, was %v", name, space.ID, now.List(), before.List())
				}
			}
		}
		return nil
	})
}
