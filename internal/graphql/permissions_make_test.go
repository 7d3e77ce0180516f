package graphql

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// The things that rows are asked about, made by the admin of root. Each call
// makes another one.

// stack makes a stack in the object's space.
func (o *object) stack() string { return o.stackIn(o.space) }

func (o *object) stackIn(space string) string {
	return id(o.admin.do("provider_stacks", "Create", vars{"input": stackInput(o.name("stack"), space), "manageState": true}))
}

// context makes a context in the object's space.
func (o *object) context() string {
	return id(o.admin.do("provider_contexts", "Create", vars{"input": contextInputOf(o.name("context"), o.space)}))
}

func contextInputOf(name, space string) vars {
	return vars{"name": name, "description": nil, "labels": nil, "space": space}
}

// attach puts a context on a stack and returns the attachment.
func (o *object) attach(context, stack string) string {
	return id(o.admin.do("provider_contexts", "Attach", vars{"id": context, "stack": stack, "priority": 0}))
}

// variable is one to set.
func (o *object) variable() vars {
	return vars{"id": strings.ReplaceAll(o.name("VARIABLE"), "-", "_"), "type": "ENVIRONMENT_VARIABLE", "value": "x", "writeOnly": false, "description": nil}
}

// variableOf sets a variable of a stack or a context and returns its name.
func (o *object) variableOf(operation, argument, owner string) string {
	return id(o.admin.do("provider_contexts", operation, vars{argument: owner, "config": o.variable()}))
}

// run makes a run of a stack and takes it to a state by the shortest way.
func (o *object) run(stack string, kind domain.RunType, state domain.RunState) string {
	now := o.kit.Clock.Now()
	run := domain.Run{
		ID: domain.RunID(o.kit.IDs.ULID()), StackID: domain.StackID(stack), Type: kind, State: domain.RunQueued, StateSerial: 1,
		Branch: "main", Title: "run", TriggeredBy: "test", CreatedAt: now, UpdatedAt: now,
	}
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		p = p.For(access.KindRun)
		if err := tx.InsertRun(ctx, p, run); err != nil {
			return err
		}
		for _, next := range wayTo(kind, state) {
			from := run.State
			if err := run.Advance(next, now, ""); err != nil {
				return err
			}
			if next.Active() {
				run.Worker, run.LeaseUntil, run.Epoch = "worker-1", now.Add(time.Hour), 1
			}
			if err := tx.AdvanceRun(ctx, p, run, from, "test"); err != nil {
				return err
			}
		}
		return nil
	})
	return string(run.ID)
}

// wayTo is the shortest way of a run of a kind from QUEUED to a state.
func wayTo(kind domain.RunType, state domain.RunState) []domain.RunState {
	ways := map[domain.RunState][]domain.RunState{domain.RunQueued: nil}
	for queue := []domain.RunState{domain.RunQueued}; len(queue) > 0; queue = queue[1:] {
		for _, next := range []domain.RunState{
			domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed,
			domain.RunConfirmed, domain.RunApplying, domain.RunPerforming, domain.RunFinished, domain.RunFailed,
		} {
			if _, known := ways[next]; !known && (&domain.Run{Type: kind, State: queue[0]}).Advance(next, time.Time{}, "") == nil {
				ways[next] = append(slices.Clone(ways[queue[0]]), next)
				queue = append(queue, next)
			}
		}
	}
	return ways[state]
}

// key, user, group and role are account-wide.

func (o *object) key() string {
	return id(o.admin.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": o.name("key"), "teams": []any{}}}))
}

func (o *object) invitation() vars {
	name := o.name("user")
	return vars{"username": name, "invitationEmail": name + "@example.com", "accessRules": []any{}}
}

func (o *object) user() string {
	return id(o.admin.do("provider_people", "Invite", vars{"input": o.invitation()}))
}

func (o *object) group() string {
	return id(o.admin.do("provider_people", "CreateGroup", vars{"input": vars{"groupName": o.name("group"), "description": "", "accessRules": []any{}}}))
}

func (o *object) role(actions ...authz.Action) string {
	enums := make([]any, len(actions))
	for i, a := range actions {
		enums[i] = a.Enum()
	}
	return id(o.admin.do("provider_roles", "Create", vars{"input": vars{"name": o.name("role"), "description": "", "actions": enums}}))
}

// reader is the role that rows give away.
func (o *object) reader() string { return string(o.kit.RoleID("space-reader")) }

var givesReader = []authz.Action{authz.ActionSpaceRead}

// pool makes a worker pool in the object's space.
func (o *object) pool() string {
	return id(o.admin.do("provider_workers", "Create", poolInputOf(o.t, o.name("pool"), o.space)))
}

// there is a place of the branch.
func (o *object) there(place string) string { return o.ids[place] }
