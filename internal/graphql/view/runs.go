package view

import (
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// Run is a run as the API shows it.
type Run struct {
	domain.Run
	// MostRecent says whether it is the newest of its kind; nil where that is
	// not known yet.
	MostRecent *bool
}

func (r *Run) Commit() *Commit      { return &Commit{r.Run.Commit} }
func (r *Run) CreatedAt() int       { return Seconds(r.Run.CreatedAt) }
func (r *Run) UpdatedAt() *int      { return OptionalSeconds(r.Run.UpdatedAt) }
func (r *Run) Finished() bool       { return r.State.Terminal() }
func (r *Run) Delta() *RunDelta     { return newRunDelta(r.Run.Delta) }
func (r *Run) NeedsApproval() bool  { return r.State == domain.RunPendingReview }
func (r *Run) DriftDetection() bool { return r.Drift }
func (r *Run) Expired() bool        { return r.LogsGone }
func (r *Run) ActedAs() *ActedAs    { return NewActedAs(r.Run.ActedAs) }
func (r *Run) Command() string      { return r.Request.Command }
func (r *Run) Priority() int        { return r.Run.Priority }

// UserProvidedMetadata are what users have put on the run, in this order: when it
// was started, and when it was confirmed.
func (r *Run) UserProvidedMetadata() []string {
	out := []string{}
	for _, text := range []string{r.Metadata, r.Request.Confirmed} {
		if text != "" {
			out = append(out, text)
		}
	}
	return out
}

// Title is the one given, else the subject of the commit.
func (r *Run) Title() string {
	if r.Run.Title != "" {
		return r.Run.Title
	}
	subject, _, _ := strings.Cut(r.Run.Commit.Message, "\n")
	return subject
}

func (r *Run) StoppedBy() *string {
	if r.Stop == nil {
		return nil
	}
	return Optional(r.Stop.By)
}

// RunComment is a comment on a run.
type RunComment struct{ domain.RunComment }

func (c *RunComment) CreatedAt() int { return Seconds(c.At) }

// RunReview is an approval or a rejection of a run.
type RunReview struct{ domain.RunReview }

func (r *RunReview) Author() *string                  { return Optional(r.RunReview.Author) }
func (r *RunReview) Note() *string                    { return Optional(r.RunReview.Note) }
func (r *RunReview) Decision() *domain.ReviewDecision { return &r.RunReview.Decision }
func (r *RunReview) State() *domain.RunState          { return &r.RunReview.State }
func (r *RunReview) Timestamp() *int                  { return OptionalSeconds(r.At) }

// Commit is a git commit as the API shows it.
type Commit struct{ domain.Commit }

func (c *Commit) AuthorLogin() *string { return Optional(c.Commit.AuthorLogin) }
func (c *Commit) Tag() string          { return "" }
func (c *Commit) Timestamp() int       { return Seconds(c.Commit.Timestamp) }

// RunDelta counts planned changes.
type RunDelta struct{ domain.Delta }

func newRunDelta(d *domain.Delta) *RunDelta {
	if d == nil {
		return nil
	}
	return &RunDelta{*d}
}

func (d *RunDelta) AddCount() int    { return d.Added }
func (d *RunDelta) ChangeCount() int { return d.Changed }
func (d *RunDelta) DeleteCount() int { return d.Deleted }

// RunStateTransition is one row of a run's history.
type RunStateTransition struct{ domain.RunTransition }

func (t *RunStateTransition) StateVersion() int { return t.Serial }
func (t *RunStateTransition) Terminal() bool    { return t.State.Terminal() }
func (t *RunStateTransition) Timestamp() int    { return Seconds(t.At) }
func (t *RunStateTransition) Note() *string     { return Optional(t.RunTransition.Note) }
func (t *RunStateTransition) Username() *string { return Optional(t.RunTransition.Username) }

// RunChangesResource is the planned change of one resource.
type RunChangesResource struct{ domain.ResourceChange }

func (c *RunChangesResource) PreviousAddress() string { return "" }
func (c *RunChangesResource) Metadata() *RunChangesResourceMetadata {
	return &RunChangesResourceMetadata{Type: changeTypes[c.Action]}
}

// RunChangesResourceMetadata is what is said about a planned change.
type RunChangesResourceMetadata struct{ Type string }

var changeTypes = map[string]string{
	"create": "ADD", "update": "CHANGE", "delete": "DELETE", "replace": "REPLACE",
	"import": "IMPORT", "forget": "FORGET", "read": "READ",
}
