package cli

import (
	"fmt"
	"io"
	"strings"
)

// effective is everything that an actor may do somewhere as the API shows it.
type effective struct {
	Actor       named             `json:"actor"`
	Target      target            `json:"target"`
	AccessLevel *string           `json:"accessLevel"`
	Tier        string            `json:"tier"`
	Actions     []effectiveAction `json:"actions"`
}

// effectiveAction is an action that is allowed.
type effectiveAction struct {
	Action string    `json:"action"`
	Name   string    `json:"name"`
	Reason string    `json:"reason"`
	By     *evidence `json:"by"`
}

const effectiveDocument = `query ($input: EffectiveAccessInput!) { effectiveAccess(input: $input) {
	actor { kind id name } target { ` + targetFields + ` } accessLevel tier
	actions { action name reason by { ` + evidenceFields + ` } } } }`

type effectiveCmd struct {
	Actor  somebody `arg:"" help:"Who: user:ID, api_key:ID, group:NAME, stack:ID, or me."`
	Target place    `arg:"" help:"Where: the id of a space, stack:ID, run:ID, context:ID, policy:ID, worker_pool:ID or repo:ID."`
	Plan   bool     `help:"For a stack: in the part of a run that only reads." env:"-"`
}

// Run lists what somebody may do.
func (c *effectiveCmd) Run(s *session) error {
	who, err := s.who(c.Actor)
	if err != nil {
		return err
	}
	var out struct{ EffectiveAccess effective }
	input := map[string]any{"actor": who, "target": c.Target.input(), "plan": c.Plan}
	if err := s.query(effectiveDocument, map[string]any{"input": input}, &out); err != nil {
		return err
	}
	x := &out.EffectiveAccess
	return s.show(x, func(w io.Writer) error { return tree(w, x.tree()) })
}

// tree puts the actions below what allows them, in the order in which they
// first do.
func (x *effective) tree() branch {
	top := fmt.Sprintf("%s on %s: %s", x.Actor, x.Target, count(len(x.Actions), "action"))
	if len(x.Actions) == 0 {
		top = fmt.Sprintf("%s may do nothing on %s", x.Actor, x.Target)
	}
	if x.Tier != "NONE" {
		top += ", tier " + strings.ToLower(x.Tier)
	}
	root := branch{text: top}
	for _, a := range x.Actions {
		source := "by what you may not see"
		if a.By != nil {
			source = a.By.String()
		}
		subject, verb, _ := strings.Cut(a.Name, ":")
		root.under(source).under(reasonText(a.Reason)).list(subject, verb)
	}
	return root
}

// under returns the branch with a text below another one, and puts it there
// first if need be.
func (b *branch) under(text string) *branch {
	for i := range b.below {
		if b.below[i].text == text {
			return &b.below[i]
		}
	}
	b.below = append(b.below, branch{text: text})
	return &b.below[len(b.below)-1]
}

// list adds a verb to those of its subject, which share a line.
func (b *branch) list(subject, verb string) {
	for i := range b.below {
		if strings.HasPrefix(b.below[i].text, subject+": ") {
			b.below[i].text += ", " + verb
			return
		}
	}
	b.below = append(b.below, branch{text: subject + ": " + verb})
}
