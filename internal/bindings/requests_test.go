package bindings_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
)

func wish(role string, space domain.SpaceID) bindings.RequestInput {
	return bindings.RequestInput{Role: domain.RoleID(role), Space: space, Duration: time.Hour, Reason: "an incident"}
}

func wishOn(role string, e authz.EntityRef) bindings.RequestInput {
	in := wish(role, "")
	in.Entity = e
	return in
}

// ask makes a request that must be accepted.
func (b bench) ask(t *testing.T, who string, in bindings.RequestInput) domain.AccessRequestID {
	t.Helper()
	v, err := b.Request(b.As(t, who), in)
	if err != nil {
		t.Fatalf("%s asks for %+v: %v", who, in, err)
	}
	return v.ID
}

func (b bench) grantRequest(t *testing.T, who string, id domain.AccessRequestID) func() error {
	return func() error { _, err := b.Grant(b.As(t, who), id, "go on"); return err }
}

func (b bench) refuse(t *testing.T, who string, id domain.AccessRequestID) func() error {
	return func() error { _, err := b.Refuse(b.As(t, who), id, "no"); return err }
}

func (b bench) cancel(t *testing.T, who string, id domain.AccessRequestID) func() error {
	return func() error { _, err := b.Cancel(b.As(t, who), id); return err }
}

// TestR24RequestGranted follows a request from the wish to the end of what was
// granted.
func TestR24RequestGranted(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		var id domain.AccessRequestID
		row := b.Allowed(t, func() error {
			v, err := b.Request(b.As(t, "rita"), wish("space-writer", "dev"))
			id = v.ID
			if v.State != domain.RequestPending || v.RoleSlug != "space-writer" || v.CanDecide || !v.LapsesAt.Equal(b.Clock.Now().Add(7*24*time.Hour)) {
				t.Errorf("asked %+v", v)
			}
			return err
		})
		if row.Event != "access_request.create" || row.ObjectKind != "access_request" || row.Actor != b.KeyID("rita").AuditName() || !slices.Equal(row.Spaces, []domain.SpaceID{"dev"}) {
			t.Errorf("recorded %+v", row)
		}
		if b.Holds(t, b.Actor("rita"), authz.ActionRunTrigger, "dev") {
			t.Error("asking gives the role")
		}
		b.Clock.Advance(time.Hour) // the grant begins at the decision
		row = b.Allowed(t, b.grantRequest(t, "ann", id))
		if row.Event != "access_request.grant" || row.ObjectID != string(id) || row.Actor != b.KeyID("ann").AuditName() || row.Action != "role-binding:manage" {
			t.Errorf("recorded %+v", row)
		}
		v, err := b.FindRequest(b.As(t, "rita"), id)
		if err != nil || v.State != domain.RequestGranted || v.Note != "go on" || v.DecidedBy != b.KeyID("ann").AuditName() || !v.DecidedAt.Equal(b.Clock.Now()) {
			t.Errorf("now %+v, %v", v, err)
		}
		made, err := b.Find(b.As(t, "ann"), v.Binding)
		end := b.Clock.Now().Add(time.Hour).Truncate(time.Second)
		if err != nil || !made.NotAfter.Equal(end) || made.Actor != b.Actor("rita") || made.CreatedBy != b.KeyID("ann").AuditName() {
			t.Errorf("bound %+v, %v; want until %v", made, err, end)
		}
		if !b.Holds(t, b.Actor("rita"), authz.ActionRunTrigger, "dev") {
			t.Error("the grant gives nothing")
		}
		b.Clock.Advance(time.Hour)
		if b.Holds(t, b.Actor("rita"), authz.ActionRunTrigger, "dev") {
			t.Error("the grant does not end")
		}
	})
}

