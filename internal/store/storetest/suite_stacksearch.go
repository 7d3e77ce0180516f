package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// testStackSearch walks through the pages of random searches by actors of a
// random world: they are what the caller may see one by one, filtered and
// sorted by a search of the suite's own.
func testStackSearch(t *testing.T, k *Kit) {
	w := &searchWorld{randomWorld: randomWorld{
		Kit: k, spaces: []domain.SpaceID{"root"}, rand: rand.New(rand.NewPCG(3, 7)), //nolint:gosec // to be repeated, not to be secret
	}, listed: map[string]map[domain.StackID]bool{}}
	w.grow(t)
	w.grow(t)
	w.fill(t, 900)
	who := append([]string{"root-admin"}, w.actors...)
	w.Role(t, "sees", authz.ActionSpaceRead)
	for i, part := range []int{len(w.spaces) / 2, 3} { // much, and little
		name := fmt.Sprintf("reader %d", i)
		w.AddKey(t, name)
		who = append(who, name)
		for _, s := range w.spaces[1 : 1+part] {
			w.Bind(t, name, "sees", s)
		}
	}
	w.BindEntity(t, "reader 0", "sees", authz.EntityRef{Kind: authz.EntityStack, ID: string(w.stacks[0])})
	w.BindEntity(t, "reader 1", "sees", authz.EntityRef{Kind: authz.EntityStack, ID: string(w.stacks[1])})
	found := 0
	for range 100 {
		name, q := pick(w.rand, who), w.search()
		found += w.walk(t, name, q)
	}
	for _, name := range who {
		found += w.walk(t, name, domain.StackSearch{Size: 50})
	}
	if found < 5000 {
		t.Errorf("only %d stacks were found: the searches prove nothing", found)
	}
	w.insertBetween(t)
}

// searchWorld is a random world with stacks of all kinds.
type searchWorld struct {
	randomWorld
	all    []domain.Stack
	listed map[string]map[domain.StackID]bool // by actor, as decided one by one
}

var (
	searchNames  = []string{"Äpfel", "ÄPFEL", "apfel", "zebra", "straße", "STRASSE", "ﬁne", "fine", "a b", "100%", "a_b", "x'y", `q"q`, "日本", "Zoo 1", "zoo-2", "_"}
	searchLabels = []string{"prod", "PROD", "a", `a"x`, "x", ",", `\`, "ä", "team:a b", "%", "a,b"}
	searchTexts  = []string{"", "main", "Main", "infra/net", "infra/Net", "mono", "日本"}
	searchStates = []domain.RunState{"", domain.RunNone, domain.RunFinished, domain.RunFailed}
)

func (w *searchWorld) fill(t *testing.T, n int) {
	t.Helper()
	w.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for range n {
			if err := tx.InsertStack(ctx, p.For(access.KindStack), w.make()); err != nil {
				return err
			}
		}
		return nil
	})
	w.View(t, func(tx *store.Tx) (err error) {
		ctx := w.As(t, "root-admin")
		scope, err := w.Gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err == nil {
			w.all, err = tx.Stacks(ctx, scope)
		}
		return err
	})
}

func (w *searchWorld) make() domain.Stack {
	id := w.IDs.ULID()
	st := domain.Stack{ID: domain.StackID(strings.ToLower(id)), ULID: id, RunState: pick(w.rand, searchStates)}
	if w.rand.IntN(3) == 0 {
		st.ID = domain.StackID("s-" + id)
	}
	st.CreatedAt = w.Clock.Now().Add(time.Duration(w.rand.IntN(50)) * time.Microsecond)
	st.StateSetAt = st.CreatedAt.Add(time.Duration(w.rand.IntN(3)) * time.Hour)
	s := &st.StackSettings
	s.Space, s.Name = pick(w.rand, w.spaces), pick(w.rand, searchNames)+strings.Repeat("n", w.rand.IntN(2))
	s.Description, s.Branch, s.Repository = pick(w.rand, searchTexts), pick(w.rand, searchTexts), pick(w.rand, searchTexts)
	s.Namespace, s.ProjectRoot = pick(w.rand, searchTexts), pick(w.rand, searchTexts)
	s.WorkerPool = domain.WorkerPoolID(pick(w.rand, searchTexts))
	s.Provider = pick(w.rand, domain.VCSProviders())
	s.Administrative = w.rand.IntN(4) == 0
	if w.rand.IntN(4) == 0 {
		st.Lock = &domain.StackLock{ID: id, Owner: authz.ActorRef{Kind: authz.ActorUser, ID: id}, At: st.CreatedAt}
	}
	for range w.rand.IntN(4) {
		s.Labels = append(s.Labels, pick(w.rand, searchLabels))
	}
	switch w.rand.IntN(4) {
	case 0:
		s.Vendor.OpenTofu = &domain.TofuVendor{}
	case 1:
		s.Vendor.CloudFormation = &domain.CloudFormationVendor{}
	case 2:
		s.Vendor.Terraform = &domain.TofuVendor{}
	}
	return st
}

// search makes one up.
func (w *searchWorld) search() domain.StackSearch {
	q := domain.StackSearch{Size: 1 + w.rand.IntN(80), Descending: w.rand.IntN(2) == 0}
	if w.rand.IntN(3) > 0 {
		q.Order = pick(w.rand, domain.StackFields())
	}
	if w.rand.IntN(3) == 0 {
		q.Words = append(q.Words, domain.NameKey(pick(w.rand, []string{"pfel", "STRASSE", "prod", "日", `"`, "a", "s-", "%", "nowhere", "net"})))
	}
	for range w.rand.IntN(3) {
		p := domain.StackPredicate{Field: pick(w.rand, domain.StackFields()), Exclude: w.rand.IntN(4) == 0}
		pool := append([]string{"true", "false", "NONE", "FINISHED", "OPEN_TOFU", "CloudFormation", "GITHUB", "a\x00", "\xff", "zebra"}, searchTexts...)
		switch p.Field { //nolint:exhaustive // the others have values of the pool
		case domain.StackFieldName:
			pool = searchNames
		case domain.StackFieldLabels:
			pool = searchLabels
		case domain.StackFieldSpace:
			pool = []string{string(pick(w.rand, w.spaces)), "root"}
		case domain.StackFieldID:
			pool = []string{string(pick(w.rand, w.all).ID), string(pick(w.rand, w.all).ID)}
		}
		for range 1 + w.rand.IntN(3) {
			p.Values = append(p.Values, pick(w.rand, pool))
		}
		q.Predicates = append(q.Predicates, p)
	}
	return q
}

