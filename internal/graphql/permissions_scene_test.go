package graphql

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// branchSpace is a space of the model's tree.
type branchSpace struct {
	parent  string
	inherit bool
}

// relation is how the space where a caller holds his role lies to the space of
// the object. Both are named as in branchSpaces.
type relation struct{ name, holder, object string }

var relations = []relation{
	{"own", "here", "here"},
	{"child =", "above", "here"},
	{"child -", "above", "shut"},
	{"parent =", "below", "here"},
	{"parent -", "cut", "here"},
	{"sibling", "beside", "here"},
	{"root", "root", "here"},
}

// branchSpaces are the spaces that a relation is made of, in a branch of its
// own below root, parents first. Only those that it needs are made, and the
// two that rows use as another place: beside and far.
var branchSpaces = []struct {
	name string
	branchSpace
}{
	{"above", branchSpace{"root", true}},
	{"here", branchSpace{"above", true}},
	{"shut", branchSpace{"above", false}},
	{"below", branchSpace{"here", true}},
	{"cut", branchSpace{"here", false}},
	{"beside", branchSpace{"above", true}},
	{"far", branchSpace{"root", false}},
}

// branch is the spaces of one relation in a database.
type branch struct {
	relation
	ids     map[string]string
	callers map[string]*world // by the role's actions
}

// scene is a database with branches, in which rows of the matrix are asked.
type scene struct {
	t         *testing.T
	kit       *storetest.Kit
	admin     *world
	relations []relation // that are asked
	tree      tree
	branches  map[string]*branch
	custom    map[string]domain.RoleID
	made      int
	toggled   bool
	wrong     int // cells so far
}

func newScene(t *testing.T, url string, asked []relation) *scene {
	t.Helper()
	k := storetest.New(t, url)
	return &scene{
		t: t, kit: k, relations: asked, branches: map[string]*branch{}, custom: map[string]domain.RoleID{},
		admin: worldOver(t, realResolver(t, k.Store, k.Gate, k.IDs, k.Clock.Now), string(k.Secrets.AdminKeyID)),
		tree:  tree{"root": {}, "legacy": {"root", true}},
	}
}

// name makes a name that was not used before.
func (s *scene) name(noun string) string {
	s.made++
	return fmt.Sprintf("%s-%d", noun, s.made)
}

// branch returns the branch of a relation, with a caller for every system role.
func (s *scene) branch(r relation) *branch {
	if b := s.branches[r.name]; b != nil {
		return b
	}
	b := &branch{relation: r, ids: map[string]string{"root": "root"}, callers: map[string]*world{}}
	needed := map[string]bool{"beside": true, "far": true}
	for i := len(branchSpaces) - 1; i >= 0; i-- {
		sp := branchSpaces[i]
		if sp.name == r.holder || sp.name == r.object || needed[sp.name] {
			needed[sp.name], needed[sp.parent] = true, true
		}
	}
	s.kit.Fill(s.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for _, sp := range branchSpaces {
			if !needed[sp.name] {
				continue
			}
			id := s.name(sp.name)
			b.ids[sp.name] = id
			s.tree[id] = branchSpace{b.ids[sp.parent], sp.inherit}
			space := domain.Space{ID: domain.SpaceID(id), Name: id, Parent: domain.SpaceID(b.ids[sp.parent]), Inherit: sp.inherit, CreatedAt: tx.Now()}
			if err := tx.InsertSpace(ctx, p.For(access.KindSpace), space); err != nil {
				return err
			}
		}
		for _, role := range systemRoles {
			if err := s.addCaller(ctx, tx, p, b, role.actions, s.kit.RoleID(role.slug)); err != nil {
				return err
			}
		}
		return nil
	})
	s.branches[r.name] = b
	return b
}

// caller is an API key that holds a role of these actions where the relation
// says, or no role at all.
func (s *scene) caller(b *branch, actions []authz.Action) (*world, holder) {
	h := holder{actions: actions, space: b.ids[b.holder]}
	if len(actions) == 0 {
		h.space = ""
	}
	key := actionNames(actions)
	if b.callers[key] == nil {
		if s.custom[key] == "" {
			s.custom[key] = s.kit.Role(s.t, "names-"+strings.NewReplacer(":", "-", ", ", "-").Replace(key), actions...)
		}
		s.kit.Fill(s.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return s.addCaller(ctx, tx, p, b, actions, s.custom[key])
		})
	}
	return b.callers[key], h
}

func (s *scene) addCaller(ctx context.Context, tx *store.Tx, p access.Permit, b *branch, actions []authz.Action, role domain.RoleID) error {
	key := domain.APIKey{
		ID: domain.APIKeyID(s.kit.IDs.ULID()), Name: s.name("caller"), Type: domain.APIKeySecret, SecretHash: []byte(s.name("secret")),
		Creator: "test", CreatedAt: tx.Now(),
	}
	b.callers[actionNames(actions)] = s.admin.as(string(key.ID))
	if err := tx.InsertAPIKey(ctx, p.For(access.KindAPIKey), key); err != nil || len(actions) == 0 {
		return err
	}
	return tx.InsertBinding(ctx, p.For(access.KindRoleBinding), domain.Binding{
		ID: domain.BindingID(s.kit.IDs.ULID()), Actor: authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(key.ID)},
		Role: role, Space: domain.SpaceID(b.ids[b.holder]), CreatedAt: tx.Now(), CreatedBy: "test",
	})
}

const noRole = "no role"

// systemRoles are the built-in roles as the access model describes them (A43-A47).
var systemRoles = []struct {
	label, slug string
	actions     []authz.Action
}{
	{noRole, "", nil},
	{"Reader", "space-reader", []authz.Action{authz.ActionSpaceRead}},
	{"Writer", "space-writer", []authz.Action{authz.ActionSpaceRead, authz.ActionSpaceWrite}},
	{"Admin", "space-admin", []authz.Action{authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionSpaceAdmin}},
	{"Pool controller", "worker-pool-controller", []authz.Action{
		authz.ActionSpaceRead, authz.ActionWorkerPoolCreate, authz.ActionWorkerPoolUpdate, authz.ActionWorkerPoolDelete,
	}},
}

func actionNames(actions []authz.Action) string {
	names := make([]string, len(actions))
	for i, a := range actions {
		names[i] = a.String()
	}
	return strings.Join(names, ", ")
}

// delegate sets the account's switch for the tree (A103).
func (s *scene) delegate(on bool) {
	s.toggled = on
	a := s.admin.query(`mutation($on:Boolean!){updateAccountSettings(input:{delegateSpaceManagement:$on}){delegateSpaceManagement}}`, vars{"on": on})
	if a.Errors != nil {
		s.t.Fatal(a.raw)
	}
}
