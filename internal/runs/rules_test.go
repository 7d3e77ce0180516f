package runs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
)

func (b bench) asksTrigger(t *testing.T, who string, stack domain.StackID) func() error {
	return func() error {
		_, err := b.Trigger(b.As(t, who), runs.TriggerInput{Stack: stack})
		return err
	}
}

// TestA84Trigger asks as everybody on stacks of several spaces.
func TestA84Trigger(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "p", "prod", nil)
		for _, c := range []struct {
			who   string
			stack domain.StackID
			want  domain.Code
		}{
			{"root-admin", "r0", ""},
			{"ann", "k", ""}, {"ann", "k2", ""}, {"ann", "p", ""}, // cascade, also over inherit off
			{"ann", "r0", domain.CodeForbidden}, // derived read only (A31)
			{"will", "k2", ""},
			{"will", "k", domain.CodeForbidden}, // derived read
			{"will", "p", domain.CodeNotFound},
			{"rita", "p", domain.CodeForbidden},
			{"rita", "k", domain.CodeNotFound}, // the edge does not inherit (A30)
			{"ops", "k2", ""},
			{"ops", "p", domain.CodeNotFound},
			{"nobody", "k", domain.CodeNotFound},
		} {
			ask := b.asksTrigger(t, c.who, c.stack)
			if c.want == "" {
				row := b.Allowed(t, ask)
				if row.Event != "run.trigger" || row.Action != "run:trigger" || row.Actor != b.KeyID(c.who).AuditName() {
					t.Errorf("recorded %+v", row)
				}
				continue
			}
			if row := b.Denied(t, c.want, ask); row.Event != "run.trigger" {
				t.Errorf("recorded %+v", row)
			}
		}
		wantCode(t, b.asksTrigger(t, "", "k")(), domain.CodeUnauthenticated)
	})
}

// TestR5ByName uses roles without space:read on known ids.
func TestR5ByName(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "deploy", authz.ActionRunTrigger)
		b.Role(t, "watch", authz.ActionRunTrigger, authz.ActionRunRead)
		b.Role(t, "stack-reader", authz.ActionStackRead)
		for _, name := range []string{"deploy", "watch", "stack-reader"} {
			b.AddKey(t, name)
			b.Bind(t, name, name, "dev")
		}
		b.Allowed(t, b.asksTrigger(t, "deploy", "k2"))
		b.Denied(t, domain.CodeNotFound, b.asksTrigger(t, "deploy", "k")) // of a space he does not know (A22)
		run := b.trigger(t, "k2")

		_, err := b.Get(b.As(t, "deploy"), "k2", run.ID)
		wantCode(t, err, domain.CodeNotFound)
		if got, err := b.Get(b.As(t, "watch"), "k2", run.ID); err != nil || got.ID != run.ID {
			t.Errorf("run:read by name: %v", err)
		}
		if _, err := b.Logs(b.As(t, "watch"), run.ID, domain.RunQueued, -1, ""); err != nil {
			t.Errorf("logs by run:read: %v", err)
		}
		_, err = b.List(b.As(t, "watch"), "k2", domain.RunTracked, "")
		wantCode(t, err, domain.CodeNotFound)
		if list, err := b.List(b.As(t, "stack-reader"), "k2", domain.RunTracked, ""); err != nil || len(list) != 0 {
			t.Errorf("stack:read lists %d runs, %v; want none", len(list), err)
		}
		// The tier of space:write needs space:read beside it.
		b.Role(t, "blind", authz.ActionSpaceWrite)
		b.AddKey(t, "blind")
		b.Bind(t, "blind", "blind", "dev")
		b.Denied(t, domain.CodeForbidden, b.asksTrigger(t, "blind", "k2"))
	})
}

