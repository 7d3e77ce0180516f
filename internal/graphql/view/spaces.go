package view

// Space is a space as the API shows it.
type Space struct {
	AccessLevel     *string // nil where only the path is visible
	Description     string
	ID              string
	InheritEntities bool
	Labels          []string
	Name            string
	ParentSpace     *string // nil for the root
}
