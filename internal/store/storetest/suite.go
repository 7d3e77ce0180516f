package storetest

import (
	"context"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/store"
)

// Run is the conformance suite. url gives each test a fresh database.
func Run(t *testing.T, url func(t *testing.T) string) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, k *Kit)
	}{
		{"spaces", testSpaces},
		{"paths and uses", testPathsAndUses},
		{"account settings", testAccountSettings},
		{"roles", testRoles},
		{"bindings", testBindings},
		{"targets of bindings", testBindingTargets},
		{"expired bindings", testExpiredBinding},
		{"bound entities", testBoundEntities},
		{"revision of bound entities", testEntityRevision},
		{"access requests", testAccessRequests},
		{"api keys", testAPIKeys},
		{"users", testUsers},
		{"user groups", testUserGroups},
		{"actors of the world", testWorldActors},
		{"signing keys", testSigningKeys},
		{"federation keys", testFederationKeys},
		{"worker pools", testWorkerPools},
		{"workers", testWorkers},
		{"worker authority", testWorkerAuthority},
		{"stacks", testStacks},
		{"deleted stack leaves nothing", testDeletedStack},
		{"searches for stacks", testStackSearch},
		{"contexts", testContexts},
		{"config", testConfig},
		{"states", testStates},
		{"runs", testRuns},
		{"logs", testLogs},
		{"workspaces", testWorkspaces},
		{"dependencies", testDependencies},
		{"schedules", testSchedules},
		{"scopes", testScopes},
		{"lists are what is seen", testLists},
		{"texts that cannot be stored", testUnstorable},
		{"permits", testPermits},
		{"audit", testAudit},
		{"audit of a caller who hangs up", testAuditHangUp},
		{"uses of bindings", testBindingUses},
		{"outbox", testOutbox},
		{"revision", testRevision},
		{"what changed since", testDeltaBounds},
		{"views change nothing", testViewsReadOnly},
		{"panic", testPanic},
		{"run edges", testRunEdges},
		{"one writer", testOneWriter},
		{"claims", testClaims},
		{"two handles", testRevokeThenAsk},
		{"rehearsal", testRehearsal},
		{"uses are access", testUsesAreAccess},
		{"pulse", testPulse},
		{"pulse beside commits", testPulseBesideCommits},
		{"current", testCurrent},
		{"homes", testHomes},
		{"homes in a scope", testHomesIn},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, New(t, url(t)))
		})
	}
}

// write is one change of the suite's.
type write func(ctx context.Context, tx *store.Tx, p access.Permit) error

// try runs a change with a permit of the root admin's for kind.
func (k *Kit) try(t *testing.T, kind access.Kind, fn write) error {
	t.Helper()
	ctx := k.As(t, "root-admin")
	return k.Store.Change(ctx, func(tx *store.Tx) error {
		p, err := k.permit(ctx, tx, kind)
		if err != nil {
			return err
		}
		return fn(ctx, tx, p)
	})
}

func (k *Kit) permit(ctx context.Context, tx *store.Tx, kind access.Kind) (access.Permit, error) {
	return k.Gate.Account(ctx, tx, access.Op{Event: "test." + string(kind), Object: access.Object{Kind: kind, ID: "object", Noun: "object"}})
}

// must is try for a change that succeeds.
func (k *Kit) must(t *testing.T, kind access.Kind, fn write) {
	t.Helper()
	if err := k.try(t, kind, fn); err != nil {
		t.Fatal(err)
	}
}

// read returns what one reading method of a transaction returns.
func read[T any](t *testing.T, k *Kit, fn func(ctx context.Context, tx *store.Tx) (T, error)) T {
	t.Helper()
	out, err := tryRead(t, k, fn)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryRead[T any](t *testing.T, k *Kit, fn func(ctx context.Context, tx *store.Tx) (T, error)) (out T, err error) {
	t.Helper()
	err = k.Store.View(t.Context(), func(tx *store.Tx) error {
		out, err = fn(t.Context(), tx)
		return err
	})
	return out, err
}
