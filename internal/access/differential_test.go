package access_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/reference"
	"github.com/airlock-project/airlock/authz/worlds"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

const (
	perStep  = 20  // questions after each change
	walkLen  = 125 // changes of one account
	perWalk  = perStep * walkLen
	attempts = 40 // to make what fails shorter
)

// cases is how many questions are asked through each database: 5,000, or a
// twenty-fifth of AIRLOCK_CASES.
func cases(t *testing.T) int {
	t.Helper()
	given := os.Getenv("AIRLOCK_CASES")
	if given == "" {
		return 5_000
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 25 {
		t.Fatalf("AIRLOCK_CASES is %q, not a number of questions", given)
	}
	return n / 25
}

// TestCase196AgainstReference changes accounts at random, asks the gate, and
// compares with what the second evaluator says of the world that there must be
// by now (security cases 71, 72 and 196).
func TestCase196AgainstReference(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			done := &tally{changed: map[string]int{}, noticed: map[string]bool{}}
			for seed := range uint64((cases(t) + perWalk - 1) / perWalk) {
				w := walk{url: d.URL, seed: seed, done: done}
				if failed := w.run(t, nil); failed != nil {
					t.Fatal(w.shorten(t, failed))
				}
			}
			done.check(t)
		})
	}
}

// What a comparison finds is told with the few changes that it takes.
func TestWalksAreShortened(t *testing.T) {
	t.Parallel()
	w := walk{url: storetest.Databases[0].URL, done: &tally{changed: map[string]int{}, noticed: map[string]bool{}}, without: "A142"}
	failed := w.run(t, nil)
	if failed == nil {
		t.Fatal("nobody noticed that the administrative flag means nothing")
	}
	told := w.shorten(t, failed)
	if len(w.trace) > 8 || len(w.trace) > failed.step {
		t.Errorf("from %d changes to %s", failed.step+1, told)
	}
}

// tally is what the walks over one database came across.
type tally struct {
	questions int
	changed   map[string]int  // changes that were made, by name
	noticed   map[string]bool // rules without which an answer would have been another
}

// unreachable are the rules that no database can break: its groups are those
// that are mapped.
var unreachable = []string{"A8"}

// check fails if something was never tried, or would not have been noticed.
// Few questions need not meet everything.
func (d *tally) check(t *testing.T) {
	t.Helper()
	t.Logf("%d questions after %v", d.questions, d.changed)
	if d.questions < 20_000 {
		return
	}
	for _, c := range changes {
		if d.changed[c.name] == 0 {
			t.Errorf("%s was never done", c.name)
		}
	}
	for _, rule := range reference.Rules {
		if !d.noticed[rule] && !slices.Contains(unreachable, rule) {
			t.Errorf("%d questions do not need %s", d.questions, rule)
		}
	}
}

// walk is one account that changes step by step.
type walk struct {
	url   func(*testing.T) string
	seed  uint64
	done  *tally
	trace []string       // what the last run did
	tries map[int]uint64 // see estate.step

	without string // a rule that the second evaluator is not to know
}

// failure is where a walk went wrong.
type failure struct {
	step int
	err  error
}

// run makes the changes of some steps, of all if keep is nil, and asks after
// each one.
func (w *walk) run(t *testing.T, keep []int) *failure {
	t.Helper()
	e := newEstate(t, w.url(t))
	second, gate := e.Open(t), access.NewGate() // another server, which looks less often
	w.trace = nil
	if keep == nil {
		w.tries = map[int]uint64{}
		for i := range walkLen {
			keep = append(keep, i)
		}
	}
	for _, i := range keep {
		name, err := e.step(t, w.seed, i, w.tries)
		w.trace = append(w.trace, fmt.Sprintf("%d %s", i, name))
		if err != nil {
			return &failure{i, err}
		}
		w.done.changed[name]++
		questions := e.questions(perStep)
		ask := func(when string, s *store.Store, g *access.Gate) {
			if err != nil {
				return
			}
			err = s.View(t.Context(), func(tx *store.Tx) error { return w.compare(t, e, tx, g, e.world, questions) })
			if err != nil {
				err = fmt.Errorf("%s: %w", when, err)
			}
		}
		ask("after the change", e.Store, e.Gate)
		if i%5 == 0 {
			ask("on another server", second, gate)
		}
		if i%10 == 0 {
			ask("read as a whole", e.Store, access.NewGate())
		}
		if i%7 == 0 && err == nil {
			err = e.trial(t, func(_ context.Context, tx *store.Tx, world authz.World) error {
				return w.compare(t, e, tx, e.Gate, world, questions)
			})
			ask("after a change was undone", e.Store, e.Gate)
		}
		if err != nil {
			return &failure{i, err}
		}
		w.done.questions += len(questions)
	}
	return nil
}

