package cli

import (
	"fmt"
	"io"
)

// preview is what changes would come to as the API shows it.
type preview struct {
	Possible bool `json:"possible"`
	Refusals []struct {
		Change  int     `json:"change"`
		Code    string  `json:"code"`
		Message string  `json:"message"`
		Field   *string `json:"field"`
	} `json:"refusals"`
	Gaining      int          `json:"gaining"`
	Losing       int          `json:"losing"`
	HiddenActors int          `json:"hiddenActors"`
	Effects      []effect     `json:"effects"`
	Paths        []pathChange `json:"paths"`
	HiddenPaths  int          `json:"hiddenPaths"`
	MorePaths    bool         `json:"morePaths"`
}

// effect is what one actor would gain and lose.
type effect struct {
	Actor    named  `json:"actor"`
	Sentence string `json:"sentence"`
	Parts    []struct {
		Gained       []string `json:"gained"`
		Lost         []string `json:"lost"`
		Spaces       int      `json:"spaces"`
		HiddenSpaces int      `json:"hiddenSpaces"`
		Tops         []struct {
			SpaceID   *string `json:"spaceId"`
			SpaceName *string `json:"spaceName"`
			Below     int     `json:"below"`
		} `json:"tops"`
		Target *target `json:"target"`
	} `json:"parts"`
}

// pathChange is which paths open and close to one goal.
type pathChange struct {
	Goal struct {
		Target   target  `json:"target"`
		Action   *string `json:"action"`
		RoleID   *string `json:"roleId"`
		RoleName *string `json:"roleName"`
	} `json:"goal"`
	Gained      []escalation `json:"gained"`
	GainedCount int          `json:"gainedCount"`
	Lost        []named      `json:"lost"`
}

const previewDocument = `query ($input: PreviewAccessChangeInput!) { previewAccessChange(input: $input) {
	possible refusals { change code message field } gaining losing hiddenActors
	effects { edges { node { actor { kind id name } sentence parts { gained lost spaces hiddenSpaces tops { spaceId spaceName below }
		target { ` + targetFields + ` } } } } pageInfo { endCursor hasNextPage } }
	paths { goal { target { ` + targetFields + ` } action roleId roleName } gainedCount gained { ` + pathFields + ` } lost { kind id name } }
	hiddenPaths morePaths } }` + pathFragments

type whatIfCmd struct {
	changes `embed:""`

	NoPaths bool `help:"Do not look for escalation paths." env:"-"`
	Limit   int  `help:"Show at most so many actors. Default: 200." default:"200" env:"-"`
}

// Help is shown below the flags.
func (whatIfCmd) Help() string {
	return `All changes are tried out together, each in the world that those before it have made: those of the file first, the
others in the order of the flags above. Nothing is changed. The exit status is 2 if you could not make one of them.`
}

// Run tries changes out.
func (c *whatIfCmd) Run(s *session) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	list, err := c.list(s)
	if err != nil {
		return err
	}
	var x preview
	effects, more, err := collect(c.Limit, func(first int, after *string) (page[effect], error) {
		var out struct {
			PreviewAccessChange struct {
				preview
				Effects page[effect] `json:"effects"`
			}
		}
		// Paths are the same on each page, and take longest.
		input := map[string]any{"changes": list, "paths": !c.NoPaths && after == nil, "first": first, "after": after}
		err := s.query(previewDocument, map[string]any{"input": input}, &out)
		if after == nil {
			x = out.PreviewAccessChange.preview
		}
		return out.PreviewAccessChange.Effects, err
	})
	if err != nil {
		return err
	}
	x.Effects = effects
	s.tellMore(more, c.Limit)
	if err := s.show(x, func(w io.Writer) error { return tree(w, x.tree(list)) }); err != nil {
		return err
	}
	if !x.Possible {
		return &Denied{}
	}
	return nil
}

// tree tells first how many gain and lose, then who, then which paths open.
func (x *preview) tree(list []map[string]any) branch {
	var below []branch
	add := func(text string, under ...branch) { below = append(below, branch{text, under}) }
	if !x.Possible {
		for _, r := range x.Refusals {
			for kind := range list[r.Change] {
				add(fmt.Sprintf("change %d, %s: %s", r.Change+1, kind, r.Message))
			}
		}
		return branch{fmt.Sprintf("you could not make %d of these changes", len(x.Refusals)), below}
	}
	for i := range x.Effects {
		add(x.Effects[i].Sentence)
	}
	if x.HiddenActors > 0 {
		add(count(x.HiddenActors, "actor") + " whom you may not see")
	}
	for i := range x.Paths {
		x.Paths[i].tell(add)
	}
	if x.HiddenPaths > 0 {
		add(count(x.HiddenPaths, "new escalation path") + " that you may not see")
	}
	if x.MorePaths {
		add("so much changes that not all escalation paths were compared")
	}
	if len(below) == 0 {
		return branch{text: "nobody gains or loses anything"}
	}
	return branch{fmt.Sprintf("%d would gain, %d would lose", x.Gaining, x.Losing), below}
}

func (c *pathChange) tell(add func(string, ...branch)) {
	what := "all of " + deref(c.Goal.RoleName)
	if c.Goal.Action != nil {
		what = *c.Goal.Action
	}
	goal := what + " on " + c.Goal.Target.String()
	if c.GainedCount > 0 {
		paths := branches(c.Gained, func(p escalation) string { return p.Sentence })
		if rest := c.GainedCount - len(c.Gained); rest > 0 {
			paths = append(paths, branch{text: count(rest, "more")})
		}
		add("opens "+count(c.GainedCount, "escalation path")+" to "+goal, paths...)
	}
	if len(c.Lost) > 0 {
		add("takes away "+goal+" from", branches(c.Lost, named.String)...)
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