// walk reads all pages of a search, compares them with the suite's own, and
// returns how many stacks there were.
func (w *searchWorld) walk(t *testing.T, who string, q domain.StackSearch) int {
	t.Helper()
	var got, want []string
	w.View(t, func(tx *store.Tx) error {
		ctx := w.As(t, who)
		if w.listed[who] == nil {
			if err := w.decide(ctx, tx, who); err != nil {
				return err
			}
		}
		for _, st := range w.expected(q) {
			if w.listed[who][st.ID] {
				want = append(want, string(st.ID))
			}
		}
		for {
			page, err := w.page(ctx, tx, q)
			if err != nil {
				return err
			}
			for _, hit := range page[:min(q.Size, len(page))] {
				got = append(got, string(hit.ID))
				q.After = &hit.At
			}
			if len(page) <= q.Size {
				return nil
			}
		}
	})
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%s searches %+v (-single +listed):\n%s", who, q, diff)
	}
	return len(got)
}

// decide asks for every stack by itself.
func (w *searchWorld) decide(ctx context.Context, tx *store.Tx, who string) error {
	w.listed[who] = map[domain.StackID]bool{}
	for _, st := range w.all {
		ok, err := w.Gate.Holds(ctx, tx, authz.ActionSpaceRead, access.Object{Space: st.Space, Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(st.ID)}})
		if err != nil {
			return err
		}
		w.listed[who][st.ID] = ok
	}
	return nil
}

func (w *searchWorld) page(ctx context.Context, tx *store.Tx, q domain.StackSearch) ([]domain.StackHit, error) {
	scope, err := w.Gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
	if err != nil {
		return nil, err
	}
	page, err := tx.SearchStacks(ctx, scope, q)
	if err == nil && len(page) > q.Size+1 {
		err = errors.New("a page has more than one stack too many")
	}
	return page, err
}

