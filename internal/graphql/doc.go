// Package graphql is the GraphQL API: the schema in schema/, one resolver file
// a noun, and the HTTP handler. It translates, calls a use case and translates
// back. It must not decide access, hold rules of a noun or touch the store.
package graphql

//go:generate go tool gqlgen generate --config gqlgen.yml
