package cli

import (
	"errors"
	"fmt"
	"io"
)

// request is a request for access as the API shows it.
type request struct {
	ID            string  `json:"id"`
	Actor         named   `json:"actor"`
	RoleID        string  `json:"roleId"`
	RoleSlug      *string `json:"roleSlug"`
	SpaceID       *string `json:"spaceId"`
	Entity        *named  `json:"entity"`
	Duration      int64   `json:"duration"`
	Reason        string  `json:"reason"`
	State         string  `json:"state"`
	CanDecide     bool    `json:"canDecide"`
	CreatedAt     int64   `json:"createdAt"`
	ExpiresAt     int64   `json:"expiresAt"`
	DecidedAt     *int64  `json:"decidedAt"`
	DecidedBy     *string `json:"decidedBy"`
	Note          *string `json:"note"`
	RoleBindingID *string `json:"roleBindingId"`
}

const requestFields = `id actor { kind id name } roleId roleSlug spaceId entity { kind id } duration reason state canDecide
	createdAt expiresAt decidedAt decidedBy note roleBindingId`

func (r request) role() string {
	if r.RoleSlug != nil {
		return *r.RoleSlug
	}
	return r.RoleID + " (deleted)"
}

// where is the space or the entity.
func (r request) where() string {
	switch {
	case r.Entity != nil:
		return r.Entity.String()
	case r.SpaceID != nil:
		return *r.SpaceID
	default:
		return ""
	}
}

// sentence tells one request in a line.
func (r request) sentence() string {
	s := fmt.Sprintf("%s %s: %s for %s at %s, for %s", r.ID, r.State, r.role(), r.Actor, r.where(), secondsText(r.Duration))
	if r.RoleBindingID != nil {
		s += ", by binding " + *r.RoleBindingID
	}
	return s
}

func secondsText(n int64) string { return span(n * 1e9).String() }

type requestsCmd struct {
	State     string `help:"Only those in one state: pending, granted, refused, canceled or expired." enum:"pending,granted,refused,canceled,expired," default:"" env:"-"`
	Mine      bool   `help:"Only your own." env:"-"`
	Decidable bool   `help:"Only those that you may decide now." env:"-"`
	Limit     int    `help:"Show at most so many. Default: 200." default:"200" env:"-"`
}

// Run lists requests.
func (c *requestsCmd) Run(s *session) error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	list, more, err := collect(c.Limit, func(first int, after *string) (page[request], error) {
		var out struct{ AccessRequests page[request] }
		err := s.query(`query ($input: AccessRequestsInput!) { accessRequests(input: $input) { edges { node { `+requestFields+` } }
			pageInfo { endCursor hasNextPage } } }`, map[string]any{"input": map[string]any{
			"first": first, "after": after, "state": upperOrNull(c.State), "mine": c.Mine, "decidable": c.Decidable,
		}}, &out)
		return out.AccessRequests, err
	})
	if err != nil {
		return err
	}
	s.tellMore(more, c.Limit)
	return s.show(list, func(w io.Writer) error {
		if len(list) == 0 {
			_, err := fmt.Fprintln(w, "No requests.")
			return err
		}
		rows := make([][]string, len(list))
		for i, r := range list {
			decide := ""
			if r.CanDecide {
				decide = "you"
			}
			rows[i] = []string{r.ID, r.State, r.Actor.String(), r.role(), r.where(), secondsText(r.Duration), moment(&r.CreatedAt), decide, r.Reason}
		}
		return table(w, []string{"ID", "STATE", "ACTOR", "ROLE", "AT", "FOR", "ASKED", "DECIDES", "REASON"}, rows)
	})
}

type requestCmd struct {
	Role   string `help:"Id or slug of the role." required:"" env:"-"`
	Space  string `help:"Id of the space in which, with everything below, the role is to count." xor:"where" env:"-"`
	On     thing  `help:"The one thing that the role is to be limited to, for example stack:ID." xor:"where" placeholder:"KIND:ID" env:"-"`
	For    span   `help:"For how long from the decision on, for example 8h; at most 90d." required:"" placeholder:"SPAN" env:"-"`
	Reason string `help:"Why. Whoever decides reads it, and so does whoever reads the audit trail." required:"" env:"-"`
}

// Run asks for access.
func (c *requestCmd) Run(s *session) error {
	if c.Space == "" && c.On.id == "" {
		return errors.New("give --space or --on")
	}
	return s.decide("requestAccess", "RequestAccessInput", map[string]any{
		"role": c.Role, "spaceId": orNull(c.Space), "entity": c.On.input(), "duration": c.For.seconds(), "reason": c.Reason,
	})
}

// decision is the argument of the commands that close a request.
type decision struct {
	ID   string `arg:"" help:"Id of the request."`
	Note string `help:"A note to the decision; the asker reads it, and so does whoever reads the audit trail." env:"-"`
}

func (d *decision) input() map[string]any {
	return map[string]any{"id": d.ID, "note": orNull(d.Note)}
}

type grantCmd struct {
	decision `embed:""`
}

// Run grants a request.
func (c *grantCmd) Run(s *session) error {
	return s.decide("grantAccessRequest", "DecideAccessRequestInput", c.input())
}

type refuseCmd struct {
	decision `embed:""`
}

// Run refuses a request.
func (c *refuseCmd) Run(s *session) error {
	return s.decide("refuseAccessRequest", "DecideAccessRequestInput", c.input())
}

type cancelCmd struct {
	ID string `arg:"" help:"Id of the request."`
}

// Run takes a request back.
func (c *cancelCmd) Run(s *session) error {
	return s.decide("cancelAccessRequest", "CancelAccessRequestInput", map[string]any{"id": c.ID})
}

// decide sends one of the mutations that answer a request, and shows it.
func (s *session) decide(field, inputType string, input map[string]any) error {
	var out map[string]request
	err := s.mutate(`mutation ($input: `+inputType+`!) { `+field+`(input: $input) { `+requestFields+` } }`, map[string]any{"input": input}, &out)
	if err != nil {
		return err
	}
	r := out[field]
	return s.show(r, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, clean(r.sentence()))
		return err
	})
}
