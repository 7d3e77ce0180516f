package reference_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/reference"
)

// What the engine is compared with is itself only checked by reading it.
func TestCanBeReadAtOnce(t *testing.T) {
	source, err := os.ReadFile("reference.go")
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(source, []byte("\n")); lines >= 300 {
		t.Errorf("%d lines, want fewer than 300", lines)
	}
}

func ExampleEvaluator_Decide() {
	ann := authz.ActorRef{Kind: authz.ActorUser, ID: "ann"}
	e := reference.New(authz.World{
		Spaces:   []authz.Space{{ID: authz.RootSpace}, {ID: "apps", Parent: authz.RootSpace, Inherit: true}, {ID: "prod", Parent: "apps"}},
		Roles:    []authz.Role{{ID: "1", Slug: "trigger", Actions: authz.SetOf(authz.ActionSpaceRead, authz.ActionRunTrigger)}},
		Bindings: []authz.Binding{{ID: "b", Actor: ann, Role: "1", Space: "apps"}},
	}, time.Now())
	for _, space := range []string{"root", "apps", "prod"} {
		fmt.Println(space, e.Decide(authz.Subject{Actor: ann}, "run:trigger", authz.Target{Space: space}))
	}
	// Output:
	// root forbidden
	// apps allowed
	// prod allowed
}
