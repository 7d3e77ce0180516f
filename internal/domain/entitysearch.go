package domain

// EntityField is something that entities are searched by, in the spelling of
// the API.
type EntityField string

// What entities are searched, ordered and counted by.
const (
	EntityFieldAddress   EntityField = "address"
	EntityFieldName      EntityField = "name"
	EntityFieldType      EntityField = "type"
	EntityFieldProvider  EntityField = "provider"
	EntityFieldModule    EntityField = "module"
	EntityFieldStack     EntityField = "stack"
	EntityFieldStackName EntityField = "stackName"
	EntityFieldSpace     EntityField = "space"
	EntityFieldOutput    EntityField = "output"
	EntityFieldData      EntityField = "data"
	EntityFieldTainted   EntityField = "tainted"
	EntityFieldUpdatedAt EntityField = "updatedAt"
)

var entityFieldNames = map[string]EntityField{
	"address": EntityFieldAddress, "name": EntityFieldName, "type": EntityFieldType, "provider": EntityFieldProvider,
	"module": EntityFieldModule, "parent": EntityFieldModule, "stack": EntityFieldStack, "stackId": EntityFieldStack,
	"stackName": EntityFieldStackName, "space": EntityFieldSpace, "output": EntityFieldOutput, "data": EntityFieldData,
	"tainted": EntityFieldTainted, "updatedAt": EntityFieldUpdatedAt,
}

// ParseEntityField returns the field of a name; in is the field of the input
// that an error names.
func ParseEntityField(in, name string) (EntityField, error) {
	f, known := entityFieldNames[name]
	if !known {
		return "", UnknownField(in, name, entityFieldNames)
	}
	return f, nil
}

// EntitySearch says which entities of all stacks are wanted, and in which
// order. The zero value are all of them by address.
type EntitySearch struct {
	Words      []string // in lower case; each must occur in the address, the type, the provider or the stack's name
	Predicates []EntityPredicate
	Order      EntityField // empty: by address
	Descending bool
	After      *SearchPosition // of the last entity of the page before
	Size       int             // of the page
}

// EntityPredicate holds for the entities that have one of the values in a
// field, or for the others.
type EntityPredicate struct {
	Field   EntityField
	Values  []string
	Exclude bool
}

// EntityHit is an entity that was found, with its position. It has no values.
type EntityHit struct {
	ManagedEntity
	StackName string
	At        SearchPosition
}

// EntityGroup counts the entities that have the same value in a field.
type EntityGroup struct {
	Value     string
	StackName string // where they are counted by stack
	Count     int
}
