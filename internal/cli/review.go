package cli

import (
	"fmt"
	"io"
	"strings"
)

// review is the review of one binding as the API shows it.
type review struct {
	Binding struct {
		ID    string `json:"id"`
		Actor named  `json:"actor"`
		Role  struct {
			ID   string `json:"id"`
			Slug string `json:"slug"`
		} `json:"role"`
		Entity    *named `json:"entity"`
		NotAfter  *int64 `json:"notAfter"`
		CreatedAt int64  `json:"createdAt"`
	} `json:"binding"`
	SpaceID        string      `json:"spaceId"`
	Finding        string      `json:"finding"`
	Since          int64       `json:"since"`
	Young          bool        `json:"young"`
	LastUsedAt     *int64      `json:"lastUsedAt"`
	Used           []reviewUse `json:"used"`
	Unused         []string    `json:"unused"`
	Kept           []string    `json:"kept"`
	Enough         []string    `json:"enough"`
	SufficientRole *struct {
		ID   string `json:"id"`
		Slug string `json:"slug"`
	} `json:"sufficientRole"`
	ViewsAccount bool `json:"viewsAccount"`
}

// reviewUse is an action that a binding was used for.
type reviewUse struct {
	Action     string `json:"action"`
	Done       int64  `json:"done"`
	Held       int64  `json:"held"`
	LastUsedAt int64  `json:"lastUsedAt"`
	Allowed    bool   `json:"allowed"`
}

// reviewPage is a page of a review; of several, Edges are of all.
type reviewPage struct {
	page[review]
	From, Since int64
	Notes       []string
}

const reviewDocument = `query ($input: ReviewAccessInput) { reviewAccess(input: $input) { from since notes pageInfo { endCursor hasNextPage }
	edges { node { binding { id actor { kind id name } role { id slug } entity { kind id name } notAfter createdAt }
	spaceId finding since young lastUsedAt used { action done held lastUsedAt allowed } unused kept enough sufficientRole { id slug } viewsAccount } } } }`

type reviewCmd struct {
	Days   int    `help:"How many days back; at most 400. Default: 90." default:"90" env:"-"`
	Space  string `help:"Only bindings in this space and below." env:"-"`
	Actor  actor  `help:"Only bindings of one actor." placeholder:"KIND:ID" env:"-"`
	Role   string `help:"Only bindings of one role, by its id or slug." env:"-"`
	On     thing  `help:"Only bindings on one thing." placeholder:"KIND:ID" env:"-"`
	Unused bool   `help:"Show only those that were not used." env:"-"`
	Limit  int    `help:"Review at most so many. Default: 1000." default:"1000" env:"-"`
}

// Help is shown below the flags.
func (reviewCmd) Help() string {
	return `Compares each role binding with what the audit trail says that it was used for, and names what would have been enough: the
smallest role there is, and the exact actions for a role of its own. Only admins of root may ask. Reading is not recorded,
so actions that only read are kept.`
}

// Run reviews bindings.
func (c *reviewCmd) Run(s *session) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	who, err := s.who(somebody{c.Actor})
	if err != nil {
		return err
	}
	var last reviewPage
	list, more, err := collect(c.Limit, func(first int, after *string) (page[review], error) {
		var out struct{ ReviewAccess reviewPage }
		input := map[string]any{"first": first, "after": after, "days": c.Days, "actor": who, "role": orNull(c.Role), "entity": c.On.input()}
		if c.Space != "" {
			input["spaceId"], input["descendants"] = c.Space, true
		}
		err := s.query(reviewDocument, map[string]any{"input": input}, &out)
		last = out.ReviewAccess
		return last.page, err
	})
	if err != nil {
		return err
	}
	if c.Unused {
		list = unusedOf(list)
	}
	s.tellMore(more, c.Limit)
	answer := map[string]any{"from": last.From, "since": last.Since, "notes": last.Notes, "reviews": list}
	return s.show(answer, func(w io.Writer) error {
		if err := c.head(w, last, len(list)); err != nil {
			return err
		}
		for _, r := range list {
			if err := tree(w, r.branch()); err != nil {
				return err
			}
		}
		return nil
	})
}

func unusedOf(list []review) []review {
	out := []review{}
	for _, r := range list {
		if r.Finding == "UNUSED" {
			out = append(out, r)
		}
	}
	return out
}

// head says what was looked at, and what cannot be told.
func (c *reviewCmd) head(w io.Writer, p reviewPage, n int) error {
	_, err := fmt.Fprintf(w, "%s, and the uses of %s.\n", count(n, "role binding"), count(c.Days, "day"))
	for _, note := range p.Notes {
		if err == nil {
			_, err = fmt.Fprintln(w, clean(note))
		}
	}
	if err == nil {
		_, err = fmt.Fprintln(w)
	}
	return err
}

// findings are the words for the outcomes.
var findings = map[string]string{"UNUSED": "not used", "TOO_WIDE": "wider than needed", "FITTING": "fits"}

// branch shows one review.
func (r review) branch() branch {
	at := r.SpaceID
	if r.Binding.Entity != nil {
		at = r.Binding.Entity.String()
	}
	root := branch{text: fmt.Sprintf("%s: %s for %s at %s: %s", r.Binding.ID, r.Binding.Role.Slug, r.Binding.Actor, at, findings[r.Finding])}
	add := func(text string, below ...branch) { root.below = append(root.below, branch{text, below}) }
	if r.Young {
		add("young: made or changed " + moment(&r.Binding.CreatedAt))
	}
	if len(r.Used) > 0 {
		var used []branch
		for _, u := range r.Used {
			used = append(used, branch{text: u.sentence()})
		}
		add("used for", used...)
	}
	if n := len(r.Unused); n > 0 {
		add("not used for " + count(n, "action") + ": " + few(r.Unused))
	}
	switch {
	case len(r.Enough) == 0:
		add("it could go")
	case r.Finding != "FITTING":
		role := "no smaller role would have been enough"
		if r.SufficientRole != nil && r.SufficientRole.ID != r.Binding.Role.ID {
			role = "enough would have been role " + r.SufficientRole.Slug
		}
		add(role, branch{text: "exactly: " + strings.Join(r.Enough, ", ")})
	}
	if r.ViewsAccount {
		add("with less, its holder would not see the account's roles, keys, users and groups by it; whether he looked is not recorded")
	}
	return root
}

// sentence tells one use.
func (u reviewUse) sentence() string {
	var parts []string
	if u.Done > 0 {
		parts = append(parts, "done "+times(u.Done))
	}
	if u.Held > 0 {
		parts = append(parts, "held "+times(u.Held)+" to grant it or to act through a stack")
	}
	s := u.Action + ": " + strings.Join(parts, ", ") + ", last " + moment(&u.LastUsedAt)
	if !u.Allowed {
		s += "; the role does not allow it any more"
	}
	return s
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// fewActions is how many actions of a long list are shown.
const fewActions = 6

func few(list []string) string {
	if len(list) <= fewActions {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:fewActions], ", ") + fmt.Sprintf(" and %d more, which --json shows", len(list)-fewActions)
}
