package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"

	"github.com/vektah/gqlparser/v2/gqlerror"

	gqlgen "github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Handler serves the API over HTTP: POST with a JSON body. Whatever reaches
// GraphQL is answered with status 200, errors included, because clients read
// nothing else (contract, section 1).
type Handler struct {
	exec      *executor.Executor
	documents *documents
	limits    Limits
	presenter presenter
}

// NewHandler returns the handler for a schema. Who calls is in the context of
// the request (access.WithCaller), and so are the request id and the remote
// address (access.WithCall).
func NewHandler(schema gqlgen.ExecutableSchema, limits Limits, log *slog.Logger) *Handler {
	h := &Handler{
		exec:      executor.New(schema),
		documents: &documents{schema: schema.Schema(), limits: limits},
		limits:    limits,
		presenter: presenter{log: log},
	}
	h.exec.SetQueryCache(preparedDocument{})
	h.exec.SetErrorPresenter(h.presenter.present)
	h.exec.SetRecoverFunc(h.presenter.recovered)
	h.exec.AroundFields(aroundField)
	h.exec.AroundRootFields(callRecorder{schema: schema.Schema()}.aroundRoot)
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed, "send the request by POST")
		return
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "send the request as application/json")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.limits.Timeout)
	defer cancel()
	ctx = gqlgen.StartOperationTrace(ctx)

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.limits.body(ctx)))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
		return
	}
	if err != nil { // the caller is gone, or too slow
		refuse(w, http.StatusRequestTimeout, "the request did not arrive whole, or too slowly")
		return
	}
	send(w, http.StatusOK, h.answer(ctx, body, r.Header))
}

func (h *Handler) answer(ctx context.Context, body []byte, header http.Header) (res *gqlgen.Response) {
	defer func() {
		if cause := recover(); cause != nil {
			res = h.failed(ctx, h.presenter.recovered(ctx, cause))
		}
	}()
	params, err := readRequest(body)
	if err != nil {
		return h.failed(ctx, err)
	}
	params.Headers = header
	params.ReadTime = gqlgen.TraceTiming{Start: gqlgen.GetStartTime(ctx), End: gqlgen.Now()}
	ctx, collected := withWarnings(ctx)
	res = h.run(ctx, params)
	if list := collected.all(); len(list) > 0 {
		if res.Extensions == nil {
			res.Extensions = map[string]any{}
		}
		res.Extensions["warnings"] = list
	}
	return res
}

func (h *Handler) run(ctx context.Context, params *gqlgen.RawParams) *gqlgen.Response {
	_, anonymous := access.CallerFrom(ctx)
	doc, errs := h.documents.prepare(params.Query, anonymous == nil)
	if errs != nil {
		return h.exec.DispatchError(ctx, errs)
	}
	op, errs := h.exec.CreateOperationContext(withPrepared(ctx, doc), params)
	if errs != nil {
		return h.exec.DispatchError(gqlgen.WithOperationContext(ctx, op), errs)
	}
	op.DisableIntrospection = false
	if err := h.limits.checkCost(op.Operation, op.Variables); err != nil {
		return h.failed(ctx, err)
	}
	next, ctx := h.exec.DispatchOperation(ctx, op)
	if res := next(ctx); res != nil {
		return res
	}
	return h.failed(ctx, context.Cause(ctx))
}

// failed is an answer without data.
func (h *Handler) failed(ctx context.Context, err error) *gqlgen.Response {
	return h.exec.DispatchError(ctx, gqlerror.List{gqlerror.Wrap(&fieldError{err})})
}

// readRequest reads one operation from a body.
func readRequest(body []byte) (*gqlgen.RawParams, error) {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) > 0 && body[0] == '[' {
		return nil, domain.Invalid("", "batches are not accepted: send one operation per request")
	}
	var in struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // variables keep the numbers they were sent with
	if err := decoder.Decode(&in); err != nil {
		return nil, domain.Invalid("", "the body is not a JSON object with query, operationName and variables")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, domain.Invalid("", "the body contains more than one JSON value")
	}
	return &gqlgen.RawParams{Query: in.Query, OperationName: in.OperationName, Variables: in.Variables}, nil
}

func refuse(w http.ResponseWriter, status int, message string) {
	send(w, status, &gqlgen.Response{Errors: gqlerror.List{{
		Message:    message,
		Extensions: map[string]any{"code": wireCode(domain.CodeInvalid)},
	}}})
}

func send(w http.ResponseWriter, status int, res *gqlgen.Response) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if len(res.Errors)+len(res.Extensions) == 0 && len(res.Data) > 0 {
		// The usual answer is JSON already: to encode it would be to read it again.
		_, _ = w.Write(slices.Concat([]byte(`{"data":`), res.Data, []byte("}\n"))) // the caller may be gone
		return
	}
	_ = json.NewEncoder(w).Encode(res) // as above
}
