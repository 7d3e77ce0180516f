package view

import (
	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/insight"
)

// AccessReview is the review of one binding.
type AccessReview struct{ insight.Review }

func (r *AccessReview) SpaceID() string    { return string(r.Home) }
func (r *AccessReview) Finding() string    { return string(r.Review.Finding) }
func (r *AccessReview) Since() int         { return Seconds(r.Review.Since) }
func (r *AccessReview) LastUsedAt() *int   { return OptionalSeconds(r.Last) }
func (r *AccessReview) Unused() []string   { return actionTexts(r.Review.Unused) }
func (r *AccessReview) Kept() []string     { return actionTexts(r.Review.Kept) }
func (r *AccessReview) Enough() []string   { return actionTexts(r.Review.Enough) }
func (r *AccessReview) ViewsAccount() bool { return r.Review.ViewsAccount }

// Binding is what was reviewed.
func (r *AccessReview) Binding() *RoleBinding {
	return &RoleBinding{BindingRow: r.BindingRow, Of: r.Review.Role}
}

// SufficientRole is the smallest role that would have been enough.
func (r *AccessReview) SufficientRole() *Role {
	if r.Sufficient == nil {
		return nil
	}
	return &Role{Role: *r.Sufficient}
}

// Used is what the binding was used for.
func (r *AccessReview) Used() []*AccessReviewUse {
	out := make([]*AccessReviewUse, len(r.Review.Used))
	for i, u := range r.Review.Used {
		out[i] = &AccessReviewUse{Action: u.Name, Done: int(u.Done), Held: int(u.Held), LastUsedAt: Seconds(u.Last), Allowed: u.Allowed}
	}
	return out
}

// AccessReviewUse is one action that a binding was used for.
type AccessReviewUse struct {
	Action                 string
	Done, Held, LastUsedAt int
	Allowed                bool
}

// actionTexts are actions as texts name them.
func actionTexts(actions []authz.Action) []string {
	out := make([]string, len(actions))
	for i, a := range actions {
		out[i] = a.String()
	}
	return out
}
