package authz_test

import (
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// The benchmarks speak of the worlds L and XL (see authz/worlds).

type large struct {
	world     authz.World
	s         *authz.Snapshot
	questions []worlds.Question // 1,000,000
}

var worldL, worldXL = sync.OnceValue(func() large { return load(worlds.L()) }), sync.OnceValue(func() large { return load(worlds.XL()) })

func load(w authz.World) large {
	s, err := authz.Compile(w)
	if err != nil {
		panic(err)
	}
	return large{w, s, worlds.Questions(w, 1, 1_000_000)}
}

func eachSize(b *testing.B, run func(b *testing.B, l large)) {
	for name, world := range map[string]func() large{"L": worldL, "XL": worldXL} {
		b.Run(name, func(b *testing.B) {
			l := world()
			runtime.GC()
			b.ReportAllocs()
			b.ResetTimer()
			run(b, l)
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		medians(b, 1, func(int) {
			if _, err := authz.Compile(l.world); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkDecideWarm asks 64 questions again and again.
func BenchmarkDecideWarm(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		medians(b, 64, func(i int) {
			q := &l.questions[i&63]
			l.s.Decide(q.Subject, q.Action, q.Target, worlds.Now)
		})
	})
}

func BenchmarkDecideWarmHandles(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		holders, places := handles(l, 64)
		medians(b, 64, func(i int) {
			holders[i&63].Decide(l.questions[i&63].Action, places[i&63], worlds.Now)
		})
	})
}

func handles(l large, n int) ([]authz.Holder, []authz.Place) {
	holders, places := make([]authz.Holder, n), make([]authz.Place, n)
	for i, q := range l.questions[:n] {
		holders[i], places[i] = l.s.Holder(q.Subject), l.s.Place(q.Target)
	}
	return holders, places
}

// BenchmarkDecideRandom asks 1,000,000 questions, so that little of the
// snapshot is in the caches.
func BenchmarkDecideRandom(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		medians(b, 500, func(i int) {
			q := &l.questions[i%len(l.questions)]
			l.s.Decide(q.Subject, q.Action, q.Target, worlds.Now)
		})
	})
}

func BenchmarkDecideRandomHandles(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		holders, places := handles(l, len(l.questions))
		b.ResetTimer()
		medians(b, 500, func(i int) {
			i %= len(l.questions)
			holders[i].Decide(l.questions[i].Action, places[i], worlds.Now)
		})
	})
}

// BenchmarkBatch asks 100 questions of one actor at once.
func BenchmarkBatch(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		holders, places := handles(l, 200)
		asks := make([]authz.Ask, 100)
		for i := range asks {
			asks[i] = authz.Ask{Action: l.questions[i].Action, Place: places[i]}
		}
		answers := make([]authz.Decision, 0, len(asks))
		b.ResetTimer()
		medians(b, 4, func(i int) { answers = holders[i%200].DecideAll(asks, worlds.Now, answers[:0]) })
	})
}

// BenchmarkExplain is to be compared with BenchmarkDecideWarmHandles.
func BenchmarkExplain(b *testing.B) {
	for name, outcome := range map[string]func(authz.Outcome) bool{
		"allowed": func(o authz.Outcome) bool { return o == authz.Allowed },
		"denied":  func(o authz.Outcome) bool { return o != authz.Allowed },
	} {
		b.Run(name, func(b *testing.B) {
			eachSize(b, func(b *testing.B, l large) {
				holders, places := handles(l, 1000)
				var asked []int
				for i := range holders {
					if outcome(holders[i].Decide(l.questions[i].Action, places[i], worlds.Now).Outcome) && len(asked) < 64 {
						asked = append(asked, i)
					}
				}
				b.ResetTimer()
				medians(b, 64, func(i int) {
					at := asked[i%len(asked)]
					holders[at].Explain(l.questions[at].Action, places[at], worlds.Now)
				})
			})
		})
	}
}

// BenchmarkWho asks who may do any action anywhere, and who may see root, to
// which almost everybody's sight climbs or does not.
func BenchmarkWho(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		b.Run("any", func(b *testing.B) {
			medians(b, 1, func(i int) {
				q := &l.questions[i%len(l.questions)]
				l.s.Who(q.Action, q.Target, worlds.Now)
			})
		})
		b.Run("root", func(b *testing.B) {
			n := 0
			medians(b, 1, func(i int) {
				n = len(l.s.Who(authz.ActionSpaceRead, authz.Target{Space: "root"}, worlds.Now))
			})
			b.ReportMetric(float64(n), "found")
		})
	})
}

func BenchmarkSpaces(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		var best authz.Subject
		n := 0
		for _, q := range l.questions[:5000] {
			if got := l.s.Spaces(q.Subject, authz.ActionSpaceRead, worlds.Now).Len(); got >= 130 && (n == 0 || got < n) {
				best, n = q.Subject, got
			}
		}
		b.Log(n)
		b.ResetTimer()
		medians(b, 10, func(int) { l.s.Spaces(best, authz.ActionSpaceRead, worlds.Now) })
	})
}

