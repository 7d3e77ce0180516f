package graphql

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Limits bound what one request may ask.
type Limits struct {
	Body     int64         // bytes of the HTTP body
	Document int           // bytes of the document
	Tokens   int           // tokens of the document
	Selected int           // fields and fragments that the document selects
	Depth    int           // nesting of fields, introspection apart
	Aliases  int           // aliases of the same field, and repetitions of it in one place
	Cost     int           // estimated number of answered fields
	Timeout  time.Duration // from the first byte read to the answer
}

// DefaultLimits are far above what the known clients send.
func DefaultLimits() Limits {
	return Limits{
		Body:     32 << 20,
		Document: 256 << 10,
		Tokens:   8_000,
		Selected: 1_000,
		Depth:    12,
		Aliases:  15,
		Cost:     300_000, // the usual introspection query is taken to have 270,000
		Timeout:  10 * time.Second,
	}
}

// strangersBody bounds what a caller without credentials may send: an exchange
// of a key, or the introspection query.
const strangersBody = 1 << 20

func (l Limits) body(ctx context.Context) int64 {
	if _, err := access.CallerFrom(ctx); err != nil {
		return min(l.Body, strangersBody)
	}
	return l.Body
}

// authMutations take a credential: one guess a request.
var authMutations = map[string]bool{"apiKeyUser": true, "oauthUser": true}

// maxFragments bounds the fragments of a document: validation compares them
// with one another.
const maxFragments = 100

// checkDocument applies what can be said of a document before it is validated.
// Validation compares every two selections of the same name, so that a small
// document without these bounds would keep a processor busy for seconds.
func (l Limits) checkDocument(doc *ast.QueryDocument) error {
	c := counts{doc: doc, aliases: map[string]int{}, depths: map[string]int{}}
	if n := len(doc.Fragments); n > maxFragments {
		return domain.Invalid("query", "the document has %d fragments, at most %d are accepted", n, maxFragments)
	}
	for _, op := range doc.Operations {
		c.count(op.SelectionSet)
		if depth := c.depth(op.SelectionSet); depth > l.Depth {
			return domain.Invalid("query", "fields are nested %d deep, at most %d are accepted", depth, l.Depth)
		}
	}
	for _, f := range doc.Fragments {
		c.count(f.SelectionSet)
	}
	if c.selected > l.Selected {
		return domain.Invalid("query", "the document selects %d fields, at most %d are accepted", c.selected, l.Selected)
	}
	if c.repeated > l.Aliases {
		return domain.Invalid("query", "a field is selected %d times in one place, at most %d are accepted", c.repeated, l.Aliases)
	}
	if c.auth > 1 {
		return domain.Invalid("query", "a document may contain one sign-in, not %d", c.auth)
	}
	for name, n := range c.aliases {
		if n > l.Aliases {
			return domain.Invalid("query", "field %q has %d aliases, at most %d are accepted", name, n, l.Aliases)
		}
	}
	return nil
}

type counts struct {
	doc      *ast.QueryDocument
	aliases  map[string]int
	auth     int
	selected int
	repeated int            // most selections of one name in one place
	depths   map[string]int // of fragments; 0 while one is being measured, so that a cycle ends
}

// count takes every selection once, as it is written.
func (c *counts) count(set ast.SelectionSet) {
	here := map[string]int{}
	c.selected += len(set)
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			here[s.Alias]++
			c.repeated = max(c.repeated, here[s.Alias])
			if s.Alias != s.Name {
				c.aliases[s.Name]++
			}
			if authMutations[s.Name] {
				c.auth++
			}
			c.count(s.SelectionSet)
		case *ast.InlineFragment:
			c.count(s.SelectionSet)
		}
	}
}

func (c *counts) depth(set ast.SelectionSet) int {
	deepest := 0
	for _, s := range set {
		d := 0
		switch s := s.(type) {
		case *ast.Field:
			if !isIntrospection(s.Name) {
				d = 1 + c.depth(s.SelectionSet)
			}
		case *ast.InlineFragment:
			d = c.depth(s.SelectionSet)
		case *ast.FragmentSpread:
			d = c.fragmentDepth(s.Name)
		}
		deepest = max(deepest, d)
	}
	return deepest
}

func (c *counts) fragmentDepth(name string) int {
	if d, known := c.depths[name]; known {
		return d
	}
	c.depths[name] = 0
	if f := c.doc.Fragments.ForName(name); f != nil {
		c.depths[name] = c.depth(f.SelectionSet)
	}
	return c.depths[name]
}

func isIntrospection(name string) bool { return strings.HasPrefix(name, "__") }

// How many entries a list is taken to have when its length is not asked for.
const (
	pageEstimate = 50
	listEstimate = 20
)

// checkCost estimates how many fields the answer of a validated operation has.
func (l Limits) checkCost(op *ast.OperationDefinition, variables map[string]any) error {
	e := estimate{variables: variables, fragments: map[fragmentPage]int{}}
	if cost := e.set(op.SelectionSet, pageEstimate); cost > l.Cost {
		return domain.Invalid("query", "the answer could have %d fields, at most %d are accepted; ask for fewer at once", cost, l.Cost)
	}
	return nil
}

type fragmentPage struct {
	name string
	page int
}

type estimate struct {
	variables map[string]any
	fragments map[fragmentPage]int
}

// set estimates a selection set; page is how many edges the search around it
// was asked for.
func (e *estimate) set(set ast.SelectionSet, page int) int {
	sum := 0
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			sum = plus(sum, e.field(s, page))
		case *ast.InlineFragment:
			sum = plus(sum, e.set(s.SelectionSet, page))
		case *ast.FragmentSpread:
			key := fragmentPage{s.Name, page}
			cost, known := e.fragments[key]
			if !known && s.Definition != nil {
				cost = e.set(s.Definition.SelectionSet, page)
				e.fragments[key] = cost
			}
			sum = plus(sum, cost)
		}
	}
	return sum
}

func (e *estimate) field(f *ast.Field, page int) int {
	if asked, ok := e.first(f); ok {
		page = asked
	}
	children := e.set(f.SelectionSet, page)
	if len(f.SelectionSet) > 0 && f.Definition != nil && f.Definition.Type.Elem != nil {
		children = times(children, entries(f, page))
	}
	return plus(1, children)
}

// entries is how many entries a list is taken to have.
func entries(f *ast.Field, page int) int {
	if f.Name == "edges" {
		return page
	}
	if sized := f.Definition.Directives.ForName("sized"); sized != nil {
		if n, err := strconv.Atoi(sized.Arguments.ForName("entries").Value.Raw); err == nil {
			return n
		}
	}
	return listEstimate
}

// first is the page size that a search asks for.
func (e *estimate) first(f *ast.Field) (int, bool) {
	if f.Definition == nil || f.Definition.Arguments.ForName("input") == nil {
		return 0, false
	}
	input, _ := f.ArgumentMap(e.variables)["input"].(map[string]any)
	var n int64
	switch v := input["first"].(type) {
	case int64:
		n = v
	case int:
		n = int64(v)
	case interface{ Int64() (int64, error) }:
		n, _ = v.Int64()
	}
	if n <= 0 {
		return 0, false
	}
	return int(min(n, maxPage)), true
}

func plus(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

func times(a, b int) int {
	if a != 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}
