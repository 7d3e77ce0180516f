package graphql

import (
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/airlock-project/airlock/internal/domain"
)

// maxErrors is how many mistakes of a document one answer names.
const maxErrors = 20

// documents turns the text of a document into a checked one.
type documents struct {
	schema *ast.Schema
	limits Limits
	known  documentCache
}

// prepare parses, bounds and validates a document. hints says whether an error
// may name what was perhaps meant, which tells a stranger about the schema.
func (d *documents) prepare(text string, hints bool) (*ast.QueryDocument, gqlerror.List) {
	if doc := d.known.get(text); doc != nil {
		return doc, nil
	}
	if len(text) > d.limits.Document {
		err := domain.Invalid("query", "the document has %d bytes, at most %d are accepted", len(text), d.limits.Document)
		return nil, gqlerror.List{gqlerror.Wrap(&fieldError{err})}
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: dropEmptyParens(text)}, d.limits.Tokens)
	if err != nil {
		return nil, gqlerror.List{asGraphQL(err)}
	}
	if len(doc.Operations) == 0 {
		return nil, gqlerror.List{gqlerror.Errorf("the document contains no operation")}
	}
	if err := d.limits.checkDocument(doc); err != nil {
		return nil, gqlerror.List{gqlerror.Wrap(&fieldError{err})}
	}
	if errs := validator.ValidateWithRules(d.schema, doc, validationRules(hints)); len(errs) > 0 {
		return nil, errs[:min(len(errs), maxErrors)]
	}
	d.known.put(text, doc)
	return doc, nil
}

func asGraphQL(err error) *gqlerror.Error {
	if e, ok := err.(*gqlerror.Error); ok { //nolint:errorlint // the parser returns it bare
		return e
	}
	return gqlerror.Wrap(err)
}

func validationRules(hints bool) *rules.Rules {
	set := rules.NewDefaultRules()
	if hints {
		return set
	}
	set.ReplaceRule(rules.FieldsOnCorrectTypeRule.Name, rules.FieldsOnCorrectTypeRuleWithoutSuggestions.RuleFunc)
	set.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	set.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	set.ReplaceRule(rules.ScalarLeafsRule.Name, rules.ScalarLeafsRuleWithoutSuggestions.RuleFunc)
	set.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return set
}

// Clients send few different documents again and again. The cache is emptied
// when it is full, which costs less than keeping order.
const (
	maxKnown      = 512
	maxKnownBytes = 16 << 10
)

type documentCache struct {
	mu     sync.RWMutex
	byText map[string]*ast.QueryDocument
}

func (c *documentCache) get(text string) *ast.QueryDocument {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byText[text]
}

func (c *documentCache) put(text string, doc *ast.QueryDocument) {
	if len(text) > maxKnownBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byText == nil || len(c.byText) >= maxKnown {
		c.byText = map[string]*ast.QueryDocument{}
	}
	c.byText[text] = doc
}

// preparedDocument hands the document of this request to the executor, which
// looks for it where it would look for a cached one.
type preparedDocument struct{}

type preparedKey struct{}

func withPrepared(ctx context.Context, doc *ast.QueryDocument) context.Context {
	return context.WithValue(ctx, preparedKey{}, doc)
}

// Get implements gqlgen's cache: the text is not looked at.
func (preparedDocument) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(preparedKey{}).(*ast.QueryDocument)
	return doc, ok
}

// Add implements gqlgen's cache.
func (preparedDocument) Add(context.Context, string, *ast.QueryDocument) {}
