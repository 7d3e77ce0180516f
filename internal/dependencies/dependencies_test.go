package dependencies_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/dependencies"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*dependencies.Service
}

func service(s *store.Store, k *storetest.Kit) *dependencies.Service {
	return dependencies.New(store.Bind[dependencies.Tx](s), access.NewGate(), k.IDs)
}

func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, service(k.Store, k)})
	})
}

func (b bench) edge(t *testing.T, stack, on domain.StackID) dependencies.View {
	t.Helper()
	v, err := b.Create(b.As(t, "root-admin"), dependencies.Input{Stack: stack, DependsOn: on})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

var handed = []domain.OutputReference{{Output: "address", Input: "TF_VAR_address"}}

// TestA278DependenciesNeedAdminHereAndSightThere asks everybody of the fixture:
// k lives in apps, k2 in dev below it, far in platform.
func TestA278DependenciesNeedAdminHereAndSightThere(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "far", "platform", nil)
		b.Stack(t, "below", "prod", nil)
		create := func(who string, stack, on domain.StackID) func() error {
			return func() error {
				v, err := b.Create(b.As(t, who), dependencies.Input{Stack: stack, DependsOn: on})
				if err == nil {
					_, err = b.Delete(b.As(t, "root-admin"), v.ID)
				}
				return err
			}
		}
		b.Denied(t, domain.CodeForbidden, create("will", "k2", "k"))  // a writer of dev
		b.Denied(t, domain.CodeForbidden, create("ops", "k2", "k"))   // may trigger there
		b.Denied(t, domain.CodeNotFound, create("rita", "k2", "k"))   // does not see dev
		b.Denied(t, domain.CodeNotFound, create("nobody", "k2", "k")) // sees nothing
		b.Denied(t, domain.CodeNotFound, create("ann", "far", "k"))   // admin of apps only
		b.Denied(t, domain.CodeNotFound, create("ann", "k", "far"))   // does not see platform
		b.Denied(t, domain.CodeNotFound, create("ann", "k", "nope"))
		b.Denied(t, domain.CodeNotFound, create("ann", "nope", "k"))
		for _, err := range []error{create("ann", "k2", "k")(), create("ann", "k", "below")(), create("root-admin", "k", "far")()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
}

// TestE23OutputsNeedTheRightToReadTheState is the security path: a reader
// upstream may let his stack wait, not take outputs.
func TestE23OutputsNeedTheRightToReadTheState(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "far", "platform", nil)
		b.Bind(t, "ann", domain.RoleSpaceReader, "platform")
		ann := b.As(t, "ann")
		v, err := b.Create(ann, dependencies.Input{Stack: "k", DependsOn: "far"})
		if err != nil {
			t.Fatal(err)
		}
		add := func() error { _, err := b.AddReferences(ann, v.ID, handed); return err }
		row := b.Denied(t, domain.CodeForbidden, add)
		if row.Action != "stack:state-read" {
			t.Errorf("refused for want of %q", row.Action)
		}
		b.Role(t, "state-reader", authz.ActionSpaceRead, authz.ActionStackStateRead)
		more := b.Bind(t, "ann", "state-reader", "platform")
		row = b.Allowed(t, add)
		if diff := cmp.Diff([]domain.SpaceID{"apps", "platform"}, row.Spaces); diff != "" {
			t.Errorf("spaces of the audit row: %s", diff)
		}
		b.Unbind(t, more)
		refs := b.of(t, "k")[0].References
		b.Denied(t, domain.CodeForbidden, func() error {
			_, err := b.UpdateReferences(ann, []domain.OutputReference{{ID: refs[0].ID, Output: "password", Input: "P"}})
			return err
		})
		b.Allowed(t, func() error { _, err := b.DeleteReferences(ann, []domain.ReferenceID{refs[0].ID}); return err })
		if left := b.of(t, "k")[0].References; len(left) != 0 {
			t.Errorf("left: %+v", left)
		}
	})
}

func (b bench) of(t *testing.T, stack domain.StackID) []dependencies.View {
	t.Helper()
	list, err := b.Of(b.As(t, "root-admin"), stack)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestG2Dependencies is act-as: who feeds a stack that holds roles decides what
// it does.
func TestG2Dependencies(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "sx", "dev", nil)
		b.Stack(t, "plain", "dev", nil)
		id := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "sx"}, "space-admin", "platform")
		lent := domain.LentRole{Stack: "sx", Role: "space-admin", Space: "platform", Binding: id}
		ann := b.As(t, "ann")
		fed, plain := b.edge(t, "sx", "k"), b.edge(t, "plain", "k")
		n := 0
		add := func(to domain.DependencyID) func() error {
			return func() error {
				n++
				_, err := b.AddReferences(ann, to, []domain.OutputReference{{Output: "o", Input: "V" + strings.Repeat("X", n)}})
				return err
			}
		}
		b.ActAs(t, lent, add(fed.ID))
		b.NoActAs(t, add(plain.ID))
		b.SetActAs(t, domain.ActAsEnforce)
		ref := b.of(t, "sx")[0].References[0].ID
		b.Denied(t, domain.CodeForbidden, func() error {
			_, err := b.UpdateReferences(ann, []domain.OutputReference{{ID: ref, Output: "other", Input: "V"}})
			return err
		})
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.DeleteReferences(ann, []domain.ReferenceID{ref}); return err })
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.Delete(ann, fed.ID); return err })
		b.NoActAs(t, func() error { _, err := b.Delete(b.As(t, "root-admin"), fed.ID); return err })
		b.NoActAs(t, func() error { _, err := b.Delete(ann, plain.ID); return err })
	})
}

