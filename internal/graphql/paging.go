package graphql

// Page sizes of searches.
const (
	defaultPage = 50
	maxPage     = 100
)
