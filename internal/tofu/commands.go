package tofu

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sort"

	"github.com/airlock-project/airlock/internal/domain"
)

// Commands calls a program that is used as OpenTofu is, and answers in the same
// formats, by commands that somebody has written for `/bin/sh`.
type Commands struct {
	Env      []string
	Dir      string
	Log      io.Writer // the program's own words, live
	Survivor string    // see Tool
	Wrap     func(cmd *exec.Cmd) error
	Start    Starter
}

func (c Commands) process(name, command string) Process {
	return Process{
		Name: "the workflow's " + name, Path: "/bin/sh", Args: []string{"-c", command},
		Env: c.Env, Dir: c.Dir, Stdout: c.Log, Stderr: c.Log, Wrap: c.Wrap, Start: c.Start, Shell: true,
	}
}

// Run runs a command. name is what errors call it.
func (c Commands) Run(ctx context.Context, name, command string) error {
	return c.process(name, command).Run(ctx)
}

// Change runs a command that changes something. It goes on when the worker is
// killed, and an exit code above 128 tells of a signal: then what it has made
// may not be stored.
func (c Commands) Change(ctx context.Context, name, command string) error {
	c.Env = keepTrying(c.Env)
	p := c.process(name, command)
	p.Survives, p.Shell = c.Survivor, false
	return p.Run(ctx)
}

// Plan reads a plan, and tells whether there is something to apply.
func (c Commands) Plan(ctx context.Context, name, command string) (p *Plan, changes bool, err error) {
	return c.process(name, command).plan(ctx)
}

// Outputs reads the root outputs of the state, with the values of sensitive ones
// where they are asked for.
func (c Commands) Outputs(ctx context.Context, name, command string, sensitive bool) ([]domain.Output, error) {
	body, err := c.process(name, command).ask(ctx, maxAnswer)
	if err != nil {
		return nil, err
	}
	var values map[string]outputValue
	if err := json.Unmarshal(body, &values); err != nil {
		return nil, fmt.Errorf("read the outputs: %w", err)
	}
	if sensitive {
		return allOutputs(values), nil
	}
	return toOutputs(values), nil
}

// shownState is as much of what `tofu show -json` says of a state as entities
// are made from.
type shownState struct {
	Values struct {
		Outputs map[string]struct {
			Sensitive bool `json:"sensitive"`
		} `json:"outputs"`
		Root shownModule `json:"root_module"`
	} `json:"values"`
}

type shownModule struct {
	Address   string `json:"address"`
	Resources []struct {
		Address  string `json:"address"`
		Mode     string `json:"mode"`
		Type     string `json:"type"`
		Name     string `json:"name"`
		Provider string `json:"provider_name"`
		Tainted  bool   `json:"tainted"`
		Deposed  string `json:"deposed_key"`
	} `json:"resources"`
	Children []shownModule `json:"child_modules"`
}

// Entities reads what the state holds: no values.
func (c Commands) Entities(ctx context.Context, name, command string) ([]domain.ManagedEntity, error) {
	body, err := c.process(name, command).ask(ctx, maxAnswer)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	var state shownState
	if err := json.Unmarshal(body, &state); err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	out := state.Values.Root.entities(nil)
	for name, o := range state.Values.Outputs {
		out = append(out, domain.ManagedEntity{Address: "output." + name, Type: "output", Name: name, Output: true, Sensitive: o.Sensitive})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Address < out[j].Address })
	return out, nil
}

func (m shownModule) entities(out []domain.ManagedEntity) []domain.ManagedEntity {
	for _, r := range m.Resources {
		if r.Deposed == "" {
			out = append(out, domain.ManagedEntity{
				Address: r.Address, Module: m.Address, Type: r.Type, Name: r.Name, Provider: r.Provider,
				Data: r.Mode == "data", Tainted: r.Tainted,
			})
		}
	}
	for _, child := range m.Children {
		out = child.entities(out)
	}
	return out
}
