package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// binding is a role binding as the API shows it.
type binding struct {
	ID    string `json:"id"`
	Actor named  `json:"actor"`
	Role  struct {
		ID   string `json:"id"`
		Slug string `json:"slug"`
	} `json:"role"`
	Space struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"space"`
	Entity    *named `json:"entity"`
	NotAfter  *int64 `json:"notAfter"`
	CreatedAt int64  `json:"createdAt"`
	CreatedBy string `json:"createdBy"`
}

const bindingFields = `id actor { kind id name } role { id slug } space { id name } entity { kind id name } notAfter createdAt createdBy`

func (b binding) where() string {
	if b.Entity != nil {
		return b.Entity.String()
	}
	return b.Space.ID
}

type grantsCmd struct {
	Within int    `help:"Show those that end within so many days. Default: 30." default:"30" placeholder:"DAYS" env:"-"`
	Space  string `help:"Only those in this space and below." env:"-"`
	Actor  actor  `help:"Only those of one actor." placeholder:"KIND:ID" env:"-"`
	Limit  int    `help:"Show at most so many. Default: 200." default:"200" env:"-"`
}

// Run lists bindings that end soon.
func (c *grantsCmd) Run(s *session) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	list, more, err := collect(c.Limit, func(first int, after *string) (page[binding], error) {
		var out struct{ RoleBindings page[binding] }
		input := map[string]any{"first": first, "after": after, "expiringWithinDays": c.Within, "actor": c.Actor.input()}
		if c.Space != "" {
			input["spaceId"], input["descendants"] = c.Space, true
		}
		err := s.query(`query ($input: RoleBindingsInput!) { roleBindings(input: $input) { edges { node { `+bindingFields+` } }
			pageInfo { endCursor hasNextPage } } }`, map[string]any{"input": input}, &out)
		return out.RoleBindings, err
	})
	if err != nil {
		return err
	}
	s.tellMore(more, c.Limit)
	return s.show(list, func(w io.Writer) error {
		if len(list) == 0 {
			_, err := fmt.Fprintf(w, "No binding that you may see ends within %d days.\n", c.Within)
			return err
		}
		rows := make([][]string, len(list))
		for i, b := range list {
			rows[i] = []string{b.ID, b.Actor.String(), b.Role.Slug, b.where(), moment(b.NotAfter), b.CreatedBy}
		}
		return table(w, []string{"BINDING", "ACTOR", "ROLE", "AT", "ENDS", "MADE BY"}, rows)
	})
}

func checkLimit(n int) error {
	if n < 1 {
		return errors.New("--limit must be at least 1")
	}
	return nil
}

// tellMore says beside the output that it is not all.
func (s *session) tellMore(more bool, limit int) {
	if more {
		_, _ = fmt.Fprintf(s.errors, "airlock: there are more than %d; raise --limit to see them\n", limit) // the list matters more
	}
}

// upperOrNull is a value of an enum for the API, or null for none.
func upperOrNull(s string) any { return orNull(strings.ToUpper(s)) }
