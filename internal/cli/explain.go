package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// explanation is a decision with its reasons as the API shows it.
type explanation struct {
	Sentence       string      `json:"sentence"`
	Outcome        string      `json:"outcome"`
	Reason         string      `json:"reason"`
	Step           int         `json:"step"`
	Actor          named       `json:"actor"`
	Action         string      `json:"action"`
	Target         target      `json:"target"`
	Fallback       string      `json:"fallback"`
	Held           string      `json:"held"`
	By             *evidence   `json:"by"`
	Baseline       *evidence   `json:"baseline"`
	Lapsed         *evidence   `json:"lapsed"`
	Nearest        []*evidence `json:"nearest"`
	HiddenEvidence int         `json:"hiddenEvidence"`
	Roles          []roleHint  `json:"roles"`
	HiddenRoles    int         `json:"hiddenRoles"`
	Way            []step      `json:"way"`
}

// roleHint is a role that would do.
type roleHint struct {
	RoleID string `json:"roleId"`
	Slug   string `json:"slug"`
	Name   string `json:"name"`
	ByName bool   `json:"byName"`
}

// step is a space on the way of a right.
type step struct {
	SpaceID   *string `json:"spaceId"`
	SpaceName *string `json:"spaceName"`
	Inherits  bool    `json:"inherits"`
}

const explainDocument = `query ($input: ExplainAccessInput!) { explainAccess(input: $input) {
	sentence outcome reason step actor { kind id name } action target { ` + targetFields + ` } fallback held
	by { ...e } baseline { ...e } lapsed { ...e } nearest { ...e } hiddenEvidence
	roles { roleId slug name byName } hiddenRoles way { spaceId spaceName inherits } } }
	fragment e on AccessEvidence { ` + evidenceFields + ` }`

type explainCmd struct {
	Actor  somebody `arg:"" help:"Who: user:ID, api_key:ID, group:NAME, stack:ID, or me."`
	Action string   `arg:"" optional:"" help:"What, for example run:trigger. Without it and TARGET: whether the actor administers the account."`
	Target place    `arg:"" optional:"" help:"On what: the id of a space, stack:ID, run:ID, context:ID, policy:ID, worker_pool:ID or repo:ID."`
	Plan   bool     `help:"For a stack: in the part of a run that only reads." env:"-"`
}

// Run explains a decision. It ends with the status of a denial for a no.
func (c *explainCmd) Run(s *session) error {
	if (c.Action == "") != (c.Target.id == "") {
		return errors.New("give an action and a target, or neither")
	}
	who, err := s.who(c.Actor)
	if err != nil {
		return err
	}
	input := map[string]any{"actor": who, "plan": c.Plan}
	if c.Action != "" {
		input["action"], input["target"] = actionEnum(c.Action), c.Target.input()
	}
	var out struct{ ExplainAccess explanation }
	if err := s.query(explainDocument, map[string]any{"input": input}, &out); err != nil {
		return aboutAction(c.Action, err)
	}
	x := &out.ExplainAccess
	if err := s.show(x, func(w io.Writer) error { return tree(w, x.tree()) }); err != nil {
		return err
	}
	if x.Outcome != "ALLOWED" {
		return &Denied{}
	}
	return nil
}

// tree tells first the decision in a sentence, and below what it rests on.
func (x *explanation) tree() branch {
	var below []branch
	add := func(text string, under ...branch) { below = append(below, branch{text, under}) }
	if x.By != nil {
		add("allowed by "+x.By.String(), x.path()...)
	}
	if b := x.Baseline; b != nil && (x.By == nil || *b != *x.By) && !sameBinding(b, x.By) {
		add("space:read by " + b.String())
	}
	if x.Lapsed != nil {
		add("would have been allowed by " + x.Lapsed.String())
	}
	if len(x.Nearest) > 0 {
		add("what comes closest", branches(x.Nearest, (*evidence).near)...)
	}
	if n := x.HiddenEvidence; n > 0 {
		add(fmt.Sprintf("%s that you may not see", count(n, "binding")))
	}
	if roles := branches(x.Roles, roleHint.String); len(roles) > 0 || x.HiddenRoles > 0 {
		if x.HiddenRoles > 0 {
			roles = append(roles, branch{text: fmt.Sprintf("%s that you may not see", count(x.HiddenRoles, "further role"))})
		}
		add("roles that would do, bound to the target", roles...)
	}
	if x.Held != "NONE" {
		add(fmt.Sprintf("tier held: %s; tier that covers the action: %s", strings.ToLower(x.Held), strings.ToLower(x.Fallback)))
	}
	add(fmt.Sprintf("decided in step %d: %s", x.Step, reasonText(x.Reason)))
	return branch{x.Sentence, below}
}

// path is the way of the right through the tree, if it has gone any.
func (x *explanation) path() []branch {
	if len(x.Way) < 2 {
		return nil
	}
	names := make([]string, len(x.Way))
	for i, s := range x.Way {
		names[i] = spaceText(s.SpaceID, s.SpaceName)
	}
	return []branch{{text: "on the way " + strings.Join(names, " → ")}}
}

func sameBinding(a, b *evidence) bool {
	return a.BindingID != nil && b != nil && b.BindingID != nil && *a.BindingID == *b.BindingID
}

func (r roleHint) String() string {
	if r.ByName {
		return r.Slug + ", which names the action"
	}
	return r.Slug + ", by its tier"
}

// reasonText are the API's words for a reason in small letters.
func reasonText(reason string) string {
	return strings.ReplaceAll(strings.ToLower(reason), "_", " ")
}

func branches[T any](list []T, text func(T) string) []branch {
	out := make([]branch, len(list))
	for i, v := range list {
		out[i].text = text(v)
	}
	return out
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
