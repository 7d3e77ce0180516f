package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 64 << 20

// api is a server's GraphQL API and the token to ask it with.
type api struct {
	base, token string
	http        *http.Client
}

// newAPI reaches a server. A redirect is not followed: it could lead the
// token, or a key's secret, to somebody else.
func newAPI(base string, timeout time.Duration) *api {
	return &api{base: base, http: &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// question is one operation of GraphQL.
type question struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

const signInDocument = `mutation ($id: ID!, $secret: String!) { apiKeyUser(id: $id, secret: $secret) { jwt } }`

// signIn exchanges a key for a token.
func (a *api) signIn(ctx context.Context, c credentials) error {
	if c.token != "" {
		a.token = c.token
		return nil
	}
	var out struct{ APIKeyUser *struct{ JWT string } }
	q := question{signInDocument, map[string]any{"id": c.id, "secret": c.secret}}
	if _, err := a.ask(ctx, q, &out, false); err != nil {
		return fmt.Errorf("sign in with API key %s: %w", c.id, err)
	}
	if out.APIKeyUser == nil || out.APIKeyUser.JWT == "" {
		return fmt.Errorf("%s does not accept API key %s: it does not exist there, has expired, or its secret is another", a.base, c.id)
	}
	a.token = out.APIKeyUser.JWT
	return nil
}

// ask sends a question, once more if that is harmless and the first got lost,
// and decodes the data of the answer into out. It returns the warnings that
// came with it.
func (a *api) ask(ctx context.Context, q question, out any, again bool) ([]string, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("write the question: %w", err)
	}
	raw, err := a.send(ctx, body)
	var lost *lostError
	if errors.As(err, &lost) && again && ctx.Err() == nil {
		raw, err = a.send(ctx, body)
	}
	if err != nil {
		return nil, err
	}
	return a.decode(raw, out)
}

// lostError is an answer that did not come; whether the question arrived is
// not known.
type lostError struct{ message string }

func (e *lostError) Error() string { return e.message }

func (a *api) send(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", a.base, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	res, err := a.http.Do(req)
	if err != nil {
		return nil, a.unreachable(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, a.unreachable(ctx, err)
	case len(raw) > maxAnswer:
		return nil, fmt.Errorf("the answer of %s is larger than %d MiB", a.base, maxAnswer>>20)
	case res.StatusCode == http.StatusOK:
		return raw, nil
	case res.StatusCode == http.StatusBadGateway, res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusGatewayTimeout:
		return nil, &lostError{fmt.Sprintf("%s is not available: %s", a.base, res.Status)}
	case res.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("%s does not accept the credentials: %s", a.base, res.Status)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return nil, fmt.Errorf("%s leads elsewhere, to %s: give the address of the server itself", a.base, clean(res.Header.Get("Location")))
	default:
		return nil, fmt.Errorf("%s/graphql answered %s: is this the address of an Airlock server?", a.base, res.Status)
	}
}

// unreachable says in short why there is no answer.
func (a *api) unreachable(ctx context.Context, err error) error {
	var timeout net.Error
	var wrapped *url.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &timeout) && timeout.Timeout():
		return &lostError{fmt.Sprintf("%s did not answer within %s", a.base, a.http.Timeout)}
	case errors.As(err, &wrapped):
		err = wrapped.Err // the rest repeats the URL
	}
	return &lostError{fmt.Sprintf("cannot reach %s: %v", a.base, err)}
}

// refusal is what the API answers in place of what was asked, and the field of
// the question that is at fault, if one is.
type refusal struct{ field, message string }

func (e *refusal) Error() string { return e.message }

// answer is what GraphQL answers with.
type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Extensions struct{ Code, Field, RequestID string }
	}
	Extensions struct{ Warnings []string }
}

func (a *api) decode(raw []byte, out any) ([]string, error) {
	var got answer
	if err := json.Unmarshal(raw, &got); err != nil || (got.Data == nil && got.Errors == nil) {
		return nil, fmt.Errorf("%s/graphql answered no GraphQL: is this the address of an Airlock server?", a.base)
	}
	if len(got.Errors) > 0 {
		e := got.Errors[0]
		message := clean(e.Message)
		switch e.Extensions.Code {
		case "UNAUTHENTICATED":
			return nil, fmt.Errorf("%s does not accept the credentials: %s", a.base, message)
		case "FORBIDDEN":
			return nil, &Denied{Message: message}
		case "INTERNAL":
			return nil, fmt.Errorf("%s (request %s)", message, clean(e.Extensions.RequestID))
		default:
			return nil, &refusal{field: e.Extensions.Field, message: message}
		}
	}
	if err := json.Unmarshal(got.Data, out); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", a.base, err)
	}
	return got.Extensions.Warnings, nil
}

// page is one page of a list.
type page[T any] struct {
	Edges    []struct{ Node T }
	PageInfo struct {
		EndCursor   *string
		HasNextPage bool
	}
}

// largest number of entries that the API gives at once.
const pageSize = 100

// collect reads pages until it has limit entries, and says whether there are
// more.
func collect[T any](limit int, next func(first int, after *string) (page[T], error)) (list []T, more bool, err error) {
	var after *string
	for list = []T{}; ; {
		p, err := next(min(pageSize, limit-len(list)), after)
		if err != nil {
			return nil, false, err
		}
		for _, e := range p.Edges {
			list = append(list, e.Node)
		}
		after = p.PageInfo.EndCursor
		if !p.PageInfo.HasNextPage || after == nil || len(list) >= limit {
			return list, p.PageInfo.HasNextPage, nil
		}
	}
}
