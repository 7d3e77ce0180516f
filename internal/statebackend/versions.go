package statebackend

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/states"
)

func (h *remote) currentVersion(r *http.Request) (any, error) {
	v, err := h.states.Current(r.Context(), domain.StackID(r.PathValue("id")))
	return one(versionOf(v)), err
}

func (h *remote) version(r *http.Request) (any, error) {
	v, err := h.states.Version(r.Context(), versionID(r))
	return one(versionOf(v)), err
}

func versionID(r *http.Request) domain.StateVersionID {
	return domain.StateVersionID(r.PathValue("version"))
}

func (h *remote) download(w http.ResponseWriter, r *http.Request) {
	p, err := h.states.PullVersion(r.Context(), versionID(r))
	if err != nil {
		refuseRemote(w, err)
		return
	}
	sendState(w, p)
}

// versionOf describes a version. The URL has no host, so that it holds behind
// any proxy and under any name; the client sends its token there, too.
func versionOf(v domain.StateVersion) resource {
	return resource{
		ID: string(v.ID), Type: "state-versions",
		Attributes: map[string]any{
			"created-at": v.CreatedAt, "serial": v.Serial, "lineage": v.Lineage, "size": v.Size, "status": "finalized", "resources-processed": true,
			"hosted-state-download-url": RemotePath + "state-versions/" + string(v.ID) + "/download",
		},
		Relationships: map[string]any{"workspace": one(resource{ID: string(v.StackID), Type: "workspaces"})},
	}
}

// currentOutputs lists the outputs as `tofu output` reads them: it asks for
// sensitive ones one by one.
func (h *remote) currentOutputs(r *http.Request) (any, error) {
	p, err := h.states.Pull(r.Context(), domain.StackID(r.PathValue("id")))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		// Of a stack that is hidden, or of one without a state: the second has none.
		if _, err := h.states.Reachable(r.Context(), domain.StackID(r.PathValue("id"))); err != nil {
			return nil, err
		}
		return list([]resource{}), nil
	}
	outputs, err := outputsOf(p, err)
	if err != nil {
		return nil, err
	}
	for i := range outputs {
		if outputs[i].Attributes["sensitive"] == true {
			outputs[i].Attributes["value"] = nil
		}
	}
	return list(outputs), nil
}

// output is one output, by the id of the version and its place there.
func (h *remote) output(r *http.Request) (any, error) {
	version, place, _ := strings.Cut(r.PathValue("output"), ".")
	outputs, err := outputsOf(h.states.PullVersion(r.Context(), domain.StateVersionID(version)))
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(place)
	if err != nil || n < 0 || n >= len(outputs) {
		return nil, domain.NotFound("output")
	}
	return one(outputs[n]), nil
}

func outputsOf(p states.Pulled, err error) ([]resource, error) {
	if err != nil {
		return nil, err
	}
	f, err := domain.ReadState(p.Body)
	if err != nil {
		return nil, err
	}
	out := make([]resource, len(f.Outputs))
	for i, o := range f.Outputs {
		kind := json.RawMessage(o.Type)
		if len(kind) == 0 {
			kind = json.RawMessage(`"dynamic"`)
		}
		value := json.RawMessage(o.Value)
		if len(value) == 0 {
			value = json.RawMessage("null")
		}
		out[i] = resource{ID: fmt.Sprintf("%s.%d", p.ID, i), Type: "state-version-outputs", Attributes: map[string]any{
			"name": o.Name, "sensitive": o.Sensitive, "detailed-type": kind, "type": plainType(kind), "value": value,
		}}
	}
	return out, nil
}

// plainType is the protocol's older, coarser word for a type.
func plainType(kind json.RawMessage) string {
	var word string
	if json.Unmarshal(kind, &word) == nil {
		return word
	}
	var parts []json.RawMessage
	if json.Unmarshal(kind, &parts) == nil && len(parts) > 0 && json.Unmarshal(parts[0], &word) == nil && (word == "list" || word == "set" || word == "tuple") {
		return "array"
	}
	return "object"
}
