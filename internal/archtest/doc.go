// Package archtest holds the architecture's rules as tests: which folder may
// import which (table_test.go), names, package comments and sizes.
//
// It has nothing to import and must stay that way. A rule that stands in the
// way of a good change is changed here, in the same commit, with its reason.
package archtest
