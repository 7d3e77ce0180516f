// Package runtimeconfig reads settings of runs that are written in YAML: files
// beside the code, and what somebody gives one run. It takes no word that it
// does not know, and says where one is. What the settings mean is decided
// elsewhere.
package runtimeconfig

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/airlock-project/airlock/internal/domain"
)

// MaxBytes bounds a document.
const MaxBytes = 256 << 10

// Read returns what a document sets, all of it for one run. Errors name line
// and setting.
func Read(text []byte) (domain.RuntimeConfig, error) {
	root, err := parseYAML(text)
	if err != nil || root == nil {
		return domain.RuntimeConfig{}, err
	}
	return settings(root)
}

// ReadFile returns what a file of a repository sets for a stack: what all
// stacks have, under what stands under the stack's id.
func ReadFile(text []byte, stack domain.StackID) (domain.RuntimeConfig, error) {
	var all, own domain.RuntimeConfig
	root, err := parseYAML(text)
	if err != nil || root == nil {
		return all, err
	}
	err = each(root, func(key, value *yaml.Node) (err error) {
		switch key.Value {
		case "version":
			if v := value.Value; v != "1" && v != "2" {
				return wrong(value, "version", "must be 1 or 2")
			}
		case "stack_defaults":
			all, err = settings(value)
		case "stacks":
			err = each(value, func(id, value *yaml.Node) error {
				c, err := settings(value) // those of other stacks must be right, too
				if id.Value == string(stack) {
					own = c
				}
				return err
			})
		case "module_version", "test_defaults", "tests": // of modules
		default:
			err = wrong(key, key.Value, "is no setting of a configuration file; there are version, stack_defaults and stacks")
		}
		return err
	})
	return all.Under(own), err
}

// parseYAML returns the mapping that a document is, nil for an empty one.
func parseYAML(text []byte) (*yaml.Node, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("it must not be larger than %d bytes", MaxBytes)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

func wrong(at *yaml.Node, name, reason string) error {
	if r := []rune(name); len(r) > 60 {
		name = string(r[:60]) + "…"
	}
	return fmt.Errorf("line %d: %s %s", at.Line, name, reason)
}

// each calls do for the entries of a mapping. Nothing stands for no entries.
func each(n *yaml.Node, do func(key, value *yaml.Node) error) error {
	if n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return wrong(n, "this", "must be a mapping of names to values, without references")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			return wrong(key, "this", "must be a name; references are not followed")
		}
		if seen[key.Value] {
			return wrong(key, key.Value, "stands here twice")
		}
		seen[key.Value] = true
		if err := do(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// settings reads the settings of one run.
func settings(n *yaml.Node) (c domain.RuntimeConfig, err error) {
	hooks := map[string]*[]string{}
	for _, p := range c.Hooks.Phases() {
		hooks[p.Name] = p.Commands
	}
	lines := map[string]*yaml.Node{}
	err = each(n, func(key, value *yaml.Node) (err error) {
		lines[key.Value] = key
		switch key.Value {
		case "environment":
			c.Env, err = environment(value)
		case "project_root":
			c.ProjectRoot = new(string)
			*c.ProjectRoot, err = text(key, value)
		case "runner_image":
			c.RunnerImage, err = text(key, value)
		case "terraform_version":
			c.Version, err = text(key, value)
		case "terraform_workflow_tool":
			c.Tool, err = text(key, value)
		default:
			commands, ok := hooks[key.Value]
			if !ok {
				return wrong(key, key.Value, "cannot be set by a runtime configuration")
			}
			*commands, err = list(key, value)
		}
		return err
	})
	if err != nil {
		return domain.RuntimeConfig{}, err
	}
	var invalid *domain.Error
	if err := c.Check(); errors.As(err, &invalid) {
		if at := lines[invalid.Field]; at != nil {
			return domain.RuntimeConfig{}, wrong(at, invalid.Field, invalid.Message)
		}
		return domain.RuntimeConfig{}, invalid
	}
	return c, nil
}

func environment(n *yaml.Node) (out []domain.EnvOverride, err error) {
	err = each(n, func(key, value *yaml.Node) error {
		v, err := text(key, value)
		if err == nil && domain.ReservedVariable(key.Value) {
			err = wrong(key, key.Value, "is a variable that nobody may set")
		}
		out = append(out, domain.EnvOverride{Name: key.Value, Value: v})
		return err
	})
	return out, err
}

// text is a value as it is written, whatever YAML would take it for.
func text(key, value *yaml.Node) (string, error) {
	if value.Kind != yaml.ScalarNode {
		return "", wrong(value, key.Value, "must be one text")
	}
	if value.Tag == "!!null" {
		return "", nil
	}
	return value.Value, nil
}

func list(key, value *yaml.Node) (out []string, err error) {
	if value.Tag == "!!null" {
		return nil, nil
	}
	if value.Kind != yaml.SequenceNode {
		return nil, wrong(value, key.Value, "must be a list of commands")
	}
	for _, entry := range value.Content {
		command, err := text(key, entry)
		if err != nil {
			return nil, err
		}
		out = append(out, command)
	}
	return out, nil
}