// expected filters and sorts all stacks the slow way.
func (w *searchWorld) expected(q domain.StackSearch) (out []domain.Stack) {
	for _, st := range w.all {
		ok := true
		for _, word := range q.Words {
			ok = ok && slices.ContainsFunc(append([]string{st.Name, string(st.ID), st.Description, st.Repository}, st.Labels...),
				func(text string) bool { return strings.Contains(domain.NameKey(text), word) })
		}
		for _, p := range q.Predicates {
			ok = ok && p.Exclude != slices.ContainsFunc(fieldValues(st, p.Field), func(v string) bool { return slices.Contains(p.Values, v) })
		}
		if ok {
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(a, b domain.Stack) int {
		c := cmp.Or(compareBy(a, b, q.Order), cmp.Compare(a.ULID, b.ULID))
		if q.Descending {
			return -c
		}
		return c
	})
	return out
}

// fieldValues are what a predicate on a field is true of.
func fieldValues(s domain.Stack, f domain.StackField) []string {
	switch f {
	case domain.StackFieldLabels:
		return s.Labels
	case domain.StackFieldAdministrative:
		return []string{strconv.FormatBool(s.Administrative)}
	case domain.StackFieldLocked:
		return []string{strconv.FormatBool(s.Lock != nil)}
	case domain.StackFieldStarred:
		return []string{"false"}
	case domain.StackFieldCommit, domain.StackFieldCreatedAt, domain.StackFieldStateSetAt:
		return nil
	case domain.StackFieldVendor:
		switch {
		case s.Vendor.OpenTofu != nil:
			return []string{"OPEN_TOFU"}
		case s.Vendor.CloudFormation != nil:
			return []string{"CloudFormation"}
		}
		return nil
	case domain.StackFieldState:
		return []string{string(cmp.Or(s.RunState, domain.RunNone))}
	default:
		return []string{fieldText(s, f)}
	}
}

func fieldText(s domain.Stack, f domain.StackField) string {
	return map[domain.StackField]string{
		domain.StackFieldID: string(s.ID), domain.StackFieldName: s.Name, domain.StackFieldDescription: s.Description,
		domain.StackFieldSpace: string(s.Space), domain.StackFieldBranch: s.Branch, domain.StackFieldRepository: s.Repository,
		domain.StackFieldNamespace: s.Namespace, domain.StackFieldProvider: string(s.Provider),
		domain.StackFieldProjectRoot: s.ProjectRoot, domain.StackFieldWorkerPool: string(s.WorkerPool),
	}[f]
}

func compareBy(a, b domain.Stack, f domain.StackField) int {
	switch f {
	case "", domain.StackFieldName, domain.StackFieldStarred, domain.StackFieldCommit:
		return cmp.Compare(domain.NameKey(a.Name), domain.NameKey(b.Name))
	case domain.StackFieldCreatedAt:
		return a.CreatedAt.Compare(b.CreatedAt)
	case domain.StackFieldStateSetAt:
		return a.StateSetAt.Compare(b.StateSetAt)
	case domain.StackFieldLabels:
		quote := func(s domain.Stack) string { return strings.ReplaceAll(fmt.Sprintf("%q", s.Labels), `" "`, `","`) }
		return cmp.Compare(quote(a), quote(b))
	case domain.StackFieldVendor:
		return cmp.Compare(a.Vendor.Name(), b.Vendor.Name())
	case domain.StackFieldState, domain.StackFieldAdministrative, domain.StackFieldLocked:
		return cmp.Compare(fieldValues(a, f)[0], fieldValues(b, f)[0])
	default:
		return cmp.Compare(fieldText(a, f), fieldText(b, f))
	}
}

// insertBetween makes and deletes stacks between the pages of a walk: what was
// there all the time is found once.
func (w *searchWorld) insertBetween(t *testing.T) {
	t.Helper()
	for _, descending := range []bool{false, true} {
		q := domain.StackSearch{Size: 40, Descending: descending}
		seen := map[domain.StackID]int{}
		gone := map[domain.StackID]bool{}
		for more := true; more; {
			w.View(t, func(tx *store.Tx) error {
				page, err := w.page(w.As(t, "root-admin"), tx, q)
				if more = len(page) > q.Size; more {
					page = page[:q.Size]
				}
				for _, hit := range page {
					seen[hit.ID]++
					q.After = &hit.At
				}
				return err
			})
			last, i := domain.StackID(""), w.rand.IntN(len(w.all))
			w.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				last = w.all[i].ID
				return errors.Join(tx.InsertStack(ctx, p.For(access.KindStack), w.make()), tx.DeleteStack(ctx, p.For(access.KindStack), last))
			})
			gone[last], w.all = true, slices.Delete(w.all, i, i+1)
		}
		for _, st := range w.all {
			if seen[st.ID] != 1 {
				t.Errorf("%s, which was there all the time, was found %d times", st.ID, seen[st.ID])
			}
		}
		w.fill(t, 0)
	}
}
