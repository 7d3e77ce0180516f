// Package authz decides who may do what, where.
//
// It is a pure function over data: a World (spaces, roles, bindings, stacks)
// is compiled once into an immutable Snapshot, and the Snapshot answers
// questions about a Subject, an Action and a Target. The rules are those of
// docs/access-model.md; comments name them by number (A27, R5).
//
// The questions, all of a Snapshot and none of them changing it:
//
//   - Decide, DecideRead and DecideAccount: may this subject do that here?
//   - Explain: why, or what is missing?
//   - Effective and Allowed: everything that a subject may do in a place.
//   - Spaces, Entities, Tree and Level: where a subject may do it, as intervals
//     that a list in a database can be filtered by.
//   - Who: everybody who may.
//   - Diff: who would gain and lose what by changes, before they are made.
//   - Analysis, Paths and WhoCanBecome: how powers can be widened, hop by hop.
//
// Holder and Place resolve the two ends of a question once, for whoever asks
// much about one of them; DecideAll answers a batch.
//
// Apply makes the next Snapshot from changes, at the cost of what they touch.
// Any number of goroutines may use any snapshot without a lock: keep the
// current one in an atomic.Pointer and replace it (see the example of that).
// How a snapshot is laid out, and what was tried instead, is in
// docs/decisions/0006-snapshots-of-chunks-and-intervals.md; how fast it is, in
// docs/speed.md.
//
// The package needs nothing but the standard library and can be embedded
// without the server. authz/worlds makes worlds for tests and benchmarks,
// authz/reference decides the same questions the slow way, to compare with.
//
// The package must not do input or output, read a clock, hold a context,
// import anything outside the standard library, or know about requests,
// databases and wire formats. Steps 1 (credentials), 8 (operation guards) and
// 9 (audit) of the decision procedure belong to its callers.
package authz

//go:generate go run ./internal/gen -root ..
