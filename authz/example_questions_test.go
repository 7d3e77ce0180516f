package authz_test

import (
	"fmt"
	"sync/atomic"

	"github.com/airlock-project/airlock/authz"
)

// A program that embeds the package keeps one snapshot where all goroutines
// find it, and replaces it when something changes. Nothing is locked: whoever
// is asking goes on with the snapshot that it has.
func Example_embedded() {
	var current atomic.Pointer[authz.Snapshot]
	first, err := authz.Compile(smallWorld())
	if err != nil {
		panic(err)
	}
	current.Store(first)

	may := func(user, action, space string) bool {
		a, ok := authz.ParseAction(action)
		subject := authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorUser, ID: user}}
		return ok && current.Load().Decide(subject, a, authz.Target{Space: space}, now).Allowed()
	}
	change := func(changes ...authz.Change) {
		next, err := current.Load().Apply(changes...)
		if err != nil {
			panic(err) // the changes do not make a world; the old one still counts
		}
		current.Store(next)
	}

	fmt.Println(may("rita", "stack:delete", "dev"))
	rita := authz.ActorRef{Kind: authz.ActorUser, ID: "rita"}
	change(authz.PutBinding{ID: "b4", Actor: rita, Role: authz.RoleSpaceAdmin, Space: "apps"})
	fmt.Println(may("rita", "stack:delete", "dev"))
	change(authz.DeleteBinding{Actor: rita, ID: "b4"})
	fmt.Println(may("rita", "stack:delete", "dev"))
	// Output:
	// false
	// true
	// false
}

// A list in a database is filtered by ranges: each row has the number of its
// space in the snapshot, and a page needs no question for each row.
func ExampleSpaceSet_Intervals() {
	s, _ := authz.Compile(smallWorld())
	readable := s.Spaces(authz.Subject{Actor: will}, authz.ActionRunTrigger, now)
	for from, to := range readable.Intervals() {
		fmt.Printf("WHERE space_number >= %d AND space_number < %d\n", from, to)
	}
	n, _ := s.SpaceNumber("dev")
	fmt.Println("dev is number", n)
	// Output:
	// WHERE space_number >= 2 AND space_number < 3
	// dev is number 2
}