// TestR23Hidden compares every answer about what is hidden with that about
// what does not exist.
func TestR23Hidden(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "p", "prod", nil)
		hidden := b.trigger(t, "p")
		will := b.As(t, "will")
		asks := map[string]func(stack domain.StackID, run domain.RunID) error{
			"trigger": func(s domain.StackID, _ domain.RunID) error {
				_, err := b.Trigger(will, runs.TriggerInput{Stack: s})
				return err
			},
			"confirm":             func(s domain.StackID, r domain.RunID) error { _, err := b.Confirm(will, s, r, ""); return err },
			"discard":             func(s domain.StackID, r domain.RunID) error { _, err := b.Discard(will, s, r, ""); return err },
			"confirm the blocker": func(s domain.StackID, _ domain.RunID) error { _, err := b.Confirm(will, s, "", ""); return err },
			"get":                 func(s domain.StackID, r domain.RunID) error { _, err := b.Get(will, s, r); return err },
			"list": func(s domain.StackID, _ domain.RunID) error {
				_, err := b.List(will, s, domain.RunTracked, "")
				return err
			},
			"history": func(_ domain.StackID, r domain.RunID) error { _, err := b.History(will, r); return err },
			"changes": func(_ domain.StackID, r domain.RunID) error { _, err := b.Changes(will, r); return err },
			"logs": func(_ domain.StackID, r domain.RunID) error {
				_, err := b.Logs(will, r, domain.RunQueued, -1, "")
				return err
			},
		}
		for name, ask := range asks {
			want := ask("missing", "missing")
			for what, got := range map[string]error{
				"hidden":                    ask("p", hidden.ID),
				"hidden stack, missing run": ask("p", "missing"),
				"missing stack, hidden run": ask("missing", hidden.ID),
			} {
				if fmt.Sprint(got) != fmt.Sprint(want) || domain.ErrorCode(got) != domain.ErrorCode(want) {
					t.Errorf("%s, %s: %v; missing: %v", name, what, got, want)
				}
			}
		}
		// A run of another stack is not a run of this one.
		own := b.trigger(t, "k2")
		_, err := b.Get(b.As(t, "root-admin"), "p", own.ID)
		wantCode(t, err, domain.CodeNotFound)
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.Confirm(b.As(t, "root-admin"), "p", own.ID, ""); return err })
	})
}

// TestR26Messages says who lacks what, where.
func TestR26Messages(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ops := b.KeyID("ops").AuditName()
		run := b.planned(t, "k2")
		for want, err := range map[string]error{
			"forbidden: " + ops + " lacks run:confirm in space dev":                          second(b.Confirm(b.As(t, "ops"), "k2", run.ID, "")),
			"forbidden: " + ops + " lacks run:discard in space dev":                          second(b.Discard(b.As(t, "ops"), "k2", run.ID, "")),
			"forbidden: " + b.KeyID("will").AuditName() + " lacks run:trigger in space apps": b.asksTrigger(t, "will", "k")(),
		} {
			if err == nil || err.Error() != want || strings.Contains(err.Error(), "unauthorized") {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		if err := b.asksTrigger(t, "", "k2")(); !strings.Contains(err.Error(), "unauthorized") {
			t.Errorf("without credentials: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestBadTriggers(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for field, inputs := range map[string][]runs.TriggerInput{
			"commitSha": {{Commit: "main"}, {Commit: "0123ab"}, {Commit: "--upload-pack=x"}, {Commit: "0123abc\n"}, {Commit: strings.Repeat("a", 65)}},
			"runType":   {{Type: domain.RunDestroy}, {Type: domain.RunTask}, {Type: domain.RunTesting}, {Type: "tracked"}},
			"metadata":  {{Metadata: strings.Repeat("x", 10<<20)}, {Metadata: "\x00"}, {Metadata: "\xff"}},
		} {
			for _, in := range inputs {
				in.Stack = "k"
				b.Invalid(t, field, func() error { return second(b.Trigger(b.As(t, "ann"), in)) })
			}
		}
		run := b.planned(t, "k")
		for _, note := range []string{strings.Repeat("x", 10<<20), "\x00", "\xff"} {
			b.Invalid(t, "note", func() error { return second(b.Confirm(b.As(t, "ann"), "k", run.ID, note)) })
		}
	})
}
