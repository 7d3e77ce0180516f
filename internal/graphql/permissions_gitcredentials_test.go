package graphql

import (
	"context"
	"errors"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

var gitCredentialPermissions = []permission{
	{field: "gitCredential", make: aGitCredential},
	{field: "gitCredential.*", doc: `query($id:ID!){gitCredential(id:$id){*}}`, make: aGitCredential},
	{field: "gitCredential.space", doc: `query($id:ID!){gitCredential(id:$id){space{id}}}`, make: aGitCredential},
	{
		field: "gitCredential.failedStatuses", doc: `query($id:ID!){gitCredential(id:$id){failedStatuses{*}}}`, make: func(o *object) vars {
			id := o.gitCredential()
			o.shown(string(o.failedStatus(id).ID))
			return vars{"id": id}
		},
	},
	{
		field: "stack.run.commitStatuses", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){commitStatuses{*}}}}`,
		make: func(o *object) vars {
			r := o.failedStatus("")
			return vars{"stack": r.StackID, "run": r.ID}
		},
	},
	{field: "gitCredentials", doc: `query($space:ID){gitCredentials(space:$space){id}}`, make: func(o *object) vars {
		o.shown(o.gitCredential())
		return vars{"space": o.space}
	}},
	{field: "createGitCredential", make: func(o *object) vars { return vars{"input": o.newGitCredential()} }},
	{field: "updateGitCredential", make: func(o *object) vars { return vars{"input": vars{"id": o.gitCredential(), "name": "another"}} }},
	{field: "deleteGitCredential", make: func(o *object) vars { return vars{"input": vars{"id": o.gitCredential()}} }},
}

func (o *object) newGitCredential() vars {
	return vars{
		"name": o.name("credential"), "space": o.space, "kind": "PASSWORD", "urlPrefix": "https://git.example.com/team",
		"username": "robot", "secret": "a token of nobody",
	}
}

// gitCredential makes a git credential in the object's space.
func (o *object) gitCredential() string {
	a := o.admin.query(`mutation($input:CreateGitCredentialInput!){createGitCredential(input:$input){id}}`, vars{"input": o.newGitCredential()})
	if a.Errors != nil {
		o.t.Fatal(a.raw)
	}
	return id(a.Data["createGitCredential"].(map[string]any))
}

func aGitCredential(o *object) vars { return vars{"id": o.gitCredential()} }

// failedStatus makes a run of a new stack in the object's space that could not
// tell of its commit, by a credential.
func (o *object) failedStatus(credential string) domain.Run {
	now := o.kit.Clock.Now()
	run := domain.Run{
		ID: domain.RunID(o.kit.IDs.ULID()), StackID: domain.StackID(o.stack()), Type: domain.RunProposed, State: domain.RunQueued, StateSerial: 1,
		Request: domain.RunRequest{Reports: true}, Commit: domain.Commit{Hash: strings.Repeat("c", 40)}, CreatedAt: now, UpdatedAt: now,
	}
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return errors.Join(
			tx.InsertRun(ctx, p.For(access.KindRun), run),
			tx.SaveStatus(ctx, p.For(access.KindRun), domain.CommitStatus{
				Run: run.ID, Serial: 1, Attempts: 1, Error: "not taken", Credential: domain.GitCredentialID(credential),
			}),
		)
	})
	return run
}
