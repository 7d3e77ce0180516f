package contexts_test

import (
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestCase63NewEnemy: somebody loses his role, and then something is written
// that he must not see. He asks two servers all the time and never sees it.
func TestCase63NewEnemy(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "bob")
		bob, admin := b.As(t, "bob"), b.As(t, "root-admin")
		servers := []*contexts.Service{b.Service, contexts.New(store.Bind[contexts.Tx](b.Open(t)), access.NewGate(), b.IDs)}
		stop, done := make(chan struct{}), make(chan bool)
		for i, s := range servers {
			go func() {
				defer func() { done <- true }()
				for {
					select {
					case <-stop:
						return
					default:
					}
					list, err := s.Config(bob, "of-vault")
					if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
						t.Errorf("server %d: %v", i, err)
						return
					}
					for _, c := range list {
						if c.ID == "SECRET" {
							t.Errorf("server %d shows what was written after the role was gone", i)
							return
						}
					}
				}
			}()
		}
		for range storetest.Rounds(t) / 10 {
			id := b.Bind(t, "bob", "space-reader", "vault")
			b.Unbind(t, id)
			if _, err := b.AddConfig(admin, "of-vault", variable("SECRET", "x")); err != nil {
				t.Error(err)
			}
			if _, err := b.DeleteConfig(admin, "of-vault", "SECRET"); err != nil {
				t.Error(err)
			}
		}
		close(stop)
		<-done
		<-done
	})
}
