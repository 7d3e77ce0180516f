package main

import (
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// TestEnginesAgree asks every engine about small worlds in which each rule
// decides something: roles by name, tiers, derived read, a missing baseline.
func TestEnginesAgree(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			for seed := range uint64(6) {
				w := crooked(seed)
				check, err := e.load(w)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.verify(check, w.questions(seed, 500)); err != nil {
					t.Errorf("world %d: %v", seed, err)
				}
			}
		})
	}
}

// crooked makes a small world in which every third binding is to a role that
// has a tier without space:read (R5).
func crooked(seed uint64) *world {
	w := worlds.New(worlds.Size{
		Seed: seed, Spaces: 10 + 10*int(seed), FanOut: 3, Depth: 6, Inherit: 70,
		Roles: 12, Groups: 4, Actors: 20, OwnBindings: 2, GroupsEach: 2, PerGroup: 2,
	})
	blind := []authz.Role{
		{ID: "writes", Slug: "writes-blindly", Actions: authz.SetOf(authz.ActionSpaceWrite, authz.ActionRunTrigger)},
		{ID: "admin", Slug: "administers-blindly", Actions: authz.SetOf(authz.ActionSpaceAdmin, authz.ActionStackManage)},
	}
	w.Roles = append(w.Roles, blind...)
	for i := 0; i < len(w.Bindings); i += 3 {
		w.Bindings[i].Role = blind[i%2].ID
	}
	return translate(w)
}
