package domain

import (
	"slices"
	"strings"

	"github.com/airlock-project/airlock/authz"
)

// StackField is something that stacks are searched by, in the spelling of the
// API.
type StackField string

// What stacks are searched and ordered by.
const (
	StackFieldID             StackField = "id"
	StackFieldName           StackField = "name"
	StackFieldDescription    StackField = "description"
	StackFieldLabels         StackField = "labels"
	StackFieldSpace          StackField = "space"
	StackFieldBranch         StackField = "branch"
	StackFieldCommit         StackField = "commit"
	StackFieldRepository     StackField = "repository"
	StackFieldNamespace      StackField = "namespace"
	StackFieldProvider       StackField = "provider"
	StackFieldProjectRoot    StackField = "projectRoot"
	StackFieldState          StackField = "state"
	StackFieldVendor         StackField = "vendor"
	StackFieldWorkerPool     StackField = "workerPool"
	StackFieldAdministrative StackField = "administrative"
	StackFieldLocked         StackField = "locked"
	StackFieldStarred        StackField = "starred"
	StackFieldCreatedAt      StackField = "createdAt"
	StackFieldStateSetAt     StackField = "stateSetAt"
)

// stackFieldNames are the names that the fields go by.
var stackFieldNames = func() map[string]StackField {
	names := map[string]StackField{"slug": StackFieldID, "label": StackFieldLabels}
	for _, f := range StackFields() {
		names[string(f)] = f
	}
	return names
}()

// StackFields returns every field.
func StackFields() []StackField {
	return []StackField{
		StackFieldID, StackFieldName, StackFieldDescription, StackFieldLabels, StackFieldSpace, StackFieldBranch, StackFieldCommit,
		StackFieldRepository, StackFieldNamespace, StackFieldProvider, StackFieldProjectRoot, StackFieldState, StackFieldVendor,
		StackFieldWorkerPool, StackFieldAdministrative, StackFieldLocked, StackFieldStarred, StackFieldCreatedAt, StackFieldStateSetAt,
	}
}

// ParseStackField returns the field of a name; in is the field of the input
// that an error names.
func ParseStackField(in, name string) (StackField, error) {
	f, known := stackFieldNames[name]
	if !known {
		return "", UnknownField(in, name, stackFieldNames)
	}
	return f, nil
}

// UnknownField refuses the name of a field to search by, and says which there
// are.
func UnknownField[T any](in, name string, known map[string]T) error {
	names := make([]string, 0, len(known))
	for k := range known {
		names = append(names, k)
	}
	slices.Sort(names)
	return Invalid(in, "there is no field %q; known are %s", clip(name), strings.Join(names, ", "))
}

// StackSearch says which stacks are wanted, and in which order. The zero value
// are all of them by name.
type StackSearch struct {
	Words      []string // in the form of NameKey; each must occur in one of the texts of a stack
	Predicates []StackPredicate
	Order      StackField // empty: by name
	Descending bool
	After      *SearchPosition // of the last stack of the page before
	Size       int             // of the page
	By         authz.ActorRef  // whose stars count; zero: of somebody who has none
}

// StackPredicate holds for the stacks that have one of the values in a field,
// or for the others.
type StackPredicate struct {
	Field   StackField
	Values  []string
	Exclude bool
}

// SearchPosition is where something stands in the order of a search: after all
// with a smaller key, and among those of the same key after those with a
// smaller ID, which never changes. Keys of times are microseconds.
type SearchPosition struct{ Key, ID string }

// ErrCursor refuses a position that no earlier page ended at.
func ErrCursor() error { return Invalid("after", "is not a cursor of an earlier page") }

// StackHit is a stack that was found, with its position.
type StackHit struct {
	Stack
	At SearchPosition
}

// sortKeySize bounds the bytes of a sort key, because an index entry must be small.
const sortKeySize = 400

// SortKey is what the stack stands by in the order of names: the beginning of
// its NameKey.
func (s StackSettings) SortKey() string {
	key := NameKey(s.Name)
	if len(key) > sortKeySize {
		key = strings.ToValidUTF8(key[:sortKeySize], "")
	}
	return key
}

// SearchText is the text that words are looked for in: everything that
// describes the stack, each text in the form of NameKey on a line of its own.
func (s Stack) SearchText() string {
	texts := append([]string{s.Name, string(s.ID), s.Description, s.Repository}, s.Labels...)
	return NameKey(strings.Join(texts, "\n"))
}

// Name is the tool's name in the form of VendorKey. A vendor without settings
// is Terraform.
func (v Vendor) Name() string {
	switch {
	case v.OpenTofu != nil:
		return "opentofu"
	case v.Terragrunt != nil:
		return "terragrunt"
	case v.Ansible != nil:
		return "ansible"
	case v.CloudFormation != nil:
		return "cloudformation"
	case v.Kubernetes != nil:
		return "kubernetes"
	case v.Pulumi != nil:
		return "pulumi"
	default:
		return "terraform"
	}
}

// VendorKey is a vendor's name without what its spellings differ in:
// OpenTofu, OPENTOFU and OPEN_TOFU are one.
func VendorKey(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}
