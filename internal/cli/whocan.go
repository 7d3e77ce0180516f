package cli

import (
	"fmt"
	"io"
	"strings"
)

// able is somebody who may do something as the API shows it.
type able struct {
	Actor  named     `json:"actor"`
	Reason string    `json:"reason"`
	By     *evidence `json:"by"`
}

// ableList are those who may, page after page.
type ableList struct {
	Action      string `json:"action"`
	Target      target `json:"target"`
	TotalCount  int    `json:"totalCount"`
	HiddenCount int    `json:"hiddenCount"`
	Actors      []able `json:"actors"`
}

const whoCanDocument = `query ($input: WhoCanInput!) { whoCan(input: $input) {
	action target { ` + targetFields + ` } totalCount hiddenCount
	edges { node { actor { kind id name } reason by { ` + evidenceFields + ` } } }
	pageInfo { endCursor hasNextPage } } }`

type whoCanCmd struct {
	Action string   `arg:"" help:"What, for example run:trigger."`
	Target place    `arg:"" help:"On what: the id of a space, stack:ID, run:ID, context:ID, policy:ID, worker_pool:ID or repo:ID."`
	Kind   []string `help:"Only user, api_key, group or stack; may be given several times." enum:"user,api_key,group,stack" env:"-"`
	Limit  int      `help:"Show at most so many. Default: 200." default:"200" env:"-"`
}

// Run lists who may do something.
func (c *whoCanCmd) Run(s *session) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	kinds := []string{}
	for _, k := range c.Kind {
		kinds = append(kinds, strings.ToUpper(k))
	}
	var x ableList
	list, more, err := collect(c.Limit, func(first int, after *string) (page[able], error) {
		var out struct {
			WhoCan struct {
				ableList
				page[able]
			}
		}
		input := map[string]any{"action": actionEnum(c.Action), "target": c.Target.input(), "kinds": kinds, "first": first, "after": after}
		err := s.query(whoCanDocument, map[string]any{"input": input}, &out)
		x = out.WhoCan.ableList
		return out.WhoCan.page, err
	})
	if err != nil {
		return aboutAction(c.Action, err)
	}
	x.Actors = list
	s.tellMore(more, c.Limit)
	return s.show(x, func(w io.Writer) error { return x.write(w, c.Action) })
}

// write tells how many may, and each with what allows it.
func (x *ableList) write(w io.Writer, action string) error {
	many := count(x.TotalCount, "actor")
	if x.TotalCount == 0 {
		many = "nobody"
	}
	top := fmt.Sprintf("%s may %s on %s", many, action, x.Target)
	if x.HiddenCount > 0 {
		top += fmt.Sprintf("; %d of them you may not see", x.HiddenCount)
	}
	if _, err := fmt.Fprintln(w, clean(top)); err != nil || len(x.Actors) == 0 {
		return err
	}
	rows := make([][]string, len(x.Actors))
	for i, a := range x.Actors {
		rows[i] = []string{a.Actor.String(), reasonText(a.Reason), "you may not see it"}
		if a.By != nil {
			rows[i][2] = a.By.String()
		}
	}
	return table(w, []string{"ACTOR", "WHY", "BY"}, rows)
}
