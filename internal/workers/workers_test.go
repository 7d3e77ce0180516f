package workers_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/workers"
)

type bench struct {
	*storetest.Kit
	*workers.Service
}

const endpoint = "https://airlock.example.com"

// each runs a test on both databases with the access model's fixture and the
// pools of-root, of-apps and of-vault, each in the space of its name.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		for _, space := range []domain.SpaceID{"root", "apps", "vault"} {
			k.Pool(t, domain.WorkerPoolID("of-"+space), space)
		}
		tokens := workers.Tokens{New: k.IDs.ULID, Hash: hash}
		test(t, bench{k, workers.New(store.Bind[workers.Tx](k.Store), access.NewGate(), k.IDs, tokens, endpoint)})
	})
}

func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func (b bench) check(t *testing.T, want domain.Code, ask func() error) domain.AuditEntry {
	t.Helper()
	if want == "" {
		return b.Allowed(t, ask)
	}
	return b.Denied(t, want, ask)
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// request is a certificate signing request as clients send it.
func request(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return encoded("CERTIFICATE REQUEST", der)
}

func encoded(kind string, der []byte) string {
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// token is the token in a config.
func token(t *testing.T, config string) string {
	t.Helper()
	var pool struct{ Endpoint, Token string }
	raw, err := base64.StdEncoding.DecodeString(config)
	if err == nil {
		err = json.Unmarshal(raw, &pool)
	}
	if err != nil || pool.Endpoint != endpoint {
		t.Fatalf("config %q: %+v, %v", config, pool, err)
	}
	return pool.Token
}

// key is what a token proves.
func (b bench) key(t *testing.T, token string) (key domain.PoolKey) {
	t.Helper()
	b.View(t, func(tx *store.Tx) (err error) {
		key, err = tx.WorkerPoolByToken(t.Context(), hash(token))
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil
		}
		return err
	})
	return key
}

// TestA47A82A87Rights asks as everybody for everything.
func TestA47A82A87Rights(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		csr := request(t)
		b.AddKey(t, "controller")
		b.Bind(t, "controller", "worker-pool-controller", "apps")
		b.Role(t, "resetter", authz.ActionSpaceRead, authz.ActionWorkerPoolReset)
		b.AddKey(t, "rex")
		b.Bind(t, "rex", "resetter", "apps")
		b.Role(t, "by-name", authz.ActionWorkerPoolUpdate)
		b.AddKey(t, "blind")
		b.Bind(t, "blind", "by-name", "apps")
		f, n := domain.CodeForbidden, domain.CodeNotFound
		for who, want := range map[string]struct {
			create, update, reset, remove, get domain.Code
			config                             bool
		}{
			"root-admin": {config: true}, "ann": {config: true},
			"controller": {reset: f}, // A47: no reset, and so no token
			"rex":        {create: f, update: f, remove: f, config: true},
			"will":       {f, f, f, f, "", false}, // he reads apps (A87)
			"rita":       {n, n, n, n, n, false},
			"blind":      {create: f, reset: f, remove: f, get: n}, // R5
			"nobody":     {n, n, n, n, n, false},
		} {
			t.Run(who, func(t *testing.T) {
				ctx, id := b.As(t, who), domain.WorkerPoolID("p-"+who)
				b.Pool(t, id, "apps")
				_, err := b.Get(ctx, id)
				if domain.ErrorCode(err) != want.get {
					t.Errorf("get: %v", err)
				}
				config, err := b.Config(ctx, id)
				if err != nil || (config != "") != want.config {
					t.Errorf("config %q, %v", config, err)
				}
				row := b.check(t, want.create, func() error {
					_, err := b.Create(ctx, workers.Input{Name: who, Space: "apps", Request: csr})
					return err
				})
				if row.Event != "worker_pool.create" || !cmp.Equal(row.Spaces, []domain.SpaceID{"apps"}) {
					t.Errorf("recorded %+v", row)
				}
				b.check(t, want.update, func() error { _, err := b.Update(ctx, id, workers.Input{Name: "new"}); return err })
				b.check(t, want.reset, func() error { _, err := b.Reset(ctx, id, csr); return err })
				b.check(t, want.remove, func() error { _, err := b.Delete(ctx, id); return err })
			})
		}
		nobody := b.As(t, "")
		_, err := b.Create(nobody, workers.Input{Name: "x", Request: csr})
		wantCode(t, err, domain.CodeUnauthenticated)
		_, err = b.List(nobody)
		wantCode(t, err, domain.CodeUnauthenticated)
	})
}

