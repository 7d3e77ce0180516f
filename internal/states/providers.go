package states

import (
	"context"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// knownProviders bounds how many earlier versions are read for the providers
// that they name.
const knownProviders = 5

// newProviders returns the providers that a state names and the stack's newest
// versions do not. Those of the two public registries' own makers are known to
// everybody; the others must be among the confirmed ones.
func (s *Service) newProviders(ctx context.Context, tx Tx, id domain.StackID, f domain.StateFile, confirmed []string, ready *staged) (added []string, err error) {
	versions, err := tx.StateVersions(ctx, id, 1<<62, knownProviders)
	if err != nil {
		return nil, err
	}
	stored := make([]domain.Stored, len(versions))
	for i, v := range versions {
		if stored[i], err = tx.StateStored(ctx, v); err != nil {
			return nil, err
		}
	}
	bodies, err := s.contents(ctx, ready, stored...)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, body := range bodies {
		old, err := domain.ReadState(body)
		if err != nil {
			continue // it was kept when less was asked of a state
		}
		for _, p := range old.Providers {
			known[p] = true
		}
	}
	var missing []string
	for _, p := range f.Providers {
		if known[p] {
			continue
		}
		added = append(added, p)
		if !wellKnown(p) && !slices.Contains(confirmed, p) {
			missing = append(missing, p)
		}
	}
	if missing != nil {
		return nil, domain.Invalid("providers", "the state names providers that this stack has not used, and the next run would execute them: %s; name them here if that is what you want",
			strings.Join(missing, ", "))
	}
	return added, nil
}

func wellKnown(address string) bool {
	for _, p := range []string{"registry.opentofu.org/hashicorp/", "registry.opentofu.org/opentofu/", "registry.terraform.io/hashicorp/", "terraform.io/builtin/"} {
		if strings.HasPrefix(address, p) {
			return true
		}
	}
	return false
}
