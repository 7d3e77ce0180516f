// Package authz decides who may do what, where.
//
// It is a pure function over data: a World (spaces, roles, bindings, stacks)
// is compiled once into an immutable Snapshot, and the Snapshot answers
// questions about a Subject, an Action and a Target. The rules are those of
// docs/access-model.md; comments name them by number (A27, R5).
//
// The package must not do input or output, read a clock, hold a context,
// import anything outside the standard library, or know about requests,
// databases and wire formats. Steps 1 (credentials), 8 (operation guards) and
// 9 (audit) of the decision procedure belong to its callers.
package authz

//go:generate go run ./internal/gen -root ..
