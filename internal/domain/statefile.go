package domain

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// MaxState is the largest state that is accepted, in bytes.
const MaxState = 100 << 20

// maxProviders bounds how many provider addresses one state may name.
const maxProviders = 1000

// StateHead is what the order of states rests on.
type StateHead struct {
	Version int
	Serial  int64
	Lineage string
}

// StateFile is a state as the control plane reads it.
type StateFile struct {
	StateHead
	Body    []byte
	Outputs []StateOutput // of the root module, by name
	// Providers are the addresses of the providers that manage its resources,
	// such as registry.opentofu.org/hashicorp/null, sorted.
	Providers []string

	serial, lineage span
}

// StateOutput is a root output with its value, also where it is sensitive.
type StateOutput struct {
	Output
	Type string // as the file has it, in JSON
}

// Roots are the outputs with their values, sensitive ones included: the store
// keeps only what may be kept of those.
func (f StateFile) Roots() []Output {
	out := make([]Output, len(f.Outputs))
	for i, o := range f.Outputs {
		out[i] = o.Output
	}
	return out
}

// span is where a value stands in a body.
type span struct{ from, to int }

// ReadState checks that body is a state of the format that OpenTofu writes. It
// is stricter than OpenTofu: a member that is there twice could be read by it
// in another way than here.
func ReadState(body []byte) (StateFile, error) {
	f := StateFile{Body: body}
	if len(body) > MaxState {
		return f, Invalid("state", "must not be larger than %d bytes", MaxState)
	}
	if !json.Valid(body) { // bounds the nesting, too
		return f, Invalid("state", "is not valid JSON")
	}
	members, err := membersOf(body)
	if err != nil {
		return f, err
	}
	if err := f.readHead(members); err != nil {
		return f, err
	}
	if err := f.readOutputs(members); err != nil {
		return f, err
	}
	return f, f.readProviders(members)
}

func (f *StateFile) readHead(members map[string]span) error {
	version, err := f.number(members, "version")
	if err != nil {
		return err
	}
	if version != 4 {
		return Invalid("state", "has format version %d, only version 4 is accepted", version)
	}
	f.Version = int(version)
	if f.Serial, err = f.number(members, "serial"); err != nil {
		return err
	}
	if err := f.read(members, "lineage", &f.Lineage); err != nil {
		return err
	}
	if f.Lineage == "" || f.Serial < 0 {
		return Invalid("state", "has no lineage or a negative serial")
	}
	f.serial, f.lineage = members["serial"], members["lineage"]
	return CheckName("state", f.Lineage)
}

func (f *StateFile) number(members map[string]span, name string) (n int64, err error) {
	at, ok := members[name]
	if !ok {
		return 0, Invalid("state", "has no %s", name)
	}
	n, err = strconv.ParseInt(string(f.Body[at.from:at.to]), 10, 64)
	if err != nil {
		return 0, Invalid("state", "has a %s that is no whole number", name)
	}
	return n, nil
}

// read decodes one member; a missing one leaves v as it is.
func (f *StateFile) read(members map[string]span, name string, v any) error {
	at, ok := members[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(f.Body[at.from:at.to], v); err != nil {
		return Invalid("state", "has %s that cannot be read", name)
	}
	return nil
}

func (f *StateFile) readOutputs(members map[string]span) error {
	var outputs map[string]struct {
		Value     json.RawMessage `json:"value"`
		Type      json.RawMessage `json:"type"`
		Sensitive bool            `json:"sensitive"`
	}
	if err := f.read(members, "outputs", &outputs); err != nil {
		return err
	}
	f.Outputs = make([]StateOutput, 0, len(outputs))
	for name, o := range outputs {
		if err := CheckName("state", name); err != nil {
			return Invalid("state", "has an output whose name cannot be kept")
		}
		f.Outputs = append(f.Outputs, StateOutput{
			Output: Output{Name: name, Sensitive: o.Sensitive, Value: string(o.Value)}, Type: string(o.Type),
		})
	}
	slices.SortFunc(f.Outputs, func(a, b StateOutput) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// readProviders collects addresses out of texts such as
// module.a.provider["registry.opentofu.org/hashicorp/null"].alias.
func (f *StateFile) readProviders(members map[string]span) error {
	var resources []struct {
		Provider string `json:"provider"`
	}
	if err := f.read(members, "resources", &resources); err != nil {
		return err
	}
	found := map[string]bool{}
	for _, r := range resources {
		address := r.Provider
		if _, quoted, ok := strings.Cut(address, `provider["`); ok {
			address, _, _ = strings.Cut(quoted, `"]`)
		}
		if address == "" || found[address] {
			continue
		}
		if err := CheckName("state", address); err != nil || len(found) == maxProviders {
			return Invalid("state", "names a provider that cannot be kept, or more than %d", maxProviders)
		}
		found[address] = true
		f.Providers = append(f.Providers, address)
	}
	slices.Sort(f.Providers)
	return nil
}

// Following returns the same state with another serial and lineage: what has
// to stand behind a later version so that serials only grow.
func (f StateFile) Following(serial int64, lineage string) (StateFile, error) {
	quoted, err := json.Marshal(lineage)
	if err != nil {
		return f, err
	}
	type edit struct {
		at   span
		text []byte
	}
	edits := []edit{{f.serial, strconv.AppendInt(nil, serial, 10)}, {f.lineage, quoted}}
	slices.SortFunc(edits, func(a, b edit) int { return a.at.from - b.at.from })
	var out bytes.Buffer
	last := 0
	for _, e := range edits {
		out.Write(f.Body[last:e.at.from])
		out.Write(e.text)
		last = e.at.to
	}
	out.Write(f.Body[last:])
	return ReadState(out.Bytes())
}