// shorten leaves out steps as long as the rest fails, too.
func (w *walk) shorten(t *testing.T, f *failure) string {
	t.Helper()
	var keep []int
	for i := range f.step + 1 {
		keep = append(keep, i)
	}
	left := attempts
	for size := len(keep) / 2; size > 0 && left > 0; size /= 2 {
		for from := 0; from+size <= len(keep) && left > 0; left-- {
			fewer := slices.Concat(keep[:from], keep[from+size:])
			if shorter := w.run(t, fewer); shorter != nil {
				at := slices.Index(fewer, shorter.step)
				keep, f = fewer[:at+1], shorter
			} else {
				from += size
			}
		}
	}
	if last := w.run(t, keep); last != nil {
		f = last
	}
	return fmt.Sprintf("seed %d: %v\nafter\n\t%s", w.seed, f.err, strings.Join(w.trace, "\n\t"))
}

// after is the world after changes.
func after(w authz.World, list ...authz.Change) authz.World { return worlds.After(w, list...) }

// questions asks what the world is asked, and about what does not exist.
func (e *estate) questions(n int) (list []worlds.Question) {
	actors := append(e.everybody(), e.Actor("root-admin"), authz.ActorRef{Kind: authz.ActorUser, ID: "nobody"})
	homes := e.homes()
	for range n {
		q := worlds.Question{Action: interesting[e.src.IntN(len(interesting))], Target: authz.Target{Space: e.space()}}
		if len(homes) > 0 && e.one(2) {
			q.Target = pick(e, homes)
		}
		if e.one(40) {
			q.Target.Space = "gone"
		}
		q.Subject = authz.Subject{
			Actor: pick(e, actors), Groups: nil,
			ReadOnly: e.one(5), AlwaysAdmin: e.one(15), SessionOnly: e.one(6),
		}
		if e.one(2) {
			q.Subject.Groups = e.groups()
		}
		for range e.src.IntN(3) {
			r := pick(e, e.world.Roles)
			q.Subject.Session = append(q.Subject.Session, authz.Grant{Role: pick(e, []string{r.ID, r.Slug, "gone"}), Space: e.space()})
		}
		list = append(list, q)
	}
	return list
}

// compare asks a gate, and returns the first answer that is not right.
func (w *walk) compare(t *testing.T, e *estate, tx *store.Tx, g *access.Gate, world authz.World, questions []worlds.Question) error {
	n := reference.Without(w.without, world, tx.Now())
	for i, q := range questions {
		c := comparison{e: e, t: t, tx: tx, gate: g, n: n, q: q, ctx: e.caller(t, q.Subject)}
		c.decision()
		c.account()
		if i%5 == 0 {
			c.lists()
			c.levels()
			c.batch()
		}
		if c.err != nil {
			return fmt.Errorf("%s %s of %+v by %+v: %w\nin %+v", c.what, q.Action, q.Target, q.Subject, c.err, world)
		}
		w.done.notice(n, q)
	}
	return nil
}

// notice marks the rules without which a question would have been answered
// otherwise.
func (d *tally) notice(n *reference.Evaluator, q worlds.Question) {
	noticeMu.Lock()
	defer noticeMu.Unlock()
	a := q.Action.String()
	for _, rule := range reference.Rules {
		if d.noticed[rule] {
			continue
		}
		other := reference.Without(rule, n.World, n.Now)
		d.noticed[rule] = other.Decide(q.Subject, a, q.Target) != n.Decide(q.Subject, a, q.Target) ||
			other.Level(q.Subject, q.Target.Space) != n.Level(q.Subject, q.Target.Space)
	}
}

var noticeMu sync.Mutex

// comparison is one question before both.
type comparison struct {
	e    *estate
	t    *testing.T
	ctx  context.Context
	tx   *store.Tx
	gate *access.Gate
	n    *reference.Evaluator
	q    worlds.Question

	what string
	err  error // the first
}

func (c *comparison) same(what string, got, want any, err error) {
	if c.err != nil {
		return
	}
	if err != nil {
		c.what, c.err = what, err
	} else if got != want {
		c.what, c.err = what, fmt.Errorf("got %v, want %v", got, want)
	}
}

// outcome is what an answer of the gate means.
func outcome(err error) (authz.Outcome, error) {
	switch {
	case err == nil:
		return authz.Allowed, nil
	case domain.ErrorCode(err) == domain.CodeForbidden:
		return authz.Forbidden, nil
	case domain.ErrorCode(err) == domain.CodeNotFound:
		return authz.Hidden, nil
	}
	return authz.Hidden, err
}