// TestRequestStates tries every step from every state, as whoever may take it.
func TestRequestStates(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for i, first := range []string{"grant", "refuse", "cancel", "lapse"} {
			b.Role(t, fmt.Sprint("role", i), authz.ActionSpaceRead)
			id := b.ask(t, "rita", wish(fmt.Sprint("role", i), "dev"))
			steps := map[string]func() error{
				"grant": b.grantRequest(t, "ann", id), "refuse": b.refuse(t, "ann", id), "cancel": b.cancel(t, "rita", id),
			}
			want := map[string]domain.AccessRequestState{
				"grant": domain.RequestGranted, "refuse": domain.RequestRefused, "cancel": domain.RequestCanceled, "lapse": domain.RequestExpired,
			}[first]
			if first == "lapse" {
				b.Clock.Advance(domain.RequestLapse)
			} else {
				b.Allowed(t, steps[first])
			}
			for name, step := range steps {
				row := b.Denied(t, domain.CodeConflict, step)
				if !strings.Contains(row.Reason, "is "+string(want)) || row.ObjectKind != "access_request" {
					t.Errorf("%s after %s: recorded %+v", name, first, row)
				}
			}
			v, err := b.FindRequest(b.As(t, "rita"), id)
			if err != nil || v.State != want || v.CanDecide {
				t.Errorf("after %s: %+v, %v", first, v, err)
			}
		}
	})
}

// TestR23RequestsTellNothing: what is hidden from the asker and what does not
// exist are asked for with the same answer.
func TestR23RequestsTellNothing(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "p", "platform", nil)
		same := cmp.FilterPath(func(p cmp.Path) bool {
			return slices.Contains([]string{"ID", "Space", "Entity"}, p.Last().String()[min(1, len(p.Last().String())):])
		}, cmp.Ignore())
		for name, pair := range map[string][2]bindings.RequestInput{
			"spaces":   {wish("space-reader", "platform"), wish("space-reader", "missing")},
			"stacks":   {wishOn("space-reader", onStack("p")), wishOn("space-reader", onStack("missing"))},
			"policies": {wishOn("space-reader", onStack("p2")), wishOn("space-reader", authz.EntityRef{Kind: authz.EntityPolicy, ID: "x"})},
		} {
			hidden, err := b.Request(b.As(t, "rita"), pair[0])
			missing, err2 := b.Request(b.As(t, "rita"), pair[1])
			if diff := cmp.Diff(hidden, missing, same); diff != "" || err != nil || err2 != nil {
				t.Errorf("%s: %v, %v (-hidden +missing):\n%s", name, err, err2, diff)
			}
			// Nobody decides about what does not exist; it lapses like the other.
			b.Denied(t, domain.CodeNotFound, b.grantRequest(t, "root-admin", missing.ID))
			if _, err := b.FindRequest(b.As(t, "root-admin"), missing.ID); domain.ErrorCode(err) != domain.CodeNotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.Clock.Advance(domain.RequestLapse)
		page, err := b.Requests(b.As(t, "rita"), bindings.RequestQuery{State: domain.RequestExpired}, domain.ListPosition{}, 100)
		if err != nil || len(page.Views) != 6 {
			t.Errorf("%d have lapsed, %v", len(page.Views), err)
		}
	})
}

