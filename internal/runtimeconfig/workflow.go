package runtimeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"go.yaml.in/yaml/v3"
)

// Workflow is how a program is called that is used as OpenTofu is: a command for
// each step.
type Workflow struct{ steps map[string]*template.Template }

// Steps are the commands that a workflow has, all of them.
var Steps = []string{"init", "workspaceSelect", "workspaceNew", "plan", "showState", "showPlan", "getOutputs", "apply", "destroy"}

// Inputs are what the commands of a workflow may name, as {{ .PlanFileName }}.
type Inputs struct {
	WorkspaceName string
	Lock          bool // whether a plan locks the state
	Refresh       bool // whether a plan looks at what there is
	PlanFileName  string
	Targets       []string // addresses of resources that a plan is limited to
}

// maxCommand bounds a command, as the kernel does.
const maxCommand = 100 << 10

// ReadWorkflow reads the commands of a workflow. All of them have to be there.
// Errors name line and command.
func ReadWorkflow(text []byte) (Workflow, error) {
	w := Workflow{steps: map[string]*template.Template{}}
	root, err := parseYAML(text)
	if err != nil {
		return w, err
	}
	if root != nil {
		err = each(root, func(key, value *yaml.Node) (err error) {
			if !slices.Contains(Steps, key.Value) {
				return wrong(key, key.Value, "is no command of a workflow; there are "+strings.Join(Steps, ", "))
			}
			if value.Kind != yaml.ScalarNode {
				return wrong(value, key.Value, "must be a text")
			}
			if strings.TrimSpace(value.Value) != "" {
				if w.steps[key.Value], err = readStep(key.Value, value.Value); err != nil {
					return wrong(value, key.Value, err.Error())
				}
			}
			return nil
		})
	}
	if err != nil {
		return w, err
	}
	var missing []string
	for _, s := range Steps {
		if w.steps[s] == nil {
			missing = append(missing, s)
		}
	}
	if missing != nil {
		return w, fmt.Errorf("it lacks these commands, or they are empty: %s", strings.Join(missing, ", "))
	}
	return w, nil
}

// readStep parses a command. It takes as much of the template language as the
// inputs need and no more: whoever writes a repository writes these texts, and
// they are carried out in the worker itself.
func readStep(name, text string) (*template.Template, error) {
	if len(text) > maxCommand {
		return nil, fmt.Errorf("must not be longer than %d bytes", maxCommand)
	}
	t, err := template.New(name).Parse(text)
	if err != nil {
		_, reason, _ := strings.Cut(err.Error(), ": ")
		return nil, fmt.Errorf("is no template: %s", strings.TrimPrefix(reason, name+":"))
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("must not define templates")
	}
	return t, checkNodes(t.Root, false)
}

var errStep = errors.New("may use nothing but its inputs, if with not or else, and range over .Targets")

func checkNodes(list *parse.ListNode, inRange bool) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		var err error
		switch n := n.(type) {
		case *parse.TextNode, *parse.CommentNode:
		case *parse.ActionNode:
			err = checkPipe(n.Pipe, inRange)
		case *parse.IfNode:
			err = errors.Join(checkPipe(n.Pipe, inRange), checkNodes(n.List, inRange), checkNodes(n.ElseList, inRange))
		case *parse.RangeNode:
			if inRange || n.Pipe.String() != ".Targets" {
				return errStep
			}
			err = errors.Join(checkNodes(n.List, true), checkNodes(n.ElseList, false))
		default:
			err = errStep
		}
		if err != nil {
			return errStep
		}
	}
	return nil
}

// checkPipe takes an input, or not an input. Within range there is the target
// alone.
func checkPipe(p *parse.PipeNode, inRange bool) error {
	text := strings.TrimPrefix(p.String(), "not ")
	known := []string{".WorkspaceName", ".Lock", ".Refresh", ".PlanFileName", ".Targets"}
	if inRange {
		known = []string{"."}
	}
	if !slices.Contains(known, text) {
		return errStep
	}
	return nil
}

// Command is the command of a step with its inputs, for /bin/sh. Because that
// could take a part of an input for a command, inputs are refused that have more
// than addresses and names need.
func (w Workflow) Command(step string, in Inputs) (string, error) {
	for _, text := range append([]string{in.WorkspaceName, in.PlanFileName}, in.Targets...) {
		if i := strings.IndexFunc(text, forbidden); i >= 0 {
			return "", fmt.Errorf("%s cannot be handed to a command: it has the character %q", text, text[i:i+1])
		}
	}
	var out bytes.Buffer
	if err := w.steps[step].Execute(&out, in); err != nil {
		return "", fmt.Errorf("the workflow's %s: %w", step, err)
	}
	if out.Len() > maxCommand {
		return "", fmt.Errorf("the workflow's %s becomes longer than %d bytes", step, maxCommand)
	}
	return out.String(), nil
}

// forbidden tells what means something to a shell, within quotes or without.
func forbidden(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(`_.-[]"/:@+,=`, r))
}
