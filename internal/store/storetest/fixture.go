package storetest

import (
	"context"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// Tree is the tree of the access model's examples below root and legacy; the
// ids are the names.
var Tree = []domain.Space{
	{ID: "platform", Parent: "root", Inherit: true},
	{ID: "net", Parent: "platform", Inherit: true},
	{ID: "vault", Parent: "platform"},
	{ID: "vault-x", Parent: "vault", Inherit: true},
	{ID: "apps", Parent: "root", Inherit: true},
	{ID: "dev", Parent: "apps", Inherit: true},
	{ID: "prod", Parent: "apps"},
	{ID: "sandbox", Parent: "root"},
}

// World makes the fixture of the access model's section on sources: its tree,
// its actors as API keys, and its stacks k (in apps), k2 (in dev), r0 (in root).
func World(t *testing.T, k *Kit) {
	t.Helper()
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for _, s := range Tree {
			s.Name, s.CreatedAt = string(s.ID), tx.Now()
			if err := tx.InsertSpace(ctx, p.For(access.KindSpace), s); err != nil {
				return err
			}
		}
		return nil
	})
	k.Role(t, "operator", authz.ActionSpaceRead, authz.ActionRunTrigger)
	for _, a := range []struct {
		name, role string
		space      domain.SpaceID
	}{
		{"ann", domain.RoleSpaceAdmin, "apps"},
		{"will", domain.RoleSpaceWriter, "dev"},
		{"rita", domain.RoleSpaceReader, "prod"},
		{"ops", "operator", "dev"},
	} {
		k.AddKey(t, a.name)
		k.Bind(t, a.name, a.role, a.space)
	}
	k.AddKey(t, "nobody")
	k.Stack(t, "k", "apps", nil)
	k.Stack(t, "k2", "dev", nil)
	k.Stack(t, "r0", "root", nil)
}

// Fill changes the world with a permit of the root admin's. It is for setting
// a scene, not for testing it.
func (k *Kit) Fill(t *testing.T, fn func(ctx context.Context, tx *store.Tx, p access.Permit) error) {
	t.Helper()
	ctx := k.As(t, "root-admin")
	err := k.Store.ChangeAccess(ctx, func(tx *store.Tx) error {
		p, err := k.Gate.Account(ctx, tx, access.Op{Event: "test.fill", Object: access.Object{Kind: access.KindSpace, Noun: "space"}})
		if err != nil {
			return err
		}
		return fn(ctx, tx, p)
	})
	if err != nil {
		t.Fatalf("fill: %v", err)
	}
}

func keySubject(id domain.APIKeyID) authz.Subject {
	return authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(id)}}
}

// AddKey makes an API key that is called name in the rest of the test.
func (k *Kit) AddKey(t *testing.T, name string) domain.APIKeyID {
	t.Helper()
	id := domain.APIKeyID(k.IDs.ULID())
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertAPIKey(ctx, p.For(access.KindAPIKey), domain.APIKey{
			ID: id, Name: name, Type: domain.APIKeySecret, SecretHash: []byte(name), Creator: "test", CreatedAt: tx.Now(),
		})
	})
	k.actors[name] = keySubject(id)
	return id
}

// KeyID returns the id of a key by its name.
func (k *Kit) KeyID(name string) domain.APIKeyID { return domain.APIKeyID(k.actors[name].Actor.ID) }

// Actor returns the actor of a key by its name.
func (k *Kit) Actor(name string) authz.ActorRef { return k.actors[name].Actor }

// Role makes a custom role with slug as its name too.
func (k *Kit) Role(t *testing.T, slug string, actions ...authz.Action) domain.RoleID {
	t.Helper()
	id := domain.RoleID(k.IDs.ULID())
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertRole(ctx, p.For(access.KindRole), domain.Role{
			ID: id, Slug: slug, Name: slug, Actions: actions, CreatedAt: tx.Now(),
		})
	})
	k.roles[slug] = id
	return id
}

// RoleID returns the id of a role by its slug.
func (k *Kit) RoleID(slug string) domain.RoleID { return k.roles[slug] }

// Bind gives a key a role in a space.
func (k *Kit) Bind(t *testing.T, name, role string, space domain.SpaceID) domain.BindingID {
	t.Helper()
	return k.BindActor(t, k.actors[name].Actor, role, space)
}

// BindActor gives any actor a role in a space.
func (k *Kit) BindActor(t *testing.T, actor authz.ActorRef, role string, space domain.SpaceID) domain.BindingID {
	t.Helper()
	return k.AddBinding(t, role, domain.Binding{Actor: actor, Space: space})
}

// BindEntity gives a key a role on one entity.
func (k *Kit) BindEntity(t *testing.T, name, role string, entity authz.EntityRef) domain.BindingID {
	t.Helper()
	return k.AddBinding(t, role, domain.Binding{Actor: k.actors[name].Actor, Entity: entity})
}

// AddBinding makes a binding of a role, with an id and a maker of the kit's.
func (k *Kit) AddBinding(t *testing.T, role string, b domain.Binding) domain.BindingID {
	t.Helper()
	b.ID, b.Role, b.CreatedBy = domain.BindingID(k.IDs.ULID()), k.roles[role], "test"
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		b.CreatedAt = tx.Now()
		return tx.InsertBinding(ctx, p.For(access.KindRoleBinding), b)
	})
	return b.ID
}