// TestRequestDeciders: whoever could make the binding decides, and nobody his
// own; to everyone else there is no such request.
func TestRequestDeciders(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "c", "apps")
		b.Role(t, "binder", authz.ActionSpaceRead, authz.ActionRoleBindingManage)
		b.AddKey(t, "bob")
		b.Bind(t, "bob", "binder", "dev")
		b.AddKey(t, "boss")
		b.BindEntity(t, "boss", "space-admin", onStack("k2"))
		b.AddUser(t, "carol")
		yes, no, own := domain.Code(""), domain.CodeNotFound, domain.CodeForbidden
		for _, c := range []struct {
			asker string
			in    bindings.RequestInput
			want  map[string]domain.Code
		}{
			{"rita", wish("space-writer", "dev"), map[string]domain.Code{"ann": yes, "root-admin": yes, "will": no, "bob": no, "boss": no, "nobody": no, "rita": own}},
			{"carol", wish("space-reader", "dev"), map[string]domain.Code{"ann": yes, "bob": yes, "rita": no}},
			{"ann", wish("space-admin", "apps"), map[string]domain.Code{"ann": own, "root-admin": yes, "bob": no}},
			{"root-admin", wish("space-admin", "dev"), map[string]domain.Code{"root-admin": own, "ann": yes}},
			{"rita", wish("space-reader", "root"), map[string]domain.Code{"ann": no, "root-admin": yes}},
			{"rita", wishOn("space-writer", onStack("k2")), map[string]domain.Code{"boss": yes, "ann": yes, "will": no, "bob": no}},
			{"rita", wishOn("space-reader", onStack("k2")), map[string]domain.Code{"bob": yes, "boss": yes}},
			{"rita", wishOn("space-reader", onContext("c")), map[string]domain.Code{"boss": no, "bob": no, "ann": yes}},
		} {
			for who, want := range c.want {
				id := b.ask(t, c.asker, c.in)
				name := fmt.Sprintf("%s decides %s's wish for %s in %s%s", who, c.asker, c.in.Role, c.in.Space, c.in.Entity.ID)
				v, err := b.FindRequest(b.As(t, who), id)
				if (err == nil) != (want != no) || v.CanDecide != (want == yes) {
					t.Errorf("%s: found %+v, %v", name, v, err)
				}
				if want == no {
					missing := b.grantRequest(t, who, "missing")()
					if hidden := b.grantRequest(t, who, id)(); hidden.Error() != missing.Error() {
						t.Errorf("R23: %s: hidden %v, missing %v", name, hidden, missing)
					}
				}
				b.check(t, want, b.refuse(t, who, id))
				if want == yes {
					continue
				}
				row := b.Denied(t, want, b.grantRequest(t, who, id))
				if row.Event != "access_request.grant" || row.ObjectID != string(id) || row.Reason == "" {
					t.Errorf("%s: recorded %+v", name, row)
				}
				b.Allowed(t, b.cancel(t, c.asker, id))
			}
		}
	})
}

// TestRequestInputs: who may ask, for what, and how often.
func TestRequestInputs(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		rita := b.As(t, "rita")
		for field, change := range map[string]func(*bindings.RequestInput){
			"role":     func(in *bindings.RequestInput) { in.Role = "no-such-role" },
			"duration": func(in *bindings.RequestInput) { in.Duration = 100 * 24 * time.Hour },
			"reason":   func(in *bindings.RequestInput) { in.Reason = " " },
			"spaceId":  func(in *bindings.RequestInput) { in.Space = "a\x00" },
		} {
			in := wish("space-reader", "dev")
			change(&in)
			b.Invalid(t, field, func() error { _, err := b.Request(rita, in); return err })
		}
		_, err := b.Request(b.As(t, ""), wish("space-reader", "dev"))
		wantCode(t, err, domain.CodeUnauthenticated)
		b.BindActor(t, stackActor("k"), "space-admin", "dev")
		run := b.AsStack(t, domain.Run{ID: "run", StackID: "k", State: domain.RunApplying})
		b.Denied(t, domain.CodeForbidden, func() error {
			_, err := b.Request(run, wish("space-reader", "dev"))
			return err
		})
		id := b.ask(t, "rita", wish("space-reader", "dev"))
		b.Denied(t, domain.CodeConflict, func() error { _, err := b.Request(rita, wish("space-reader", "dev")); return err })
		b.Invalid(t, "note", func() error { _, err := b.Refuse(b.As(t, "ann"), id, strings.Repeat("x", 2001)); return err })
		b.Denied(t, domain.CodeNotFound, b.cancel(t, "will", id)) // of another
		b.Denied(t, domain.CodeNotFound, b.cancel(t, "rita", "missing"))
		for i := range domain.MaxOpenRequests - 1 {
			b.ask(t, "rita", wish("space-reader", domain.SpaceID(fmt.Sprint("space-", i))))
		}
		b.Denied(t, domain.CodeConflict, func() error { _, err := b.Request(rita, wish("space-reader", "one-more")); return err })
		b.ask(t, "will", wish("space-reader", "one-more"))
		b.Allowed(t, b.cancel(t, "rita", id))
		b.ask(t, "rita", wish("space-reader", "one-more"))
	})
}