// TestTokens: what a creation hands over works, stays readable, and ends with
// a reset.
func TestTokens(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ann, csr := b.As(t, "ann"), request(t)
		limit := -1
		in := workers.Input{Name: "Build Ω", Description: "d", Labels: []string{"l"}, Space: "apps", DriftRunLimit: &limit, Request: csr}
		made, err := b.Create(ann, in)
		if err != nil {
			t.Fatal(err)
		}
		first := token(t, made.Config)
		if got := b.key(t, first); got != (domain.PoolKey{Pool: made.ID}) {
			t.Errorf("the token proves %+v", got)
		}
		read, err := b.Get(ann, made.ID)
		if diff := cmp.Diff(made.WorkerPool, read.WorkerPool); diff != "" || err != nil || read.Config != "" {
			t.Errorf("made and read differ:\n%s%v", diff, err)
		}
		if config, err := b.Config(ann, made.ID); config != made.Config || err != nil {
			t.Errorf("read config %q, %v", config, err)
		}
		if strings.Contains(fmt.Sprint(b.Digest(t)), first) || strings.Contains(fmt.Sprint(b.Audit(t)), first) {
			t.Error("the token is kept in the clear")
		}
		b.Clock.Advance(time.Hour)
		reset, err := b.Reset(ann, made.ID, csr)
		if err != nil || reset.Config == made.Config || reset.Generation != 1 || !reset.UpdatedAt.Equal(b.Clock.Now()) {
			t.Fatalf("reset %+v, %v", reset, err)
		}
		if old, now := b.key(t, first), b.key(t, token(t, reset.Config)); old.Pool != "" || now != (domain.PoolKey{Pool: made.ID, Generation: 1}) {
			t.Errorf("the old token proves %+v, the new one %+v", old, now)
		}
		updated, err := b.Update(ann, made.ID, workers.Input{Name: "Build"})
		if err != nil || updated.Space != "apps" || updated.Description != "" || updated.Labels != nil || updated.DriftRunLimit != nil {
			t.Errorf("updated %+v, %v", updated, err)
		}
		if config, _ := b.Config(ann, made.ID); config != reset.Config {
			t.Error("an update changed the token")
		}
		if v, err := b.Create(b.As(t, "root-admin"), workers.Input{Name: "x", Request: csr}); err != nil || v.Space != domain.RootSpace {
			t.Errorf("without a space: %+v, %v", v, err)
		}
	})
}

// TestCase84Hijack: a token gives the secrets of all the pool's runs away, so
// who does not administer all of its stacks neither reads nor resets it (E12).
func TestCase84Hijack(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "resetter", authz.ActionSpaceRead, authz.ActionWorkerPoolReset)
		b.AddKey(t, "rex")
		b.Bind(t, "rex", "resetter", "root")
		csr := request(t)
		reset := func(who string) func() error {
			return func() error { _, err := b.Reset(b.As(t, who), "of-root", csr); return err }
		}
		reads := func(who string) bool {
			config, err := b.Config(b.As(t, who), "of-root")
			if err != nil {
				t.Fatal(err)
			}
			return config != ""
		}
		b.Allowed(t, reset("rex")) // nobody uses it yet
		if !reads("rex") {
			t.Error("rex does not read what he may reset")
		}
		b.Stack(t, "in-dev", "dev", func(s *domain.Stack) { s.WorkerPool = "of-root" })
		row := b.Denied(t, domain.CodeForbidden, reset("rex"))
		if !cmp.Equal(row.Spaces, []domain.SpaceID{"root", "dev"}) || !strings.Contains(row.Reason, "stacks of other spaces use the worker pool") {
			t.Errorf("recorded %+v", row)
		}
		if reads("rex") || !reads("root-admin") {
			t.Error("the wrong ones read the token")
		}
		b.Bind(t, "rex", "space-admin", "apps")
		b.Allowed(t, reset("rex"))
		b.Stack(t, "in-net", "net", func(s *domain.Stack) { s.WorkerPool = "of-root" })
		b.Denied(t, domain.CodeForbidden, reset("rex"))
		b.Allowed(t, reset("root-admin"))

		// G3: a run that only plans takes nothing over.
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "r0"}, "space-admin", "root")
		for state, want := range map[domain.RunState]bool{domain.RunPlanning: false, domain.RunApplying: true} {
			run := b.AsStack(t, domain.Run{ID: "run", StackID: "r0", State: state})
			if config, err := b.Config(run, "of-root"); (config != "") != want || err != nil {
				t.Errorf("%s: config %q, %v", state, config, err)
			}
		}
	})
}

