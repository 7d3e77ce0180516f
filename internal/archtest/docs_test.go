package archtest

import (
	"os"
	"strings"
	"testing"
)

// TestTableIsDocumented keeps the table that people read next to the one that
// is enforced. The use cases share one row there, under their own names.
func TestTableIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table {
		if name := strings.TrimPrefix(r.folder, "internal/"); !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/architecture.md does not show `%s`; add it to the table of imports there", name)
		}
	}
}
