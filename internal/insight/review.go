package insight

import (
	"context"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// ReviewTx is what a review reads beyond other questions.
type ReviewTx interface {
	BindingRows(ctx context.Context, f domain.BindingFilter, after domain.ListPosition, limit int) ([]domain.BindingRow, error)
	BindingUses(ctx context.Context, ids []domain.BindingID, since time.Time) ([]domain.BindingUse, error)
	UsesSince(ctx context.Context) (time.Time, error)
}

// MaxReviewDays is how far back a review may look.
const MaxReviewDays = 400

// ReviewQuery asks what bindings were used for in the last Days days.
type ReviewQuery struct {
	Days int // 1 to MaxReviewDays
	// Filter selects the bindings. Those that have expired are left out.
	Filter domain.BindingFilter
	After  domain.ListPosition
	Size   int
}

// Finding is the outcome of the review of one binding.
type Finding string

// The findings.
const (
	FindingUnused  Finding = "UNUSED"   // nothing that the binding allows was done by it
	FindingTooWide Finding = "TOO_WIDE" // less would have been enough
	FindingFitting Finding = "FITTING"  // what it allows was needed
)

// UsedAction is an action that a binding was used for.
type UsedAction struct {
	Name   string       // as the audit trail has it
	Action authz.Action // zero if there is no such action any more
	// Done is how often it was done, Held how often it had to be held for
	// something else (domain.AuditUse).
	Done, Held int64
	Last       time.Time
	Allowed    bool // the role, as it is now, allows it
}

// Review is what one binding was used for, and what would have been enough.
type Review struct {
	domain.BindingRow
	Role    domain.Role
	Finding Finding
	Since   time.Time // from when on its use is known
	Young   bool      // it was made, or changed, within the days asked for
	Used    []UsedAction
	Last    time.Time // zero if it was never used
	// Unused are the actions that the binding allows, by name or by tier, and was
	// not used for. Kept are those that its role names and that only read: reading
	// is not recorded, so they are taken as needed and never as unused.
	Unused, Kept []authz.Action
	// Enough is the exact set that would have been enough; empty if the binding
	// could go.
	Enough []authz.Action
	// Sufficient is the smallest role there is that would have been enough: the
	// present one if no other is smaller, nil if none is needed.
	Sufficient *domain.Role
	// ViewsAccount says that the role also shows the account's roles, keys, users
	// and groups (access model A78), and that what is enough does not. Whether
	// its holder looked is not recorded.
	ViewsAccount bool
}

// ReviewPage is one page of a review.
type ReviewPage struct {
	From    time.Time // the beginning of the days asked for
	Since   time.Time // From, or later where the audit trail begins later
	Reviews []Review
	More    bool
}

// Review compares bindings with what the audit trail says that they were used
// for. It is for those who may read the trail (access model A74, A266). The
// number of SQL statements is the same for every page.
func (s *Service) Review(ctx context.Context, q ReviewQuery) (p ReviewPage, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountRead(ctx, tx, access.KindAudit); err != nil {
			return err
		}
		if q.Days < 1 || q.Days > MaxReviewDays {
			return domain.Invalid("days", "must be between 1 and %d", MaxReviewDays)
		}
		p.From = tx.Now().Add(-time.Duration(q.Days) * 24 * time.Hour)
		trail, err := tx.UsesSince(ctx)
		if err != nil {
			return err
		}
		p.Since = later(p.From, trail)
		roles, err := tx.Roles(ctx)
		if err != nil {
			return err
		}
		rows, err := q.rows(ctx, tx, roles)
		if err != nil {
			return err
		}
		if p.More = len(rows) > q.Size; p.More {
			rows = rows[:q.Size]
		}
		p.Reviews, err = reviews(ctx, tx, roles, rows, p)
		return err
	})
	return p, err
}

// rows returns one binding more than the page has, if there is one.
func (q ReviewQuery) rows(ctx context.Context, tx Tx, roles []domain.Role) ([]domain.BindingRow, error) {
	f, expired := q.Filter, false
	f.Expired = &expired
	if f.Role != "" {
		i := slices.IndexFunc(roles, func(r domain.Role) bool { return r.ID == f.Role || r.Slug == string(f.Role) })
		if i < 0 {
			return nil, nil
		}
		f.Role = roles[i].ID
	}
	return tx.BindingRows(ctx, f, q.After, q.Size+1)
}

func reviews(ctx context.Context, tx Tx, roles []domain.Role, rows []domain.BindingRow, p ReviewPage) ([]Review, error) {
	scale, err := newScale(roles, tx.Now())
	if err != nil {
		return nil, err
	}
	ids := make([]domain.BindingID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	uses, err := tx.BindingUses(ctx, ids, p.Since)
	if err != nil {
		return nil, err
	}
	of := map[domain.BindingID][]domain.BindingUse{}
	for _, u := range uses {
		of[u.Binding] = append(of[u.Binding], u)
	}
	out := make([]Review, len(rows))
	for i, r := range rows {
		out[i] = Review{BindingRow: r, Since: later(p.Since, r.CreatedAt), Young: r.CreatedAt.After(p.From)}
		if err := out[i].judge(scale, of[r.ID]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// judge finds out what of a binding was needed. Only what its role allows now
// counts: a review never proposes to give more than there is.
func (r *Review) judge(s *scale, uses []domain.BindingUse) error {
	present := s.roles[r.BindingRow.Role]
	r.Role = present.Role
	var used authz.ActionSet
	for _, u := range uses {
		a := UsedAction{Name: u.Action, Done: u.Done, Held: u.Held, Last: u.Last}
		a.Action, _ = authz.ParseAction(u.Action)
		if a.Allowed = present.joined.Has(a.Action); a.Allowed {
			used = used.With(a.Action)
		}
		r.Used, r.Last = append(r.Used, a), later(r.Last, u.Last)
	}
	kept := present.names.Intersect(reading)
	needed := kept.Union(present.naming(used))
	enough, err := s.weigh(needed)
	if err != nil {
		return err
	}
	r.Kept, r.Enough = kept.List(), needed.List()
	r.Unused = without(present.own(s), used.Union(reading)).List()
	r.Sufficient = s.smallest(present, needed)
	r.ViewsAccount = present.viewsAccount() && !enough.viewsAccount()
	switch {
	case len(uses) == 0:
		r.Finding = FindingUnused
	case enough.own(s) != present.own(s):
		r.Finding = FindingTooWide
	default:
		r.Finding = FindingFitting
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
