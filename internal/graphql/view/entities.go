package view

import "github.com/airlock-project/airlock/internal/domain"

// ManagedEntity is something that a stack's state holds.
type ManagedEntity struct {
	domain.ManagedEntity
	StackTitle string
	// Details looks up what only the state and the runs of the stack tell.
	Details func() (EntityDetails, error)
}

// EntityDetails is an entity with its values, as far as they are shown, and the
// runs that it first and last came from; nil where they are not known or hidden.
type EntityDetails struct {
	domain.ManagedEntity
	Creator, Updater *Run
}

// Values under the names of the API.

func (e *ManagedEntity) ID() string         { return string(e.Stack) + "/" + e.Address }
func (e *ManagedEntity) Parent() string     { return e.Module }
func (e *ManagedEntity) StackID() *string   { return Optional(string(e.Stack)) }
func (e *ManagedEntity) StackName() *string { return Optional(e.StackTitle) }
func (e *ManagedEntity) UpdatedAt() *int    { return OptionalSeconds(e.ManagedEntity.UpdatedAt) }

// Creator is the run that the entity first came from.
func (e *ManagedEntity) Creator() (*Run, error) {
	d, err := e.Details()
	return d.Creator, err
}

// Updater is the run that it last changed in.
func (e *ManagedEntity) Updater() (*Run, error) {
	d, err := e.Details()
	return d.Updater, err
}

// What does not exist yet and is therefore empty.

func (e *ManagedEntity) Drifted() *int               { return OptionalSeconds(e.DriftedAt) }
func (e *ManagedEntity) ThirdPartyMetadata() *string { return nil }
