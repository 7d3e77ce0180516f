package access

// Ref names an object by what somebody wrote down: a kind and an id that may
// not exist.
type Ref struct {
	Kind Kind
	ID   string
}
