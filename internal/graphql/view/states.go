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

// RefusedState is a refused state as the API shows it.
type RefusedState struct{ domain.RefusedState }

// Fields under the names of the API.

func (r RefusedState) ID() string          { return string(r.RefusedState.ID) }
func (r RefusedState) CreatedAt() int      { return Seconds(r.RefusedState.CreatedAt) }
func (r RefusedState) Run() string         { return string(r.RunID) }
func (r RefusedState) ImportedAs() *string { return Optional(string(r.RefusedState.ImportedAs)) }

// Serial is null for what cannot be read as a state.
func (r RefusedState) Serial() *string {
	if r.Head == nil {
		return nil
	}
	serial := strconv.FormatInt(r.Head.Serial, 10)
	return &serial
}

// Lineage is null for what cannot be read as a state.
func (r RefusedState) Lineage() *string {
	if r.Head == nil {
		return nil
	}
	return &r.Head.Lineage
}
