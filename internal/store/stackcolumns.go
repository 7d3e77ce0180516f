package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// stackColumn is what a field of stacks is in SQL. What has neither text nor
// number does not order stacks: it is the same for all of them.
type stackColumn struct {
	text    string // an expression
	number  string // an expression
	indexed bool   // there is an index (text or number, ulid, space_id) on all stacks
	finds   bool   // there is an index to find stacks by a value
	// has returns the condition that a stack has one of the values.
	has func(d dialect, w *where, values []string) string
}

var stackColumns = map[domain.StackField]stackColumn{
	domain.StackFieldID:             {text: "id", finds: true, has: oneOf("id")},
	domain.StackFieldName:           {text: "name_key", indexed: true, finds: true, has: hasName},
	domain.StackFieldDescription:    ofSettings("Description"),
	domain.StackFieldLabels:         {text: "labels", has: hasLabel},
	domain.StackFieldSpace:          {text: "space_id", finds: true, has: oneOf("space_id")},
	domain.StackFieldBranch:         {text: "branch", has: oneOf("branch")},
	domain.StackFieldCommit:         {has: never},
	domain.StackFieldRepository:     {text: "repository", finds: true, has: oneOf("repository")},
	domain.StackFieldNamespace:      ofSettings("Namespace"),
	domain.StackFieldProvider:       ofSettings("Provider"),
	domain.StackFieldProjectRoot:    {text: "project_root", has: oneOf("project_root")},
	domain.StackFieldState:          {text: stateColumn, has: oneOf(stateColumn)},
	domain.StackFieldVendor:         {text: "vendor", has: hasVendor},
	domain.StackFieldWorkerPool:     {text: "worker_pool", finds: true, has: oneOf("worker_pool")},
	domain.StackFieldAdministrative: {number: "cast(case when administrative then 1 else 0 end as bigint)", has: isFlag("administrative")},
	domain.StackFieldLocked:         {number: "cast(case when locked <> '' then 1 else 0 end as bigint)", has: isFlag("(locked <> '')")},
	domain.StackFieldStarred:        {}, // depends on who asks: see newStackSearch
	domain.StackFieldCreatedAt:      {number: "created_at", indexed: true, has: never},
	domain.StackFieldStateSetAt:     {number: "state_set_at", has: never},
}

// stateColumn is the state of a stack; one without runs has none yet.
const stateColumn = "coalesce(nullif(run_state, ''), 'NONE')"

func oneOf(expr string) func(dialect, *where, []string) string {
	return func(d dialect, w *where, values []string) string { return d.in(expr, w.arg(toJSON(values))) }
}

// never is the condition on a field that no stack has yet, or that is for
// ordering only.
func never(dialect, *where, []string) string { return "false" }

// ofSettings is a member of the settings that has no column.
func ofSettings(name string) stackColumn {
	expr := "coalesce(json(settings) ->> '" + name + "', '')"
	return stackColumn{text: expr, has: oneOf(expr)}
}

// hasName also asks for the key of the name, which has an index.
func hasName(d dialect, w *where, values []string) string {
	keys := make([]string, len(values))
	for i, v := range values {
		keys[i] = domain.StackSettings{Name: v}.SortKey()
	}
	return d.in("name", w.arg(toJSON(values))) + " and " + d.in("name_key", w.arg(toJSON(keys)))
}

// hasLabel looks for the label as it is written in the list before it reads
// the list: that is much faster, and finds a little too much.
func hasLabel(d dialect, w *where, values []string) string {
	if len(values) == 0 {
		return "false"
	}
	written := make([]string, len(values))
	for i, v := range values {
		written[i] = d.contains("labels", w.arg(toJSON(v)))
	}
	return fmt.Sprintf("(%s) and exists (select 1 from %s where %s)",
		strings.Join(written, " or "), d.elements("labels"), d.in("value", w.arg(toJSON(values))))
}

func hasVendor(d dialect, w *where, values []string) string {
	keys := make([]string, len(values))
	for i, v := range values {
		keys[i] = domain.VendorKey(v)
	}
	return d.in("vendor", w.arg(toJSON(keys)))
}

// isFlag is a truth value, spelled true and false.
func isFlag(expr string) func(dialect, *where, []string) string {
	return func(_ dialect, _ *where, values []string) string {
		yes, no := slices.Contains(values, "true"), slices.Contains(values, "false")
		switch {
		case yes && no:
			return "true"
		case yes:
			return expr
		case no:
			return "not " + expr
		default:
			return "false"
		}
	}
}