func (c *comparison) decision() {
	o := access.Object{Kind: access.KindStack, Noun: "stack", Space: domain.SpaceID(c.q.Target.Space), Entity: c.q.Target.Entity}
	op := access.Op{Event: "test", Action: c.q.Action, See: authz.ActionSpaceRead, Object: o}
	want := c.n.Decide(c.q.Subject, c.q.Action.String(), c.q.Target)
	_, err := c.gate.Permit(c.ctx, c.tx, op)
	got, err := outcome(err)
	c.same("permit", got, want, err)
	holds, err := c.gate.Holds(c.ctx, c.tx, c.q.Action, o)
	c.same("holds", holds, want == authz.Allowed, err)

	bound, derived := c.n.Effective(c.q.Subject, c.q.Target)
	a := c.q.Action
	seen := c.q.Target.Space != "gone" &&
		(bound["space:read"] || derived || bound[a.String()] && (!c.q.Subject.ReadOnly || a.Reads()))
	got, err = outcome(c.gate.See(c.ctx, c.tx, a, o))
	c.same("see", got == authz.Allowed, seen, err)
}

func (c *comparison) account() {
	op := access.Op{Event: "test", Object: access.Object{Kind: access.KindRole, Noun: "role"}}
	_, err := c.gate.Account(c.ctx, c.tx, op)
	got, err := outcome(err)
	c.same("account", got == authz.Allowed, c.n.Admins(c.q.Subject, "root") && !c.q.Subject.ReadOnly, err)
	got, err = outcome(c.gate.AccountView(c.ctx, c.tx))
	c.same("account view", got == authz.Allowed, c.n.AdminSomewhere(c.q.Subject), err)
}

// lists compares what is listed with what is allowed, one by one.
func (c *comparison) lists() {
	for _, kind := range []authz.EntityKind{authz.EntityStack, authz.EntityContext, authz.EntityWorkerPool} {
		scope, err := c.gate.Scope(c.ctx, c.tx, c.q.Action, kind)
		c.same("scope", nil, nil, err)
		var want []string
		for _, h := range c.e.homesOf(kind) {
			bound, derived := c.n.Effective(c.q.Subject, h)
			lists := (bound["space:read"] || derived) && c.n.Decide(c.q.Subject, c.q.Action.String(), h) == authz.Allowed
			c.same("shows "+h.Entity.ID, scope.Shows(domain.SpaceID(h.Space), h.Entity), lists, nil)
			if lists {
				want = append(want, h.Entity.ID)
			}
		}
		got, err := c.listed(kind, scope)
		slices.Sort(got)
		slices.Sort(want)
		c.same("list of "+kind.String(), fmt.Sprint(got), fmt.Sprint(want), err)
	}
}

func (c *comparison) listed(kind authz.EntityKind, scope access.Scope) (ids []string, err error) {
	switch kind {
	case authz.EntityStack:
		list, err := c.tx.Stacks(c.t.Context(), scope)
		for _, st := range list {
			ids = append(ids, string(st.ID))
		}
		return ids, err
	case authz.EntityContext:
		list, err := c.tx.Contexts(c.t.Context(), scope)
		for _, x := range list {
			ids = append(ids, string(x.ID))
		}
		return ids, err
	default:
		list, err := c.tx.WorkerPools(c.t.Context(), scope)
		for _, p := range list {
			ids = append(ids, string(p.ID))
		}
		return ids, err
	}
}

// levels compares the tree that is shown, and each space of it.
func (c *comparison) levels() {
	shown, err := c.gate.Levels(c.ctx, c.tx)
	c.same("levels", nil, nil, err)
	tree := map[string]authz.Level{}
	for _, s := range shown {
		tree[s.Space] = s.Level
	}
	for _, s := range c.n.World.Spaces {
		want := c.n.Level(c.q.Subject, s.ID)
		got, err := c.gate.Level(c.ctx, c.tx, domain.SpaceID(s.ID))
		c.same("level of "+s.ID, got, want, err)
		c.same("tree at "+s.ID, tree[s.ID], want, nil)
	}
}

// batch compares one question about every action in every space.
func (c *comparison) batch() {
	m, err := c.gate.Moment(c.ctx, c.tx)
	c.same("moment", nil, nil, err)
	if err != nil {
		return
	}
	var asks []authz.Ask
	for _, s := range c.n.World.Spaces {
		for _, a := range interesting {
			asks = append(asks, authz.Ask{Action: a, Place: m.Snapshot.Place(authz.Target{Space: s.ID})})
		}
	}
	h := m.Snapshot.Holder(c.q.Subject)
	answers := h.DecideAll(asks, m.Time, nil)
	for _, s := range c.n.World.Spaces {
		for _, a := range interesting {
			want := c.n.Decide(c.q.Subject, a.String(), authz.Target{Space: s.ID})
			c.same("batch: "+a.String()+" in "+s.ID, answers[0].Outcome, want, nil)
			answers = answers[1:]
		}
	}
}