// TestRequestMeetsWhatIsHeld: a grant outlasts what the asker holds by a
// binding that ends, and never adds a second one.
func TestRequestMeetsWhatIsHeld(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		short := b.AddBinding(t, "space-writer", domain.Binding{Actor: b.Actor("rita"), Space: "dev", NotAfter: b.Clock.Now().Add(time.Minute)})
		id := b.ask(t, "rita", wish("space-writer", "dev"))
		b.Allowed(t, b.grantRequest(t, "ann", id))
		if _, err := b.Find(b.As(t, "ann"), short); domain.ErrorCode(err) != domain.CodeNotFound {
			t.Errorf("the shorter one is left: %v", err)
		}
		in := wish("space-writer", "dev")
		in.Duration = time.Minute
		id = b.ask(t, "rita", in)
		if row := b.Denied(t, domain.CodeConflict, b.grantRequest(t, "ann", id)); !strings.Contains(row.Reason, "holds that already") {
			t.Errorf("recorded %q", row.Reason)
		}
		b.Allowed(t, b.refuse(t, "ann", id))
		id = b.ask(t, "rita", wish("space-reader", "prod")) // for good
		b.Denied(t, domain.CodeConflict, b.grantRequest(t, "ann", id))
	})
}

// TestRequestOutlivesWhatItNames: what is gone by the decision is not given.
func TestRequestOutlivesWhatItNames(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "gone")
		byKey := b.ask(t, "gone", wish("space-reader", "dev"))
		if err := b.Exec(t, `delete from api_keys where id = $1`, string(b.KeyID("gone"))); err != nil {
			t.Fatal(err)
		}
		b.Denied(t, domain.CodeConflict, b.grantRequest(t, "ann", byKey))
		role := b.Role(t, "short-lived", authz.ActionSpaceRead)
		byRole := b.ask(t, "rita", wish("short-lived", "dev"))
		if err := b.Exec(t, `delete from roles where id = $1`, string(role)); err != nil {
			t.Fatal(err)
		}
		b.Role(t, "bump", authz.ActionSpaceRead) // the world changed behind the store's back
		b.Denied(t, domain.CodeConflict, b.grantRequest(t, "ann", byRole))
		v, err := b.FindRequest(b.As(t, "ann"), byRole)
		if err != nil || v.CanDecide || v.RoleSlug != "" {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// TestRequestDecidedOnce: of two who decide at once, one does.
func TestRequestDecidedOnce(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other := service(b.Open(t), b.Kit)
		for range 10 {
			id := b.ask(t, "rita", wish("space-writer", "dev"))
			errs := make([]error, 3)
			var all sync.WaitGroup
			ann, admin, rita := b.As(t, "ann"), b.As(t, "root-admin"), b.As(t, "rita")
			all.Go(func() { _, errs[0] = b.Grant(ann, id, "") })
			all.Go(func() { _, errs[1] = other.Refuse(admin, id, "") })
			all.Go(func() { _, errs[2] = other.Cancel(rita, id) })
			all.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else {
					wantCode(t, err, domain.CodeConflict)
				}
			}
			bound := len(b.Rows(t, `select 1 from role_bindings where created_by = '`+b.KeyID("ann").AuditName()+`'`))
			if won != 1 || bound == 1 != (errs[0] == nil) {
				t.Fatalf("%d decided (%v), %d bound", won, errs, bound)
			}
			if err := b.Exec(t, `delete from role_bindings where created_by = $1`, b.KeyID("ann").AuditName()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestRequestListIsWhatOneFinds: one's own, and what one may decide.
func TestRequestListIsWhatOneFinds(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		var all []domain.AccessRequestID
		for i, in := range []bindings.RequestInput{
			wish("space-writer", "dev"), wish("space-reader", "platform"), wish("space-reader", "nope"),
			wishOn("operator", onStack("k")), wishOn("operator", onStack("r0")), wish("operator", "apps"),
		} {
			b.Clock.Advance(time.Second)
			all = append(all, b.ask(t, "rita", in), b.ask(t, "will", in))
			if i == 0 {
				b.Allowed(t, b.grantRequest(t, "ann", all[0]))
				b.Allowed(t, b.cancel(t, "will", all[1]))
			}
		}
		for who, want := range map[string]int{"root-admin": 10, "ann": 6, "rita": 6, "will": 6, "nobody": 0} {
			var found []domain.AccessRequestID
			for _, id := range all {
				if _, err := b.FindRequest(b.As(t, who), id); err == nil {
					found = append(found, id)
				}
			}
			if len(found) != want {
				t.Errorf("%s finds %d, want %d", who, len(found), want)
			}
			for _, size := range []int{1, 4, 100} {
				if diff := cmp.Diff(found, b.requestPages(t, who, bindings.RequestQuery{}, size)); diff != "" {
					t.Errorf("%s, pages of %d (-found +listed):\n%s", who, size, diff)
				}
			}
		}
		for name, c := range map[string]struct {
			who   string
			query bindings.RequestQuery
			want  int
		}{
			"pending":         {"ann", bindings.RequestQuery{State: domain.RequestPending}, 4},
			"granted":         {"ann", bindings.RequestQuery{State: domain.RequestGranted}, 1},
			"canceled":        {"will", bindings.RequestQuery{State: domain.RequestCanceled}, 1},
			"his own":         {"will", bindings.RequestQuery{Mine: true}, 6},
			"hers to decide":  {"ann", bindings.RequestQuery{Decidable: true}, 4},
			"nothing of hers": {"ann", bindings.RequestQuery{Mine: true}, 0},
		} {
			if got := b.requestPages(t, c.who, c.query, 2); len(got) != c.want {
				t.Errorf("%s: %d, want %d", name, len(got), c.want)
			}
		}
	})
}

func (b bench) requestPages(t *testing.T, who string, q bindings.RequestQuery, size int) (ids []domain.AccessRequestID) {
	t.Helper()
	var after domain.ListPosition
	for {
		p, err := b.Requests(b.As(t, who), q, after, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Views {
			ids = append(ids, v.ID)
			after = domain.ListPosition{At: v.CreatedAt, ID: string(v.ID)}
		}
		if !p.More {
			return ids
		}
	}
}

// TestSweep clears away what expired long ago, under a name of its own, and
// nothing else.
func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.AddBinding(t, "operator", domain.Binding{Actor: b.Actor("nobody"), Space: "dev", NotAfter: b.Clock.Now().Add(time.Hour)})
		request, canceled := b.ask(t, "rita", wish("space-writer", "dev")), b.ask(t, "rita", wish("space-writer", "apps"))
		b.Allowed(t, b.cancel(t, "rita", canceled))
		sweep := func() (rows []domain.AuditEntry) {
			t.Helper()
			before := len(b.Audit(t))
			if _, err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			return b.Audit(t)[before:]
		}
		b.Clock.Advance(time.Hour + domain.BindingKept)
		rows := sweep()
		if len(rows) != 1 || rows[0].Event != "access_request.lapse" || rows[0].ObjectID != string(request) || rows[0].Actor != "system::sweeper" {
			t.Errorf("recorded %+v", rows)
		}
		b.Clock.Advance(time.Microsecond)
		if rows = sweep(); len(rows) != 1 || rows[0].Event != "role_binding.forget" || rows[0].ObjectID != string(id) || !slices.Equal(rows[0].Spaces, []domain.SpaceID{"dev"}) {
			t.Errorf("recorded %+v", rows)
		}
		if rows = sweep(); len(rows) != 0 {
			t.Errorf("swept again: %+v", rows)
		}
		if got := b.requestPages(t, "rita", bindings.RequestQuery{}, 10); len(got) != 2 {
			t.Errorf("%d requests are listed", len(got))
		}
		b.Clock.Advance(domain.RequestKept)
		sweep()
		if got := b.requestPages(t, "rita", bindings.RequestQuery{}, 10); len(got) != 0 {
			t.Errorf("%d requests are listed still", len(got))
		}
	})
}