// Unbind takes a binding away.
func (k *Kit) Unbind(t *testing.T, id domain.BindingID) {
	t.Helper()
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteBinding(ctx, p.For(access.KindRoleBinding), id)
	})
}

// Settings are those of a stack that OpenTofu can run.
func Settings(name string, space domain.SpaceID) domain.StackSettings {
	return domain.StackSettings{
		Name: name, Space: space, Branch: "main", Repository: "infra", Provider: domain.ProviderGit,
		RepositoryURL: "https://git.example.com/infra.git", Vendor: domain.Vendor{OpenTofu: &domain.TofuVendor{WorkflowTool: "OPEN_TOFU"}},
	}
}

// Stack makes a stack; change may alter it before it is kept.
func (k *Kit) Stack(t *testing.T, id domain.StackID, space domain.SpaceID, change func(*domain.Stack)) domain.Stack {
	t.Helper()
	st := domain.Stack{
		ID: id, ULID: k.IDs.ULID(), StackSettings: Settings(string(id), space), ManagesState: true,
		CreatedAt: k.Clock.Now(), RunState: domain.RunNone, StateSetAt: k.Clock.Now(), StateSetBy: "test",
	}
	if change != nil {
		change(&st)
	}
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertStack(ctx, p.For(access.KindStack), st)
	})
	return st
}

// Context makes a context with variables, attached to stacks by priority 0.
func (k *Kit) Context(t *testing.T, id domain.ContextID, space domain.SpaceID, stacks ...domain.StackID) {
	t.Helper()
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		c := domain.Context{ID: id, Name: string(id), Space: space, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
		if err := tx.InsertContext(ctx, p.For(access.KindContext), c); err != nil {
			return err
		}
		for _, s := range stacks {
			a := domain.ContextAttachment{ID: domain.ContextAttachmentID(k.IDs.ULID()), Context: id, Stack: s}
			if err := tx.InsertContextAttachment(ctx, p.For(access.KindStack), a); err != nil {
				return err
			}
		}
		return nil
	})
}

// Pool makes a worker pool; its token's hash is its id.
func (k *Kit) Pool(t *testing.T, id domain.WorkerPoolID, space domain.SpaceID) domain.WorkerPool {
	t.Helper()
	w := domain.WorkerPool{ID: id, Name: string(id), Space: space, CreatedAt: k.Clock.Now(), UpdatedAt: k.Clock.Now()}
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertWorkerPool(ctx, p.For(access.KindWorkerPool), w, "token of "+string(id), []byte(id))
	})
	return w
}

// As returns a context in which the named key calls. An empty name is a
// request without credentials.
func (k *Kit) As(t *testing.T, name string) context.Context {
	t.Helper()
	ctx := access.WithCall(t.Context(), access.Call{RequestID: "request", RemoteIP: "192.0.2.7", Mutation: "mutation"})
	if name == "" {
		return ctx
	}
	subject, ok := k.actors[name]
	if !ok {
		t.Fatalf("the kit knows no actor %q", name)
	}
	name = domain.APIKeyID(subject.Actor.ID).AuditName()
	if subject.Actor.Kind != authz.ActorAPIKey {
		name = subject.Actor.Kind.String() + "::" + subject.Actor.ID
	}
	return access.WithCaller(ctx, access.Caller{Subject: subject, Name: name})
}

// AsStack returns a context in which a run of a stack calls with its token. A run
// that no test has made is made, as one that is in nobody's way.
func (k *Kit) AsStack(t *testing.T, run domain.Run) context.Context {
	t.Helper()
	if run.CreatedAt.IsZero() {
		k.stand(t, run)
	}
	return access.WithCaller(t.Context(), access.Caller{
		Subject: authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorStack, ID: string(run.StackID)}, ReadOnly: !run.State.Writes()},
		Name:    run.StackID.AuditName(), Run: run.ID, Epoch: run.Epoch, Stack: run.StackID,
	})
}

// stand makes a run that a test only names, or puts it into another state.
func (k *Kit) stand(t *testing.T, run domain.Run) {
	t.Helper()
	err := k.Store.Change(t.Context(), func(tx *store.Tx) error {
		ctx := t.Context()
		p, err := k.Gate.System(access.SystemRunLease, access.KindRun, string(run.ID)) // no row in the audit trail
		if err != nil {
			return err
		}
		made := domain.Run{
			ID: run.ID, StackID: run.StackID, Type: domain.RunProposed, State: domain.RunQueued, StateSerial: 1,
			Branch: "main", Title: "test", TriggeredBy: "test", CreatedAt: k.Clock.Now(), UpdatedAt: k.Clock.Now(),
		}
		if _, err := tx.Run(ctx, run.ID); domain.ErrorCode(err) == domain.CodeNotFound {
			if err := tx.InsertRun(ctx, p, made); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		made.State, made.Epoch = run.State, run.Epoch
		return tx.SaveRun(ctx, p, made)
	})
	if err != nil {
		t.Fatal(err)
	}
}