// TestG2PoolToken: the act-as rule holds for whoever takes over the runs of
// stacks that hold roles elsewhere.
func TestG2PoolToken(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "strong", "dev", func(s *domain.Stack) { s.WorkerPool = "of-apps" })
		csr := request(t)
		reset := func(who string) func() error {
			return func() error { _, err := b.Reset(b.As(t, who), "of-apps", csr); return err }
		}
		b.NoActAs(t, reset("ann"))
		id := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "strong"}, "space-admin", "platform")
		b.ActAs(t, domain.LentRole{Stack: "strong", Role: "space-admin", Space: "platform", Binding: id}, reset("ann"))
		b.NoActAs(t, reset("root-admin"))
		for mode, want := range map[domain.ActAsMode]bool{domain.ActAsEnforce: false, domain.ActAsWarn: true, domain.ActAsOff: true} {
			b.SetActAs(t, mode)
			if config, err := b.Config(b.As(t, "ann"), "of-apps"); err != nil || (config != "") != want {
				t.Errorf("%s: config %q, %v", mode, config, err)
			}
		}
	})
}

// TestA116Move needs Space admin at both ends, and every stack stays in reach.
func TestA116Move(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "user", "apps", func(s *domain.Stack) { s.WorkerPool = "of-apps" })
		b.Stack(t, "user-2", "dev", func(s *domain.Stack) { s.WorkerPool = "of-apps" })
		b.AddKey(t, "controller")
		b.Bind(t, "controller", "worker-pool-controller", "root")
		move := func(who string, to domain.SpaceID) func() error {
			return func() error {
				_, err := b.Update(b.As(t, who), "of-apps", workers.Input{Name: "of-apps", Space: to})
				return err
			}
		}
		b.Denied(t, domain.CodeForbidden, move("ann", "root"))
		b.Denied(t, domain.CodeForbidden, move("controller", "root"))
		b.Denied(t, domain.CodeNotFound, move("ann", "vault"))
		b.Denied(t, domain.CodeNotFound, move("root-admin", "nope"))
		row := b.Denied(t, domain.CodeConflict, move("root-admin", "vault"))
		if !strings.Contains(row.Reason, "stack user of space apps would lose worker pool of-apps of space apps") || !strings.Contains(row.Reason, "stack user-2") {
			t.Errorf("recorded %s", row.Reason)
		}
		b.Denied(t, domain.CodeConflict, move("ann", "dev")) // user is in apps
		row = b.Allowed(t, move("root-admin", "root"))
		if !cmp.Equal(row.Spaces, []domain.SpaceID{"apps", "root"}) {
			t.Errorf("recorded spaces %v", row.Spaces)
		}
		row = b.Denied(t, domain.CodeConflict, func() error { _, err := b.Delete(b.As(t, "root-admin"), "of-apps"); return err })
		if !strings.Contains(row.Reason, "stack user-2 of space dev would lose worker pool of-apps") {
			t.Errorf("recorded %s", row.Reason)
		}
	})
}

// TestA114Attachable lists what stacks of a space may choose.
func TestA114Attachable(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		names := func(list []workers.View, err error) string {
			out := []string{}
			for _, v := range list {
				out = append(out, string(v.ID))
			}
			if err != nil {
				out = append(out, string(domain.ErrorCode(err)))
			}
			return strings.Join(out, " ")
		}
		for _, c := range []struct {
			who   string
			space domain.SpaceID
			want  string
		}{
			{"root-admin", "dev", "of-apps of-root"}, {"root-admin", "vault-x", "of-vault"}, {"root-admin", "prod", ""},
			{"root-admin", "nope", "not_found"}, {"will", "dev", "of-apps of-root"}, {"rita", "prod", ""}, {"rita", "dev", "not_found"},
		} {
			if got := names(b.Attachable(b.As(t, c.who), c.space)); got != c.want {
				t.Errorf("%s in %s: %s, want %s", c.who, c.space, got, c.want)
			}
		}
		for who, want := range map[string]string{"root-admin": "of-apps of-root of-vault", "will": "of-apps of-root", "rita": "", "nobody": ""} {
			if got := names(b.List(b.As(t, who))); got != want {
				t.Errorf("%s lists %s, want %s", who, got, want)
			}
		}
	})
}

// TestR24Pool: a role on one pool counts there and nowhere else, follows it on
// a move and ends with it.
func TestR24Pool(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		one := authz.EntityRef{Kind: authz.EntityWorkerPool, ID: "of-apps"}
		b.AddKey(t, "carl")
		b.BindEntity(t, "carl", "space-admin", one)
		ctx, csr := b.As(t, "carl"), request(t)
		list, err := b.List(ctx)
		if err != nil || len(list) != 1 || list[0].ID != "of-apps" {
			t.Errorf("listed %+v, %v", list, err)
		}
		b.Allowed(t, func() error { _, err := b.Reset(ctx, "of-apps", csr); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.Reset(ctx, "of-root", csr); return err })
		move := func(to domain.SpaceID) func() error {
			return func() error { _, err := b.Update(ctx, "of-apps", workers.Input{Name: "moved", Space: to}); return err }
		}
		b.Denied(t, domain.CodeNotFound, move("vault")) // it counts where the pool leaves, not where it arrives
		b.Bind(t, "carl", "space-admin", "vault")
		b.Allowed(t, move("vault"))
		if config, err := b.Config(ctx, "of-apps"); err != nil || config == "" {
			t.Errorf("config %q, %v", config, err)
		}
		b.Allowed(t, func() error { _, err := b.Delete(ctx, "of-apps"); return err })
		if strings.Contains(b.Digest(t)["role_bindings"], `"of-apps"`) {
			t.Error("a deleted pool left bindings")
		}
	})
}

