package runtimeconfig

import (
	"strings"
	"testing"
)

// whole is a workflow with all commands, some of them given.
func whole(given map[string]string) []byte {
	var b strings.Builder
	for _, s := range Steps {
		text, ok := given[s]
		if !ok {
			text = "true " + s
		}
		b.WriteString(s + ": '" + strings.ReplaceAll(text, "'", "''") + "'\n")
	}
	return []byte(b.String())
}

func TestWorkflow(t *testing.T) {
	w, err := ReadWorkflow(whole(map[string]string{
		"plan":            `iac plan -lock={{ .Lock }} {{ if not .Refresh }}-refresh=false {{ else }}-refresh {{ end }}-out={{ .PlanFileName }} {{- range .Targets }} -target='{{ . }}'{{ end }}{{/* words */}}`,
		"workspaceSelect": `iac workspace "{{ .WorkspaceName }}"`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	in := Inputs{WorkspaceName: "blue-1.x", Refresh: true, PlanFileName: "p.plan", Targets: []string{`a.b["c/d"]`, "module.e.f[0]"}}
	for step, want := range map[string]string{
		"plan":            `iac plan -lock=false -refresh -out=p.plan -target='a.b["c/d"]' -target='module.e.f[0]'`,
		"workspaceSelect": `iac workspace "blue-1.x"`,
		"destroy":         "true destroy",
	} {
		if got, err := w.Command(step, in); err != nil || got != want {
			t.Errorf("%s: %s, %v", step, got, err)
		}
	}
	if got, err := w.Command("plan", Inputs{}); err != nil || got != "iac plan -lock=false -refresh=false -out=" {
		t.Errorf("without inputs: %s, %v", got, err)
	}
}

// TestWorkflowInputsAreNoCommands: who names what is planned again, or the
// workspace, does not say what the shell does.
func TestWorkflowInputsAreNoCommands(t *testing.T) {
	w, err := ReadWorkflow(whole(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"a'b", "a;b", "a b", "$(id)", "`id`", "a\nb", `a\`, "a|b", "a&b", "a>b", "(a", "a*", "~", "#", "!", "é", "\x00", "{a"} {
		for name, in := range map[string]Inputs{"target": {Targets: []string{"a.b", bad}}, "workspace": {WorkspaceName: bad}, "file": {PlanFileName: bad}} {
			if got, err := w.Command("plan", in); err == nil || !strings.Contains(err.Error(), "cannot be handed to a command") {
				t.Errorf("%s %q: %s, %v", name, bad, got, err)
			}
		}
	}
}

func TestBadWorkflows(t *testing.T) {
	const language = "may use nothing but its inputs"
	for _, c := range []struct{ text, want string }{
		{"", "it lacks these commands, or they are empty: init, workspaceSelect"},
		{string(whole(map[string]string{"apply": "  "})), "or they are empty: apply"},
		{"planWithLock: x\n", "line 1: planWithLock is no command of a workflow; there are init, "},
		{"init: [a]\n", "line 1: init must be a text"},
		{"init: a\ninit: b\n", "init stands here twice"},
		{"- a\n", "must be a mapping"},
		{": :\n -", "did not find expected key"},
		{"init: '" + strings.Repeat("x", maxCommand+1) + "'\n", "must not be longer"},
		{strings.Repeat("#", MaxBytes+1), "it must not be larger"},
		{"init: '{{ .Lock '\n", "line 1: init is no template: "},
		{"init: '{{ .Password }}'\n", language},
		{"init: '{{ $x := .Lock }}'\n", language},
		{"init: '{{ printf \"%9999999d\" 1 }}'\n", language},
		{"init: '{{ print .Lock }}'\n", language},
		{"init: '{{ .Targets | print }}'\n", language},
		{"init: '{{ range 1000000000000 }}{{ end }}'\n", language},
		{"init: '{{ range .Targets }}{{ range $.Targets }}{{ end }}{{ end }}'\n", language},
		{"init: '{{ range .Targets }}{{ .Lock }}{{ end }}'\n", language},
		{"init: '{{ range $i, $t := .Targets }}{{ end }}'\n", language},
		{"init: '{{ if eq .PlanFileName \"x\" }}{{ end }}'\n", language},
		{"init: '{{ if .Lock }}{{ len .Targets }}{{ end }}'\n", language},
		{"init: '{{ with .Lock }}{{ end }}'\n", language},
		{"init: '{{ template \"init\" }}'\n", language},
		{"init: '{{ define \"x\" }}{{ template \"x\" }}{{ end }}'\n", "must not define templates"},
	} {
		if _, err := ReadWorkflow([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v, want %q", c.text, err, c.want)
		}
	}
	w, err := ReadWorkflow(whole(map[string]string{"plan": "{{ range .Targets }}" + strings.Repeat("x", 2000) + "{{ end }}"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Command("plan", Inputs{Targets: strings.Split(strings.Repeat("a,", 99)+"a", ",")}); err == nil || !strings.Contains(err.Error(), "becomes longer") {
		t.Errorf("a long one: %v", err)
	}
}

func FuzzWorkflow(f *testing.F) {
	f.Add("{{ if not .Refresh }}-r{{ end }}{{ range .Targets }}'{{ . }}'{{ end }}", `a.b["c"]`)
	f.Add("{{ .Lock", "x")
	f.Fuzz(func(t *testing.T, text, target string) {
		w, err := ReadWorkflow(whole(map[string]string{"plan": text}))
		if err != nil {
			return
		}
		command, err := w.Command("plan", Inputs{Targets: []string{target, target}})
		if err == nil && len(command) > maxCommand {
			t.Errorf("a command of %d bytes", len(command))
		}
	})
}
