// Package worlds makes worlds and questions for package authz: large ones to
// measure with and small, crooked ones to compare evaluators on. The same
// numbers always make the same world.
//
// It is for tests and benchmarks, of this repository and of programs that
// embed authz. It must not decide anything.
package worlds

import (
	"math/rand/v2"
	"time"

	"github.com/airlock-project/airlock/authz"
)

// Now is the time at which the questions of this package are to be asked: what
// expires in its worlds does so some hours before or after.
var Now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Source is where choices come from: IntN returns a number from 0 up to, but
// not including, n. *rand.Rand is one; so can be the input of a fuzz test.
type Source interface{ IntN(n int) int }

// Seeded returns a source that is determined by seed.
func Seeded(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 58)) //nolint:gosec // it has to repeat itself, not to be unguessable
}

// Question is one access question.
type Question struct {
	Subject authz.Subject
	Action  authz.Action
	Target  authz.Target
}

func pick[T any](src Source, list []T) T { return list[src.IntN(len(list))] }

// one is true once in n times.
func one(src Source, n int) bool { return src.IntN(n) == 0 }
