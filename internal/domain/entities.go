package domain

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ManagedEntity is something that a stack's state holds: an instance of a
// resource, or a root output.
type ManagedEntity struct {
	Stack    StackID
	Address  string // unique in its stack; an output's is output.<name>
	Module   string // address of the module that it is in, empty for the root
	Type     string // of the resource; "output" for an output
	Name     string
	Provider string // source address of the provider, empty for an output
	Output   bool
	Data     bool // it is only read
	Tainted  bool

	// Print tells whether the entity is the same as in another version of the
	// state. It is made from secret values: it never leaves the control plane.
	Print string
	// Values is a JSON object of the resource's attributes, or the JSON of an
	// output, without what is secret. It is not kept, but read from the state.
	Values string
	// Sensitive says of an output that its value is secret.
	Sensitive bool

	CreatedBy, UpdatedBy RunID // runs that it first, and last, came from
	UpdatedAt            time.Time
	DriftedAt            time.Time // when drift was found; zero: none is known
}

// MaxToldEntities is of how many entities a worker tells, where a stack keeps
// its state elsewhere.
const MaxToldEntities = 10_000

// stateFile is as much of a state as entities are made from.
type stateFile struct {
	Outputs map[string]struct {
		Value     json.RawMessage `json:"value"`
		Sensitive bool            `json:"sensitive"`
	} `json:"outputs"`
	Resources []struct {
		Module    string          `json:"module"`
		Mode      string          `json:"mode"`
		Type      string          `json:"type"`
		Name      string          `json:"name"`
		Provider  string          `json:"provider"`
		Instances []stateInstance `json:"instances"`
	} `json:"resources"`
}

type stateInstance struct {
	IndexKey   any               `json:"index_key"`
	Status     string            `json:"status"`
	Deposed    string            `json:"deposed"`
	Attributes map[string]any    `json:"attributes"`
	Sensitive  [][]statePathStep `json:"sensitive_attributes"`
}

type statePathStep struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// ReadEntities lists what a state holds, by address. Values are shown only where
// smart is set, and then those that the tool has marked as sensitive are not;
// else every one is replaced.
func ReadEntities(body []byte, smart bool) ([]ManagedEntity, error) {
	var file stateFile
	if err := json.Unmarshal(body, &file); err != nil {
		return nil, Invalid("state", "has resources that cannot be read")
	}
	var out []ManagedEntity
	for name, o := range file.Outputs {
		e := ManagedEntity{
			Address: "output." + name, Type: "output", Name: name, Output: true, Sensitive: o.Sensitive, Print: PrintOf(o.Value),
		}
		if !o.Sensitive {
			e.Values = string(o.Value)
		}
		out = append(out, e)
	}
	for _, r := range file.Resources {
		for _, i := range r.Instances {
			if i.Deposed != "" {
				continue // on its way out; the address is that of its successor
			}
			e := ManagedEntity{
				Module: r.Module, Type: r.Type, Name: r.Name, Data: r.Mode == "data", Tainted: i.Status == "tainted",
				Provider: providerSource(r.Provider), Address: instanceAddress(r.Module, r.Mode, r.Type, r.Name, i.IndexKey), Print: PrintOf(i),
			}
			values, err := json.Marshal(i.shown(smart))
			if err != nil {
				return nil, fmt.Errorf("read resource %s: %w", e.Address, err)
			}
			e.Values = string(values)
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b ManagedEntity) int { return cmp.Compare(a.Address, b.Address) })
	return out, nil
}

// PrintOf tells values apart, and nothing else of them.
func PrintOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// providerSource is "registry.opentofu.org/hashicorp/null" of
// provider["registry.opentofu.org/hashicorp/null"].alias.
func providerSource(s string) string {
	if _, rest, ok := strings.Cut(s, `provider["`); ok {
		source, _, _ := strings.Cut(rest, `"]`)
		return source
	}
	return s
}

func instanceAddress(module, mode, kind, name string, key any) string {
	at := kind + "." + name
	if mode == "data" {
		at = "data." + at
	}
	if module != "" {
		at = module + "." + at
	}
	switch k := key.(type) {
	case nil:
		return at
	case string:
		return fmt.Sprintf("%s[%q]", at, k)
	default:
		return fmt.Sprintf("%s[%v]", at, k)
	}
}

// withheld stands for a value that is not shown.
const withheld = "(not shown)"

// shown are the attributes without what is secret.
func (i stateInstance) shown(smart bool) map[string]any {
	out := make(map[string]any, len(i.Attributes))
	for name, v := range i.Attributes {
		if !smart {
			v = withhold(v)
		}
		out[name] = v
	}
	for _, path := range i.Sensitive {
		if len(path) == 0 { // the whole of it
			return map[string]any{}
		}
		var name string
		if json.Unmarshal(path[0].Value, &name) != nil {
			return map[string]any{}
		}
		// Also where the path leads further down: what is beside a secret is no
		// loss, and a path that is read wrongly must not show one.
		out[name] = withheld
	}
	return out
}

// withhold replaces every value, and keeps the shape.
func withhold(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = withhold(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for k, x := range v {
			out[k] = withhold(x)
		}
		return out
	default:
		return withheld
	}
}
