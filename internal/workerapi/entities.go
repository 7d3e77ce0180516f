package workerapi

import "github.com/airlock-project/airlock/internal/domain"

// Entity is something that a state holds: an instance of a resource, or a root
// output. It has no values.
type Entity struct {
	Address   string `json:"address"`
	Module    string `json:"module,omitempty"`
	Type      string `json:"type"`
	Name      string `json:"name"`
	Provider  string `json:"provider,omitempty"`
	Output    bool   `json:"output,omitempty"`
	Data      bool   `json:"data,omitempty"`
	Tainted   bool   `json:"tainted,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"` // of an output
}

// NewEntity is an entity as a worker tells it.
func NewEntity(e domain.ManagedEntity) Entity {
	return Entity{
		Address: e.Address, Module: e.Module, Type: e.Type, Name: e.Name, Provider: e.Provider,
		Output: e.Output, Data: e.Data, Tainted: e.Tainted, Sensitive: e.Sensitive,
	}
}

// entities is what a worker has told, nil for nothing.
func entities(told *[]Entity) *[]domain.ManagedEntity {
	if told == nil {
		return nil
	}
	out := make([]domain.ManagedEntity, len(*told))
	for i, e := range *told {
		out[i] = domain.ManagedEntity{
			Address: e.Address, Module: e.Module, Type: e.Type, Name: e.Name, Provider: e.Provider,
			Output: e.Output, Data: e.Data, Tainted: e.Tainted, Sensitive: e.Sensitive,
		}
	}
	return &out
}
