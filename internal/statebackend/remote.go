package statebackend

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/states"
)

// RemotePath is where the remote and cloud backends reach the states.
const RemotePath = "/api/v2/"

// DiscoveryPath is where OpenTofu asks which services a host has.
const DiscoveryPath = "/.well-known/terraform.json"

// TokensPath is where `tofu login` sends people who have no token yet.
const TokensPath = "/app/settings/tokens"

// Discovery names the services of this host to OpenTofu. There is no login.v1:
// `tofu login` then asks for an API token, which it can check.
func Discovery() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		send(w, "application/json", http.StatusOK, map[string]string{
			"state.v2": RemotePath, "tfe.v2": RemotePath, "tfe.v2.1": RemotePath, "tfe.v2.2": RemotePath,
		})
	})
}

// TokensPage tells a person how he gets the token that `tofu login` asks for.
func TokensPage() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		// The client is gone if this fails.
		_, _ = io.WriteString(w, `OpenTofu asks for an API token.

Exchange an API key for one, and paste it where tofu asks:

    spacectl profile export-token

or send to /graphql:

    mutation { apiKeyUser(id: "KEY ID", secret: "SECRET") { jwt } }

The token lives as long as any other API token, usually one hour. What it may
read is decided at every use.
`)
	})
}

// Remote serves the part of the remote backend's protocol that reads. The
// organization is the account's name, a workspace is a stack by its id.
// Nothing is ever written here: a workspace is not made, and a state changes
// only by runs, imports and rollbacks (access model A131).
//
// Answers are never 5xx for a denial, which OpenTofu would repeat for minutes;
// and 404 only where the stack is to stay hidden, because OpenTofu then tries
// to make a workspace of that name.
func Remote(s *states.Service, account string) http.Handler {
	h := &remote{states: s, account: account}
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(*http.Request) (any, error){
		"organizations/{org}/entitlement-set":           h.entitlements,
		"organizations/{org}/workspaces":                h.workspaces,
		"organizations/{org}/workspaces/{name}":         h.workspace,
		"workspaces/{id}":                               h.workspaceByID,
		"workspaces/{id}/vars":                          h.variables,
		"workspaces/{id}/current-state-version":         h.currentVersion,
		"workspaces/{id}/current-state-version-outputs": h.currentOutputs,
		"state-versions/{version}":                      h.version,
		"state-version-outputs/{output}":                h.output,
		"account/details":                               h.caller,
	} {
		mux.HandleFunc("GET "+RemotePath+pattern, func(w http.ResponseWriter, r *http.Request) {
			v, err := serve(r)
			if err != nil {
				refuseRemote(w, err)
				return
			}
			send(w, "application/vnd.api+json", http.StatusOK, v)
		})
	}
	mux.HandleFunc("GET "+RemotePath+"state-versions/{version}/download", h.download)
	mux.HandleFunc("GET "+RemotePath+"ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("TFP-API-Version", "2.6")
		w.Header().Set("TFP-AppName", "Airlock")
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST "+RemotePath+"organizations/{org}/workspaces", h.create)
	mux.HandleFunc("POST "+RemotePath+"workspaces/{id}/", h.write)
	mux.HandleFunc("PATCH "+RemotePath+"workspaces/{id}", h.write)
	mux.HandleFunc("DELETE "+RemotePath+"workspaces/{id}", h.write)
	mux.HandleFunc(RemotePath, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			refuseRemote(w, onlyReads())
			return
		}
		refuseRemote(w, domain.NotFound("resource"))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if _, err := access.CallerFrom(r.Context()); err != nil && r.URL.Path != RemotePath+"ping" {
			refuseRemote(w, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type remote struct {
	states  *states.Service
	account string
}

func onlyReads() error {
	return &domain.Error{Code: domain.CodeForbidden, Message: "forbidden: states are only read here; workspaces are stacks, and runs change their state"}
}

// inAccount refuses another organization than the one there is.
func (h *remote) inAccount(r *http.Request) error {
	if r.PathValue("org") != h.account {
		return domain.NotFound("organization")
	}
	return nil
}

func (h *remote) entitlements(r *http.Request) (any, error) {
	return one(resource{
		ID: h.account, Type: "entitlement-sets",
		Attributes: map[string]any{"operations": false, "state-storage": true, "teams": false, "sentinel": false, "vcs-integrations": false, "private-module-registry": false},
	}), h.inAccount(r)
}

// workspaces finds the one that is searched for; it is no list of stacks.
func (h *remote) workspaces(r *http.Request) (any, error) {
	if err := h.inAccount(r); err != nil {
		return nil, err
	}
	found := []resource{}
	stack, err := h.states.Reachable(r.Context(), domain.StackID(r.URL.Query().Get("search[name]")))
	switch domain.ErrorCode(err) {
	case domain.CodeForbidden, domain.CodeNotFound:
	default:
		if err != nil {
			return nil, err
		}
		found = append(found, h.workspaceOf(stack))
	}
	return list(found), nil
}

func (h *remote) workspace(r *http.Request) (any, error) {
	if err := h.inAccount(r); err != nil {
		return nil, err
	}
	stack, err := h.states.Reachable(r.Context(), domain.StackID(r.PathValue("name")))
	return one(h.workspaceOf(stack)), err
}

func (h *remote) workspaceByID(r *http.Request) (any, error) {
	stack, err := h.states.Reachable(r.Context(), domain.StackID(r.PathValue("id")))
	return one(h.workspaceOf(stack)), err
}

func (h *remote) workspaceOf(stack domain.Stack) resource {
	return resource{
		ID: string(stack.ID), Type: "workspaces",
		Attributes: map[string]any{
			"name": stack.ID, "description": stack.Description, "created-at": stack.CreatedAt,
			"locked": false, "operations": false, "execution-mode": "local", "auto-apply": false,
			"terraform-version": "latest", // no version of the caller's is refused
			"permissions": map[string]bool{
				"can-read-state-versions": true, "can-read-state-outputs": true, "can-read-variable": false,
				"can-lock": false, "can-unlock": false, "can-force-unlock": false, "can-update": false, "can-destroy": false,
				"can-create-state-versions": false, "can-queue-run": false, "can-queue-apply": false, "can-queue-destroy": false,
			},
		},
		Relationships: map[string]any{"organization": one(resource{ID: h.account, Type: "organizations"})},
	}
}

func (h *remote) variables(r *http.Request) (any, error) {
	_, err := h.states.Reachable(r.Context(), domain.StackID(r.PathValue("id")))
	return list([]resource{}), err
}

func (h *remote) caller(r *http.Request) (any, error) {
	caller, err := access.CallerFrom(r.Context())
	return one(resource{ID: caller.Name, Type: "users", Attributes: map[string]any{"username": caller.Name, "is-service-account": true}}), err
}

// write refuses a change, and records that it was tried.
func (h *remote) write(w http.ResponseWriter, r *http.Request) {
	refuseRemote(w, h.states.RefuseWrite(r.Context(), domain.StackID(r.PathValue("id")), onlyReads()))
}

// create answers what OpenTofu asks for when it was told that a stack does not
// exist, so that a person reads why.
func (h *remote) create(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Data struct{ Attributes struct{ Name string } }
	}
	_ = json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLock)).Decode(&asked) // without a name the answer has none
	name := asked.Data.Attributes.Name
	if domain.CheckName("name", name) != nil {
		name = "of that name"
	}
	refuseRemote(w, &domain.Error{Code: domain.CodeForbidden, Message: "forbidden: there is no stack " + name + " that " + access.Name(r.Context()) +
		" can see, and none is made this way; a workspace is named by the id of its stack"})
}

// resource, one and list are documents of JSON:API.
type resource struct {
	ID            string         `json:"id"`
	Type          string         `json:"type"`
	Attributes    map[string]any `json:"attributes,omitempty"`
	Relationships map[string]any `json:"relationships,omitempty"`
}

func one(r resource) any { return map[string]any{"data": r} }

func list(all []resource) any {
	return map[string]any{"data": all, "meta": map[string]any{"pagination": map[string]any{
		"current-page": 1, "prev-page": nil, "next-page": nil, "total-pages": 1, "total-count": len(all),
	}}}
}

// refuseRemote answers so that OpenTofu shows the reason.
func refuseRemote(w http.ResponseWriter, err error) {
	status, message := statusOf(err)
	send(w, "application/vnd.api+json", status, map[string]any{"errors": []any{map[string]any{
		"status": strconv.Itoa(status), "title": titles[status], "detail": message,
	}}})
}

// titles are what OpenTofu's client takes a status for.
var titles = map[int]string{http.StatusForbidden: "forbidden", http.StatusNotFound: "not found", http.StatusUnauthorized: "unauthorized"}

func send(w http.ResponseWriter, kind string, status int, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}
