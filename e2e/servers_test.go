package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/airlock-project/airlock/internal/store/storetest"
)

// beside starts another server process on the database of a first one, as
// docs/operations.md says.
func (s *server) beside(t *testing.T, database string, flags ...string) *server {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	other := &server{data: filepath.Join(t.TempDir(), "data"), log: &buffer{}}
	if err := os.Mkdir(other.data, 0o700); err != nil {
		t.Fatal(err)
	}
	// Where the test finds its address and the key.
	key := toJSON(t, adminKey{"http://" + address, s.ID, s.Secret})
	if err := os.WriteFile(filepath.Join(other.data, "admin-key.json"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	other.run(t, append([]string{"--database", database, "--listen", address, "--base-url", s.Endpoint,
		"--key-file", filepath.Join(s.data, "encryption.key"), "--workers", "0"}, flags...)...)
	return other
}

// at is the same client at another server.
func (c *client) at(s *server) *client {
	return &client{endpoint: s.Endpoint, token: c.token, acknowledged: new(int)}
}

const keyBindingDelete = `mutation($id:ID!){apiKeyRoleBindingDelete(id:$id){id}}`

// pair is two servers over one database, which an embedded one has not: there
// both are the same.
type pair struct {
	admin [2]*client
	spaceAdmin,
	space string
}

func newPair(t *testing.T, database string) (*pair, [2]*server) {
	t.Helper()
	first := start(t, database, "--workers", "0")
	servers := [2]*server{first, first}
	if database != "sqlite" {
		servers[1] = first.beside(t, database)
	}
	admin := signIn(t, first.Endpoint, first.ID, first.Secret)
	p := &pair{admin: [2]*client{admin, admin.at(servers[1])}}
	var roles struct{ Roles []struct{ ID, Slug string } }
	admin.must(t, `{roles{id,slug}}`, nil, &roles)
	for _, r := range roles.Roles {
		if r.Slug == "space-admin" {
			p.spaceAdmin = r.ID
		}
	}
	p.space = admin.id(t, spaceCreate, vars{"input": vars{
		"name": "apps", "parentSpace": "root", "inheritEntities": true, "description": "", "labels": []string{},
	}})
	return p, servers
}

// key makes a key and signs in with it.
func (p *pair) key(t *testing.T, name string) (id string, c *client) {
	t.Helper()
	var made struct{ APIKeyCreate struct{ ID, Secret string } }
	p.admin[0].must(t, apiKeyCreate, vars{"input": vars{"name": name, "admin": false, "teams": []string{}}}, &made)
	return made.APIKeyCreate.ID, signIn(t, p.admin[0].endpoint, made.APIKeyCreate.ID, made.APIKeyCreate.Secret)
}

func (p *pair) bind(t *testing.T, as *client, key, space string) string {
	t.Helper()
	return as.id(t, keyBindingCreate, vars{"input": vars{"apiKeyID": key, "roleID": p.spaceAdmin, "spaceID": space}})
}

// TestCase62Processes: what one process revokes, the other no longer allows
// from the next request on; nor does the first.
func TestCase62Processes(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, servers := newPair(t, url(t))
			id, bob := p.key(t, "bob")
			asks := [2]*client{bob.at(servers[1]), bob.at(servers[0])}
			sees := func(c *client) bool {
				var out struct{ Spaces []struct{ ID string } }
				c.must(t, `{spaces{id}}`, nil, &out)
				return strings.Contains(fmt.Sprint(out.Spaces), p.space)
			}
			for round := range storetest.Rounds(t) {
				b := p.bind(t, p.admin[round%2], id, p.space)
				for i, c := range asks {
					if !sees(c) {
						t.Fatalf("round %d: server %d does not know of the grant", round, 1-i)
					}
				}
				p.admin[round%2].must(t, keyBindingDelete, vars{"id": b}, nil)
				for i, c := range asks {
					if sees(c) {
						t.Fatalf("round %d: server %d still allows", round, 1-i)
					}
				}
			}
		})
	}
}

// TestCase28Processes: two admins of root remove each other at once, each at a
// server of his own; one stays.
func TestCase28Processes(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, servers := newPair(t, url(t))
			var keys, bindings [2]string
			var admins [2]*client
			for i, name := range []string{"carol", "dave"} {
				keys[i], admins[i] = p.key(t, name)
				admins[i] = admins[i].at(servers[i])
				bindings[i] = p.bind(t, p.admin[0], keys[i], "root")
			}
			p.admin[0].must(t, `mutation($id:ID!){apiKeyDelete(id:$id){id}}`, vars{"id": servers[0].ID}, nil)
			for round := range storetest.Rounds(t) {
				var errs [2]error
				var both sync.WaitGroup
				for i := range 2 {
					both.Go(func() { errs[i] = admins[i].try(keyBindingDelete, vars{"id": bindings[1-i]}, nil) })
				}
				both.Wait()
				if (errs[0] == nil) == (errs[1] == nil) {
					t.Fatalf("round %d: %v and %v, want exactly one success", round, errs[0], errs[1])
				}
				gone := 1
				if errs[1] == nil {
					gone = 0
				}
				bindings[gone] = p.bind(t, admins[1-gone], keys[gone], "root")
			}
		})
	}
}

// TestCase57Processes: a stack leaves root at one server while the other gives
// it a role at root. It never has both.
func TestCase57Processes(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := newPair(t, url(t))
			settings := func(name, space string) vars {
				return vars{
					"name": name, "space": space, "provider": "GIT", "repository": name, "repositoryURL": "https://git.example.com/" + name + ".git",
					"branch": "main", "administrative": false, "autodeploy": false, "vendorConfig": vars{"opentofu": vars{}},
				}
			}
			for round := range storetest.Rounds(t) {
				name := fmt.Sprint("s", round)
				stack := p.admin[0].id(t, stackCreate, vars{"manageState": true, "input": settings(name, "root")})
				var moved, bound error
				var both sync.WaitGroup
				both.Go(func() {
					moved = p.admin[round%2].try(`mutation($id:ID!$input:StackInput!){stackUpdate(id:$id,input:$input){id}}`,
						vars{"id": stack, "input": settings(name, p.space)}, nil)
				})
				both.Go(func() {
					bound = p.admin[1-round%2].try(stackBindCreate, vars{"input": vars{"stackID": stack, "roleID": p.spaceAdmin, "spaceID": "root"}}, nil)
				})
				both.Wait()
				if (moved == nil) == (bound == nil) {
					t.Fatalf("round %d: moved %v, bound %v", round, moved, bound)
				}
			}
		})
	}
}