// TestLoads counts what waits and what is being done.
func TestLoads(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "user", "apps", func(s *domain.Stack) { s.WorkerPool = "of-apps" })
		b.Run(t, "user", domain.RunReady)
		b.Run(t, "k", domain.RunReady)
		v, err := b.Get(b.As(t, "will"), "of-apps")
		if err != nil || v.Load.Pending != 1 || v.Load.Busy != nil {
			t.Errorf("load %+v, %v", v.Load, err)
		}
		load, err := b.BuiltIn(b.As(t, "rita"))
		if err != nil || load.Pending != 1 {
			t.Errorf("built in: %+v, %v", load, err)
		}
		_, err = b.BuiltIn(b.As(t, "nobody"))
		wantCode(t, err, domain.CodeNotFound)
	})
}

// TestR23Hidden compares hidden and missing, and what is built in.
func TestR23Hidden(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		csr := request(t)
		for name, ask := range map[string]func(ctx context.Context, id domain.WorkerPoolID) error{
			"get": func(ctx context.Context, id domain.WorkerPoolID) error { _, err := b.Get(ctx, id); return err },
			"update": func(ctx context.Context, id domain.WorkerPoolID) error {
				_, err := b.Update(ctx, id, workers.Input{Name: "x"})
				return err
			},
			"reset":  func(ctx context.Context, id domain.WorkerPoolID) error { _, err := b.Reset(ctx, id, csr); return err },
			"delete": func(ctx context.Context, id domain.WorkerPoolID) error { _, err := b.Delete(ctx, id); return err },
		} {
			rita := b.As(t, "rita")
			hidden, missing, builtIn := ask(rita, "of-apps"), ask(rita, "nope"), ask(b.As(t, "root-admin"), domain.DefaultWorkerPool)
			wantCode(t, hidden, domain.CodeNotFound)
			if hidden.Error() != missing.Error() || builtIn == nil || builtIn.Error() != missing.Error() {
				t.Errorf("%s: hidden %v, missing %v, built in %v", name, hidden, missing, builtIn)
			}
		}
	})
}

func TestBadPools(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin, csr := b.As(t, "root-admin"), request(t)
		create := func(in workers.Input) func() error {
			if in.Request == "" {
				in.Request = csr
			}
			return func() error { _, err := b.Create(admin, in); return err }
		}
		for name, bad := range storetest.Hostile() {
			t.Run(name, func(t *testing.T) {
				b.Invalid(t, "name", create(workers.Input{Name: bad}))
				b.Invalid(t, "name", func() error { _, err := b.Update(admin, "of-root", workers.Input{Name: bad}); return err })
				b.Invalid(t, "labels", create(workers.Input{Name: "x", Labels: []string{bad}}))
				if bad != "" {
					b.Denied(t, domain.CodeNotFound, create(workers.Input{Name: "x", Space: domain.SpaceID(bad)}))
				}
			})
		}
		b.Invalid(t, "description", create(workers.Input{Name: "x", Description: "\x00"}))
		for _, limit := range []int{-2, 1 << 31} {
			b.Invalid(t, "driftDetectionRunLimit", create(workers.Input{Name: "x", DriftRunLimit: &limit}))
		}
		raw, err := base64.StdEncoding.DecodeString(csr)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(raw)
		forged := append([]byte(nil), block.Bytes...)
		forged[len(forged)-1] ^= 1
		for name, bad := range map[string]string{
			"words": "not base64!", "no PEM": base64.StdEncoding.EncodeToString([]byte("x")), "other block": encoded("CERTIFICATE", block.Bytes),
			"cut": encoded("CERTIFICATE REQUEST", block.Bytes[:20]), "forged": encoded("CERTIFICATE REQUEST", forged), "long": strings.Repeat("A", 20<<10),
		} {
			t.Run(name, func(t *testing.T) {
				b.Invalid(t, "certificateSigningRequest", create(workers.Input{Name: "x", Request: bad}))
				b.Invalid(t, "certificateSigningRequest", func() error { _, err := b.Reset(admin, "of-root", bad); return err })
			})
		}
	})
}
