package domain

// LeaseInputs is what the workers of some runs are to be given, by what it
// belongs to. Where something has no entry, it was not read.
type LeaseInputs struct {
	Stacks        map[StackID]Stack
	Attachments   map[StackID][]ContextAttachment // strongest first
	Contexts      map[ContextID]Context
	StackConfig   map[StackID][]Config
	ContextConfig map[ContextID][]Config
	Dependencies  map[StackID][]StackDependency
	Settings      map[RunID]RunSettings
}
