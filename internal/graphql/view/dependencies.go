package view

import "github.com/airlock-project/airlock/internal/domain"

// StackDependency is a dependency as the API shows it, with its two ends.
type StackDependency struct {
	domain.StackDependency
	StackOf    *Stack
	UpstreamOf *Stack
}

func (d *StackDependency) Stack() *Stack            { return d.StackOf }
func (d *StackDependency) StackID() string          { return string(d.StackDependency.Stack) }
func (d *StackDependency) DependsOnStack() *Stack   { return d.UpstreamOf }
func (d *StackDependency) DependsOnStackID() string { return string(d.DependsOn) }
func (d *StackDependency) ReferenceCount() int      { return len(d.StackDependency.References) }

// References are the outputs that are handed on, by variable.
func (d *StackDependency) References() []*StackDependencyReference {
	out := make([]*StackDependencyReference, len(d.StackDependency.References))
	for i, r := range d.StackDependency.References {
		out[i] = NewStackDependencyReference(r)
	}
	return out
}

// Reference finds one of them by its id, or by its variable where that is
// empty; nil if there is none.
func (d *StackDependency) Reference(id string, inputName *string) *StackDependencyReference {
	for _, r := range d.StackDependency.References {
		if string(r.ID) == id || id == "" && inputName != nil && r.Input == *inputName {
			return NewStackDependencyReference(r)
		}
	}
	return nil
}

// StackDependencyReference is an output that is handed on as the API shows it.
type StackDependencyReference struct {
	domain.OutputReference
}

// NewStackDependencyReference shows a reference.
func NewStackDependencyReference(r domain.OutputReference) *StackDependencyReference {
	return &StackDependencyReference{r}
}

func (r *StackDependencyReference) InputName() string  { return r.Input }
func (r *StackDependencyReference) OutputName() string { return r.Output }
func (r *StackDependencyReference) Type() string       { return string(domain.ConfigEnvironmentVariable) }
