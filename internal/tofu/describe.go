package tofu

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// The two kinds of names that OpenTofu reads as code; of two files that differ
// in that only, it reads the first kind.
var configNames = []string{".tofu", ".tf"}

// stem is a name of code without what makes it one: "main" or "main" + ".json".
func stem(name string) (stem string, kind int) {
	plain, isJSON := strings.CutSuffix(name, ".json")
	for i, suffix := range configNames {
		if s, ok := strings.CutSuffix(plain, suffix); ok {
			if isJSON {
				s += ".json"
			}
			return s, i
		}
	}
	return "", -1
}

func isConfig(name string) bool {
	_, kind := stem(name)
	return kind >= 0 && !strings.Contains(name, "/")
}

// inOrder returns names of code in the order in which the later overrides the
// earlier, without those that OpenTofu leaves out.
func inOrder(names []string) (out []string) {
	for _, name := range names {
		s, kind := stem(name)
		if kind > 0 && slices.ContainsFunc(names, func(other string) bool { o, k := stem(other); return o == s && k < kind }) {
			continue
		}
		out = append(out, name)
	}
	overrides := func(name string) int {
		s, _ := stem(name)
		if s = strings.TrimSuffix(s, ".json"); s == "override" || strings.HasSuffix(s, "_override") {
			return 1
		}
		return 0
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(overrides(a)-overrides(b), cmp.Compare(a, b)) })
	return out
}

// describe adds the descriptions of the outputs that one file declares.
func describe(into map[string]string, name string, body []byte) error {
	var file *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(name, ".json") {
		file, diags = hcljson.Parse(body, name)
	} else {
		file, diags = hclsyntax.ParseConfig(body, name, hcl.InitialPos)
	}
	if diags.HasErrors() {
		return fmt.Errorf("read %s: %w", name, diags)
	}
	content, _, diags := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "output", LabelNames: []string{"name"}}}})
	if diags.HasErrors() {
		return fmt.Errorf("read %s: %w", name, diags)
	}
	for _, output := range content.Blocks {
		attributes, _, _ := output.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "description"}}})
		if a := attributes.Attributes["description"]; a != nil {
			value, diags := a.Expr.Value(nil)
			if diags.HasErrors() || value.IsNull() || !value.IsKnown() || value.Type() != cty.String {
				return fmt.Errorf("read %s: the description of output %q is no text", name, output.Labels[0])
			}
			into[output.Labels[0]] = value.AsString()
		}
	}
	return nil
}