func BenchmarkAddBinding(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		src := worlds.Seeded(1)
		list := make([]authz.PutBinding, 1000)
		for i := range list {
			from := l.world.Bindings[src.IntN(len(l.world.Bindings))]
			from.ID = "01K" + from.ID[5:] + "AA"
			list[i] = authz.PutBinding(from)
		}
		s := l.s
		b.ResetTimer()
		medians(b, 10, func(i int) {
			if i%1000 == 0 {
				s = l.s
			}
			next, err := s.Apply(list[i%1000])
			if err != nil {
				b.Fatal(err)
			}
			s = next
		})
	})
}

// BenchmarkMoveSubtree moves a space with about a thousand below it.
func BenchmarkMoveSubtree(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		moves := subtreeMoves(l)
		b.ResetTimer()
		medians(b, 1, func(i int) {
			if _, err := l.s.Apply(moves[i%len(moves)]); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func subtreeMoves(l large) []authz.Change {
	sizes := map[string]int{}
	for _, sp := range slices.Backward(l.world.Spaces) {
		sizes[sp.ID]++
		sizes[sp.Parent] += sizes[sp.ID]
	}
	var moves []authz.Change
	for _, sp := range l.world.Spaces {
		if n := sizes[sp.ID]; n > 500 && n < 2000 {
			sp.Parent = authz.RootSpace
			moves = append(moves, authz.PutSpace(sp))
		}
	}
	return moves
}

func BenchmarkEditRole(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		role := l.world.Roles[19]
		role.Actions = role.Actions.With(authz.ActionRunTrigger)
		medians(b, 1, func(i int) {
			if _, err := l.s.Apply(authz.PutRole(role)); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkDiff asks what one change would do: a binding of a user, one of a
// group, an edit of the role that is bound least (some 2,500 times), and moves
// of subtrees of about a thousand spaces.
func BenchmarkDiff(b *testing.B) {
	eachSize(b, func(b *testing.B, l large) {
		src := worlds.Seeded(1)
		bind := func(who authz.ActorRef) authz.Change {
			from := l.world.Bindings[src.IntN(len(l.world.Bindings))]
			from.Actor = who
			return authz.PutBinding(from)
		}
		role := l.world.Roles[len(l.world.Roles)-1]
		role.Actions = role.Actions.With(authz.ActionRunTrigger, authz.ActionSpaceRead)
		changes := map[string][]authz.Change{
			"role": {authz.PutRole(role)}, "move": subtreeMoves(l),
		}
		for range 100 {
			changes["user"] = append(changes["user"], bind(l.world.Actors[src.IntN(len(l.world.Actors))].Ref))
			g := authz.ActorRef{Kind: authz.ActorGroup, ID: l.world.Groups[src.IntN(len(l.world.Groups))].ID}
			changes["group"] = append(changes["group"], bind(g))
		}
		for name, list := range changes {
			b.Run(name, func(b *testing.B) {
				n := 0
				medians(b, 1, func(i int) {
					d, err := l.s.Diff(worlds.Now, list[i%len(list)])
					if err != nil {
						b.Fatal(err)
					}
					n += len(d.Effects)
				})
				b.ReportMetric(float64(n)/float64(b.N), "effects")
			})
		}
	})
}

func BenchmarkMemory(b *testing.B) {
	for name, world := range map[string]func() authz.World{"L": worlds.L, "XL": worlds.XL} {
		b.Run(name, func(b *testing.B) {
			w := world()
			n := len(w.Bindings)
			for b.Loop() {
				before := heap()
				s, err := authz.Compile(w)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(heap()-before)/float64(n), "bytes/binding")
				runtime.KeepAlive(s)
			}
			runtime.KeepAlive(w)
		})
	}
}

// medians times chunks of n questions each and reports the median of the
// chunks: on a machine that does other things too, means say nothing. What it
// reports is for one question, allocations included.
func medians(b *testing.B, n int, ask func(i int)) {
	times := make([]float64, 0, 100_000)
	i := 0
	var start, end runtime.MemStats
	before := cpu()
	runtime.ReadMemStats(&start)
	for b.Loop() {
		start := time.Now()
		for range n {
			ask(i)
			i++
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/float64(n))
	}
	runtime.ReadMemStats(&end)
	b.ReportMetric(float64(end.Mallocs-start.Mallocs)/float64(i), "allocs/op")
	b.ReportMetric(float64(end.TotalAlloc-start.TotalAlloc)/float64(i), "B/op")
	slices.Sort(times)
	b.ReportMetric(float64(cpu()-before)/float64(i), "cpu-ns")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(times[len(times)/2], "median-ns")
	b.ReportMetric(times[len(times)/20], "p5-ns")
}

// cpu is the time that the process has computed, in nanoseconds.
func cpu() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