func TestCirclesAreRefusedNamingTheWay(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		b.Stack(t, "s", "apps", nil)
		b.edge(t, "k2", "k")
		b.edge(t, "s", "k2")
		_, err := b.Create(root, dependencies.Input{Stack: "k", DependsOn: "s"})
		wantCode(t, err, domain.CodeConflict)
		if err == nil || !strings.Contains(err.Error(), "k -> s -> k2 -> k") {
			t.Errorf("the way is not named: %v", err)
		}
		_, err = b.Create(root, dependencies.Input{Stack: "k", DependsOn: "k"})
		wantCode(t, err, domain.CodeConflict)
		_, err = b.Create(root, dependencies.Input{Stack: "k2", DependsOn: "k"})
		wantCode(t, err, domain.CodeConflict) // it is there already
		_, err = b.CreateAll(root, "k", []domain.StackID{"r0", "s"})
		wantCode(t, err, domain.CodeConflict)
		if left := b.of(t, "k"); len(left) != 0 {
			t.Errorf("a batch that was refused left %+v", left)
		}
	})
}

// TestTwoServersCloseNoCircle lets two servers add the two halves of a circle
// at once.
func TestTwoServersCloseNoCircle(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other := service(b.Open(t), b.Kit)
		for range min(storetest.Rounds(t), 40) {
			var made [2]dependencies.View
			var errs [2]error
			var both sync.WaitGroup
			for i, s := range []*dependencies.Service{b.Service, other} {
				in := dependencies.Input{Stack: "k", DependsOn: "k2"}
				if i == 1 {
					in = dependencies.Input{Stack: "k2", DependsOn: "k"}
				}
				ctx := b.As(t, "root-admin")
				both.Go(func() { made[i], errs[i] = s.Create(ctx, in) })
			}
			both.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("both ended alike: %v, %v", errs[0], errs[1])
			}
			for i := range made {
				if errs[i] == nil {
					if _, err := b.Delete(b.As(t, "root-admin"), made[i].ID); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

func TestInputsOfAStackAreTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		first, second := b.edge(t, "k2", "k"), b.edge(t, "k2", "r0")
		add := func(id domain.DependencyID, refs ...domain.OutputReference) error {
			_, err := b.AddReferences(root, id, refs)
			return err
		}
		if err := add(first.ID, handed...); err != nil {
			t.Fatal(err)
		}
		wantCode(t, add(first.ID, handed...), domain.CodeConflict)
		wantCode(t, add(second.ID, handed...), domain.CodeConflict)
		wantCode(t, add(second.ID, domain.OutputReference{Output: "o", Input: "A"}, domain.OutputReference{Output: "p", Input: "A"}), domain.CodeConflict)
		wantCode(t, add(second.ID, domain.OutputReference{Output: "o", Input: "AIRLOCK_X"}), domain.CodeInvalid)
		wantCode(t, add(second.ID), domain.CodeInvalid)
		wantCode(t, add("nope", handed...), domain.CodeNotFound)
		if left := b.of(t, "k2"); len(left[1].References) != 0 {
			t.Errorf("refused references were kept: %+v", left[1].References)
		}
		_, err := b.UpdateReferences(root, []domain.OutputReference{{ID: b.of(t, "k2")[0].References[0].ID, Output: "other", Input: "TF_VAR_address", TriggerAlways: true}})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.of(t, "k2")[0].References[0]; got.Output != "other" || !got.TriggerAlways {
			t.Errorf("after the update: %+v", got)
		}
	})
}

// TestListsShowOnlyWhatBothEndsShow: an edge to a hidden stack is not there.
func TestListsShowOnlyWhatBothEndsShow(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "far", "platform", nil)
		b.edge(t, "k2", "far")
		b.edge(t, "k2", "k")
		b.edge(t, "far", "r0")
		ends := func(list []dependencies.View, err error) (out []string) {
			for _, v := range list {
				out = append(out, string(v.StackOf.ID)+" on "+string(v.UpstreamOf.ID))
			}
			return out
		}
		will := b.As(t, "will")
		for what, lists := range map[string][2][]string{
			"of k2":  {ends(b.Of(will, "k2")), {"k2 on k"}},
			"on k":   {ends(b.On(will, "k")), {"k2 on k"}},
			"on far": {ends(b.On(will, "far")), nil},
			"on r0":  {ends(b.On(will, "r0")), nil},
			"all":    {ends(b.Of(b.As(t, "root-admin"), "k2")), {"k2 on far", "k2 on k"}},
		} {
			if diff := cmp.Diff(lists[1], lists[0]); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
		}
	})
}

// TestWhoLostSightSeesAnIdOnly: the admin of the stack that waits may still end
// a dependency on a stack that he cannot see any more.
func TestWhoLostSightSeesAnIdOnly(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "far", "platform", func(s *domain.Stack) { s.Name = "secret name" })
		id := b.edge(t, "k2", "far").ID
		always := true
		v, err := b.Update(b.As(t, "ann"), id, &always)
		if err != nil || !v.Hidden || !v.TriggerAlways {
			t.Errorf("%+v, %v", v, err)
		}
		if diff := cmp.Diff(domain.Stack{ID: "far"}, v.UpstreamOf); diff != "" {
			t.Error(diff)
		}
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.Delete(b.As(t, "will"), id); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.Delete(b.As(t, "rita"), id); return err })
		b.Allowed(t, func() error { _, err := b.Delete(b.As(t, "ann"), id); return err })
		b.View(t, func(tx *store.Tx) error {
			_, err := tx.Dependency(context.Background(), id)
			wantCode(t, err, domain.CodeNotFound)
			return nil
		})
	})
}
