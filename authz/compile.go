package authz

import (
	"errors"
	"fmt"
)

// Compile checks a world and makes it answerable. It refuses a tree without
// exactly one root called RootSpace, with a cycle or an unknown parent; ids
// and names of groups that are empty or used twice; an actor that is neither
// user nor key; and a binding that names an unknown space, role, actor kind or
// entity kind, or not exactly one of space and entity.
// It keeps nothing of w's slices.
func Compile(w World) (*Snapshot, error) {
	s := &Snapshot{}
	for _, step := range []func(World) error{
		s.compileSpaces, s.compileRoles, s.compileStacks, s.compileBindings, s.compileGroups, s.compileActors,
	} {
		if err := step(w); err != nil {
			return nil, fmt.Errorf("compile access world: %w", err)
		}
	}
	return s, nil
}

func (s *Snapshot) compileRoles(w World) error {
	admin := role{id: RoleSpaceAdmin, slug: RoleSpaceAdmin, actions: adminActions(), tier: TierAdmin}
	s.roles = append(make([]role, 0, len(w.Roles)+1), admin)
	s.roleIDs = make(map[string]int32, len(w.Roles))
	s.slugs = make(map[string]int32, len(w.Roles))
	for _, r := range w.Roles {
		n := int32(len(s.roles))
		if err := claim(s.roleIDs, "role", r.ID, n); err != nil {
			return err
		}
		if r.Slug != "" {
			if err := claim(s.slugs, "role slug", r.Slug, n); err != nil {
				return err
			}
		}
		actions := Implied(r.Actions.Intersect(allActions))
		s.roles = append(s.roles, role{id: r.ID, slug: r.Slug, actions: actions, tier: tierOf(actions)})
		if r.Slug == RoleSpaceAdmin {
			s.roles[builtinAdmin].id = r.ID
		}
	}
	return nil
}

// compileStacks also learns the homes of the other entities.
func (s *Snapshot) compileStacks(w World) error {
	s.flagged = make(map[string]int32)
	s.entities = make(map[EntityRef]int32, len(w.Stacks)+len(w.Entities))
	for _, st := range w.Stacks {
		if err := s.settle(EntityRef{EntityStack, st.ID}, st.Space); err != nil {
			return err
		}
		if st.Administrative {
			s.flagged[st.ID] = s.index[st.Space]
		}
	}
	for _, e := range w.Entities {
		if err := s.settle(e.Entity, e.Space); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshot) settle(e EntityRef, in string) error {
	at, ok := s.index[in]
	if !ok {
		return fmt.Errorf("%s %q is in unknown space %q", e.Kind, e.ID, in)
	}
	if e.Kind == EntityNone || e.Kind >= entityKinds || e.ID == "" {
		return fmt.Errorf("entity %s %q is not one", e.Kind, e.ID)
	}
	if _, taken := s.entities[e]; taken {
		return fmt.Errorf("%s %q occurs twice", e.Kind, e.ID)
	}
	s.entities[e] = at
	return nil
}

// compileGroups forgets the bindings of groups that do not exist (A8).
func (s *Snapshot) compileGroups(w World) error {
	s.groups = make(map[string]run, len(w.Groups))
	ids := make(map[string]run, len(w.Groups))
	for _, g := range w.Groups {
		held := s.runs[ActorGroup][g.ID]
		if err := claim(ids, "group", g.ID, held); err != nil {
			return err
		}
		if err := claim(s.groups, "group name", g.Name, held); err != nil {
			return err
		}
	}
	s.runs[ActorGroup] = ids
	return nil
}

func (s *Snapshot) compileActors(w World) error {
	s.actors = make(map[ActorRef]member, len(w.Actors))
	for _, a := range w.Actors {
		if a.Ref.Kind != ActorUser && a.Ref.Kind != ActorAPIKey || a.Ref.ID == "" {
			return fmt.Errorf("actor %s %q is neither user nor key", a.Ref.Kind, a.Ref.ID)
		}
		if _, taken := s.actors[a.Ref]; taken {
			return fmt.Errorf("%s %q occurs twice", a.Ref.Kind, a.Ref.ID)
		}
		m := member{notAfter: expiry(a.NotAfter)}
		for _, name := range a.Groups {
			if held, ok := s.groups[name]; ok {
				m.groups = append(m.groups, held)
			}
		}
		s.actors[a.Ref] = m
	}
	return nil
}

var errEmptyID = errors.New("empty id")

// claim enters a value under an id, once.
func claim[T any](index map[string]T, noun, id string, n T) error {
	if id == "" {
		return fmt.Errorf("%s: %w", noun, errEmptyID)
	}
	if _, taken := index[id]; taken {
		return fmt.Errorf("%s %q occurs twice", noun, id)
	}
	index[id] = n
	return nil
}
