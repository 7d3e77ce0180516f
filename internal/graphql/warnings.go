package graphql

import (
	"context"
	"slices"
	"sync"
)

// warnings collects what an answer says besides its data and errors; it
// travels in extensions.warnings (access model R5).
type warnings struct {
	mu   sync.Mutex
	list []string
}

type warningsKey struct{}

func withWarnings(ctx context.Context) (context.Context, *warnings) {
	w := &warnings{}
	return context.WithValue(ctx, warningsKey{}, w), w
}

// AddWarning adds a sentence to the warnings of the answer to this request,
// once. It does nothing where there is no request or no sentence.
func AddWarning(ctx context.Context, message string) {
	w, ok := ctx.Value(warningsKey{}).(*warnings)
	if !ok || message == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.list, message) {
		w.list = append(w.list, message)
	}
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.list
}
