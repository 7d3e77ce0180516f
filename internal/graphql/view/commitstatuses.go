package view

import "github.com/airlock-project/airlock/internal/domain"

// CommitStatus is what a run tells of its commit, as the API shows it.
type CommitStatus struct{ domain.CommitStatus }

// NewCommitStatus shows a status.
func NewCommitStatus(s domain.CommitStatus) *CommitStatus { return &CommitStatus{s} }

func (s *CommitStatus) RunID() domain.RunID     { return s.Run }
func (s *CommitStatus) StackID() domain.StackID { return s.Stack }
func (s *CommitStatus) CreatedAt() int          { return Seconds(s.CommitStatus.CreatedAt) }
func (s *CommitStatus) SentAt() *int            { return OptionalSeconds(s.CommitStatus.SentAt) }
func (s *CommitStatus) NextAttempt() *int       { return OptionalSeconds(s.NextAt) }
func (s *CommitStatus) Error() *string          { return Optional(s.CommitStatus.Error) }
