package graphql

import (
	"os"
	"path/filepath"
	"testing"
)

// TestClientDocuments validates what the clients send in the flows that
// Airlock supports (testdata/documents).
func TestClientDocuments(t *testing.T) {
	files, err := filepath.Glob("testdata/documents/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	d := &documents{schema: ourSchema(), limits: DefaultLimits()}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			doc, errs := d.prepare(string(text), true)
			for _, e := range errs {
				t.Error(e)
			}
			if errs != nil {
				return
			}
			for _, op := range doc.Operations {
				if err := d.limits.checkCost(op, nil); err != nil {
					t.Errorf("%s: %v", op.Name, err)
				}
			}
		})
	}
}
