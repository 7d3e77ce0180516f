package view

import (
	"strconv"

	"github.com/airlock-project/airlock/internal/domain"
)

// StateHistory is a version of a stack's state as the API shows it.
type StateHistory struct{ domain.StateVersion }

// Fields under the names of the API.

func (v StateHistory) ID() string                { return string(v.StateVersion.ID) }
func (v StateHistory) Imported() bool            { return v.Origin == domain.StateImported }
func (v StateHistory) Rollback() bool            { return v.Origin == domain.StateRolledBack }
func (v StateHistory) LastModified() int         { return Seconds(v.CreatedAt) }
func (v StateHistory) RollbackUsername() *string { return Optional(v.CreatedBy) }
func (v StateHistory) Serial() string            { return strconv.FormatInt(v.StateVersion.Serial, 10) }
func (v StateHistory) Run() *string              { return Optional(string(v.RunID)) }
func (v StateHistory) Restores() *string         { return Optional(string(v.StateVersion.Restores)) }
