package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// escalation is a path as the API shows it.
type escalation struct {
	From      named  `json:"from"`
	Sentence  string `json:"sentence"`
	Escalates bool   `json:"escalates"`
	Hops      []hop  `json:"hops"`
}

// hop is one step of a path.
type hop struct {
	Kind   string  `json:"kind"`
	From   node    `json:"from"`
	To     *node   `json:"to"`
	Rule   *string `json:"rule"`
	Action *string `json:"action"`
	Target target  `json:"target"`
	Ways   []struct {
		Rule     string  `json:"rule"`
		Action   string  `json:"action"`
		Also     *string `json:"also"`
		Sentence string  `json:"sentence"`
	} `json:"ways"`
	PlanOnly         bool        `json:"planOnly"`
	Evidence         []*evidence `json:"evidence"`
	Guards           []string    `json:"guards"`
	RefusedByEnforce bool        `json:"refusedByEnforce"`
}

// node is an actor or something that stacks use.
type node struct {
	Actor  *named  `json:"actor"`
	Object *target `json:"object"`
}

func (n *node) String() string {
	switch {
	case n == nil:
		return ""
	case n.Actor != nil:
		return n.Actor.String()
	case n.Object != nil:
		return n.Object.String()
	default:
		return ""
	}
}

// pathFields are those of an escalation; a document with them ends with
// pathFragments.
const (
	pathFields = `from { kind id name } sentence escalates hops { kind from { ...n } to { ...n } rule action target { ` + targetFields + ` }
		ways { rule action also sentence } planOnly evidence { ` + evidenceFields + ` } guards refusedByEnforce }`
	pathFragments = ` fragment n on EscalationNode { actor { kind id name } object { ` + targetFields + ` } }`
)

// pathList are paths, page after page.
type pathList struct {
	Mode   string       `json:"mode"`
	Actors int          `json:"actors"`
	Paths  []escalation `json:"paths"`
}

const pathsDocument = `query ($input: EscalationPathsInput!) { escalationPaths(input: $input) { mode actors
	edges { node { ` + pathFields + ` } } pageInfo { endCursor hasNextPage } } }` + pathFragments

type pathsCmd struct {
	Target  place    `arg:"" optional:"" help:"To what: the id of a space, stack:ID, context:ID, policy:ID, worker_pool:ID or repo:ID. Without it: to the administration of the account."`
	Role    string   `help:"To all actions of this role there. Default: space-admin in a space, space-writer on a thing." env:"-"`
	Action  string   `help:"To this action there." env:"-"`
	From    actor    `help:"All paths of this actor: user:ID, api_key:ID, group:ID or stack:ID. Without it, the shortest path of everybody." env:"-"`
	Kind    []string `help:"Only paths that begin with user, api_key, group or stack; may be given several times." enum:"user,api_key,group,stack" env:"-"`
	MaxHops int      `help:"Most steps of a path. Default: 6." default:"6" env:"-"`
	Mode    string   `help:"Answer for act-as mode warn, enforce or off. Default: the account's." enum:"warn,enforce,off," default:"" env:"-"`
	All     bool     `help:"Also those who hold it without acting through a stack." env:"-"`
	Limit   int      `help:"Show at most so many. Default: 50." default:"50" env:"-"`
}

// Run lists escalation paths.
func (c *pathsCmd) Run(s *session) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	input, err := c.input()
	if err != nil {
		return err
	}
	var x pathList
	list, more, err := collect(c.Limit, func(first int, after *string) (page[escalation], error) {
		var out struct {
			EscalationPaths struct {
				pathList
				page[escalation]
			}
		}
		input["first"], input["after"] = first, after
		err := s.query(pathsDocument, map[string]any{"input": input}, &out)
		x = out.EscalationPaths.pathList
		return out.EscalationPaths.page, err
	})
	if err != nil {
		return aboutAction(c.Action, err)
	}
	x.Paths = list
	s.tellMore(more, c.Limit)
	return s.show(x, func(w io.Writer) error { return tree(w, x.tree(c.goal())) })
}

func (c *pathsCmd) input() (map[string]any, error) {
	in := map[string]any{"maxHops": c.MaxHops, "escalating": !c.All, "mode": upperOrNull(c.Mode)}
	if c.Target.id == "" {
		if c.Role != "" || c.Action != "" {
			return nil, errors.New("give a target with --role or --action")
		}
	} else {
		in["to"] = c.Target.input()
		if c.Role != "" && c.Action != "" {
			return nil, errors.New("give --role or --action, not both")
		}
		if c.Action != "" {
			in["action"] = actionEnum(c.Action)
		} else {
			in["role"] = c.role()
		}
	}
	kinds := []string{}
	for _, k := range c.Kind {
		kinds = append(kinds, strings.ToUpper(k))
	}
	in["kinds"], in["from"] = kinds, c.From.input()
	return in, nil
}

func (c *pathsCmd) role() string {
	switch {
	case c.Role != "":
		return c.Role
	case c.Target.kind == "space":
		return "space-admin"
	default:
		return "space-writer"
	}
}

// goal is what the paths lead to.
func (c *pathsCmd) goal() string {
	switch {
	case c.Target.id == "":
		return "the administration of the account"
	case c.Action != "":
		return c.Action + " on " + c.Target.kind + " " + c.Target.id
	default:
		return c.role() + " on " + c.Target.kind + " " + c.Target.id
	}
}

// tree tells each path with its steps, and each step with what it rests on.
func (x *pathList) tree(goal string) branch {
	if x.Actors == 0 {
		return branch{text: "no path leads to " + goal}
	}
	root := branch{text: fmt.Sprintf("%s to %s; act-as mode %s", reaches(x.Actors), goal, x.Mode)}
	for _, p := range x.Paths {
		b := branch{text: p.Sentence}
		for _, h := range p.Hops {
			b.below = append(b.below, h.branch())
		}
		root.below = append(root.below, b)
	}
	return root
}

func reaches(n int) string {
	if n == 1 {
		return "1 actor has a path"
	}
	return fmt.Sprintf("%d actors have a path", n)
}

// branch is a step with what it rests on.
func (h *hop) branch() branch {
	b := branch{text: h.sentence()}
	if h.Kind == "INFLUENCES" {
		if h.RefusedByEnforce {
			b.text += "; ENFORCE would refuse it"
		}
		if n := len(h.Ways) - 1; n > 0 {
			others := make([]string, 0, n)
			for _, w := range h.Ways[1:] {
				others = append(others, w.Rule+" "+w.Action)
			}
			b.below = append(b.below, branch{text: "or by " + strings.Join(others, ", ")})
		}
	}
	b.below = append(b.below, branches(h.Evidence, (*evidence).String)...)
	return b
}

func (h *hop) sentence() string {
	switch h.Kind {
	case "HOLDS":
		return h.From.String() + " holds it in " + strings.TrimPrefix(h.Target.String(), "space ")
	case "MEMBER":
		return h.From.String() + " is a member of " + h.To.String()
	case "USED_BY":
		return h.From.String() + " is used by " + h.To.String()
	}
	does := deref(h.Rule)
	if len(h.Ways) > 0 {
		does += ": " + strings.TrimSuffix(h.Ways[0].Sentence, ".")
	}
	if h.PlanOnly {
		does += " (plans only)"
	}
	return h.From.String() + " → " + h.To.String() + ", by " + does
}
