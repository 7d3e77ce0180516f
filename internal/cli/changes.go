package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// changes are the changes of access to try out, as flags. They are made in the
// order of these fields.
type changes struct {
	File      string   `help:"Changes from a file: a JSON list of objects of the API's AccessChangeInput, or one of them; made first." placeholder:"FILE" env:"-"`
	Unbind    []string `help:"Delete this role binding." placeholder:"BINDING" env:"-"`
	Bind      []grant  `help:"Bind a role: ACTOR:ROLE:SPACE, or ACTOR:ROLE:stack:ID and so on for one thing." placeholder:"ACTOR:ROLE:SPACE" env:"-"`
	For       span     `help:"Let the roles of --bind end after this time." placeholder:"SPAN" env:"-"`
	Role      []pair   `help:"Give a role exactly these actions." placeholder:"ROLE=ACTION,ACTION" env:"-" sep:"none"`
	MoveSpace []pair   `help:"Move a space below another one." placeholder:"SPACE:PARENT" env:"-"`
	Inherit   []pair   `help:"Let a space inherit from its parent, or not." placeholder:"SPACE=true|false" env:"-"`
	MoveStack []pair   `help:"Move a stack to another space." placeholder:"STACK:SPACE" env:"-"`
	Delete    []place  `help:"Delete a space, or stack:ID." placeholder:"SPACE" env:"-"`
}

// grant is a binding as an argument.
type grant struct {
	actor actor
	role  string
	at    place
}

// UnmarshalText reads an argument.
func (g *grant) UnmarshalText(text []byte) error {
	parts := strings.SplitN(string(text), ":", 4)
	if len(parts) != 4 || parts[2] == "" || parts[3] == "" {
		return fmt.Errorf("%q is not ACTOR:ROLE:SPACE, for example user:ID:space-reader:root", text)
	}
	g.role = parts[2]
	if err := g.actor.UnmarshalText([]byte(parts[0] + ":" + parts[1])); err != nil {
		return err
	}
	return g.at.UnmarshalText([]byte(parts[3]))
}

func (g *grant) input(end time.Time) map[string]any {
	in := map[string]any{"actor": g.actor.input(), "role": g.role}
	if g.at.kind == "space" {
		in["spaceId"] = g.at.id
	} else {
		in["entity"] = g.at.input()
	}
	if !end.IsZero() {
		in["notAfter"] = end.Unix()
	}
	return in
}

// pair is two words, with : or = between them.
type pair struct{ first, second string }

// UnmarshalText reads an argument.
func (p *pair) UnmarshalText(text []byte) error {
	at := strings.IndexAny(string(text), ":=")
	if at < 1 || at == len(text)-1 {
		return fmt.Errorf("%q is not two words with : or = between them", text)
	}
	p.first, p.second = string(text[:at]), string(text[at+1:])
	return nil
}

// list is the changes as the API takes them.
func (c *changes) list(s *session) (list []map[string]any, err error) {
	add := func(kind string, value any) { list = append(list, map[string]any{kind: value}) }
	if c.File != "" {
		if list, err = readChanges(c.File); err != nil {
			return nil, err
		}
	}
	for _, id := range c.Unbind {
		add("deleteRoleBinding", id)
	}
	end := time.Time{}
	if c.For > 0 {
		end = s.now().Add(time.Duration(c.For))
	}
	for i := range c.Bind {
		add("createRoleBinding", c.Bind[i].input(end))
	}
	for _, p := range c.Role {
		x, err := s.roleActions(p)
		if err != nil {
			return nil, err
		}
		add("setRoleActions", x)
	}
	for _, p := range c.MoveSpace {
		add("moveSpace", map[string]any{"spaceId": p.first, "parentSpaceId": p.second})
	}
	for _, p := range c.Inherit {
		if p.second != "true" && p.second != "false" {
			return nil, fmt.Errorf("--inherit %s: %q is neither true nor false", p.first, p.second)
		}
		add("setSpaceInherits", map[string]any{"spaceId": p.first, "inherits": p.second == "true"})
	}
	for _, p := range c.MoveStack {
		add("moveStack", map[string]any{"id": p.first, "spaceId": p.second})
	}
	for _, p := range c.Delete {
		kind := map[string]string{"space": "deleteSpace", "stack": "deleteStack"}[p.kind]
		if kind == "" {
			return nil, fmt.Errorf("--delete takes a space or a stack, not a %s", p.kind)
		}
		add(kind, p.id)
	}
	if len(list) == 0 {
		return nil, errors.New("give at least one change; --help lists them")
	}
	return list, nil
}

// readChanges reads changes from a file.
func readChanges(name string) (list []map[string]any, err error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
		raw = []byte("[" + string(raw) + "]")
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s is no JSON list of changes: %w", name, err)
	}
	return list, nil
}

// roleActions are other actions of a role, which may be named by its slug.
func (s *session) roleActions(p pair) (map[string]any, error) {
	names := strings.Split(p.second, ",")
	for i := range names {
		names[i] = actionEnum(names[i])
	}
	if looksLikeID(p.first) {
		return map[string]any{"roleId": p.first, "actions": names}, nil
	}
	var out struct{ Roles []struct{ ID, Slug string } }
	if err := s.query(`{ roles { id slug } }`, nil, &out); err != nil {
		return nil, err
	}
	for _, r := range out.Roles {
		if r.Slug == p.first {
			return map[string]any{"roleId": r.ID, "actions": names}, nil
		}
	}
	return nil, fmt.Errorf("there is no role %s", p.first)
}
