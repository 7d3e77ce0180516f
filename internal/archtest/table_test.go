package archtest

// row says what the packages of one folder, subfolders included, may import.
// A subfolder with a row of its own follows that row instead.
type row struct {
	folder string
	// own lists folders of this module, each with its subfolders.
	own []string
	// libraries lists module paths outside the standard library.
	libraries []string
	// testOnly marks a folder that only tests, and other folders like it, may
	// import; in turn it may import whatever a test may.
	testOnly bool
	// why is printed with every violation.
	why string
}

// anything, in own or libraries, lifts the restriction.
const anything = "*"

// useCase returns the row of a use case: gate, then rule, then store.
func useCase(noun string) row {
	return row{
		folder: "internal/" + noun,
		own:    []string{"authz", "internal/domain", "internal/access"},
		why: "a use case asks the gate, applies the rule and calls the store through an interface that it declares itself; " +
			"it knows no SQL, no wire format and no other use case",
	}
}

// table is the architecture. docs/architecture.md shows the same rows.
var table = []row{
	{
		folder: "authz",
		why:    "the decision core is a pure function that other programs embed: standard library only",
	},
	{
		folder: "authz/reference",
		own:    []string{"authz"},
		why:    "the second evaluator walks a world by itself: it takes the types and the catalogue, and nothing that decides",
	},
	{
		folder: "internal/domain",
		own:    []string{"authz"},
		// Unicode forms of names, version constraints as the tools read them, names of
		// images as registries do, and globs: no I/O.
		libraries: []string{"golang.org/x/text", "github.com/hashicorp/go-version", "github.com/distribution/reference", "github.com/bmatcuk/doublestar/v4"},
		why:       "nouns and their rules are plain values: no I/O, nothing that they could be coupled to",
	},
	{
		folder: "internal/access",
		own:    []string{"authz", "internal/domain"},
		why:    "the gate reads through the small interface that it declares, so that no store can go round it",
	},

	useCase("spaces"),
	useCase("stacks"),
	useCase("contexts"),
	useCase("dependencies"),
	useCase("policies"),
	useCase("roles"),
	useCase("bindings"),
	{
		folder:    "internal/runs",
		own:       []string{"authz", "internal/domain", "internal/access"},
		libraries: []string{"github.com/bmatcuk/doublestar/v4"}, // globs with **, as stacks name them
		why:       "a use case asks the gate, applies the rule and calls the store; which paths concern a stack is such a rule",
	},
	useCase("repos"),
	useCase("pushhooks"),
	useCase("gitcredentials"),
	useCase("statuses"),
	useCase("states"),
	useCase("audit"),
	useCase("insight"),
	useCase("workers"),
	useCase("webhooks"),
	useCase("upkeep"),
	{
		folder:    "internal/schedules",
		own:       []string{"authz", "internal/domain", "internal/access"},
		libraries: []string{"github.com/netresearch/go-cron"}, // reads cron lines; nothing else of it is used
		why:       "a use case that knows cron lines beside what use cases know",
	},
	{
		folder:    "internal/identity",
		own:       []string{"authz", "internal/domain", "internal/access"},
		libraries: []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "github.com/go-jose/go-jose/v4", "golang.org/x/crypto"},
		why:       "identity is a use case, and the only one that issues and verifies tokens",
	},
	{
		folder: "internal/account",
		own:    []string{"authz", "internal/domain", "internal/access", "internal/identity"},
		why:    "the first start and the account's settings are use cases; the first also needs a key, which only identity can make",
	},

	{
		folder:    "internal/rego",
		own:       []string{"internal/domain"},
		libraries: []string{"github.com/open-policy-agent/opa"},
		why:       "policies are evaluated on data that the caller brings; the engine reaches nothing else",
	},
	{
		folder:    "internal/tofu",
		own:       []string{"internal/domain", "internal/secrets"},
		libraries: []string{"github.com/hashicorp/terraform-json", "github.com/hashicorp/hcl", "github.com/zclconf/go-cty"},
		why:       "the worker's side runs where the control plane's data must not be: it knows a binary and its JSON",
	},
	{
		folder:    "internal/vcs",
		own:       []string{"internal/domain", "internal/secrets", "internal/outbound"},
		libraries: []string{"golang.org/x/crypto"}, // reads ssh keys and plays their agent
		why:       "a checkout runs where the control plane's data must not be",
	},
	{
		folder: "internal/outbound",
		why:    "what decides where the server may call knows nothing of what is sent there",
	},
	{
		folder:    "internal/runtimeconfig",
		own:       []string{"internal/domain"},
		libraries: []string{"go.yaml.in/yaml/v3"},
		why:       "both sides read the same documents, and neither's data is needed for that",
	},
	{
		folder:    "internal/sandbox",
		libraries: []string{"golang.org/x/sys"},
		why:       "what shuts the processes of runs in knows the system and nothing of runs",
	},
	{
		folder:    "internal/container",
		own:       []string{"internal/domain", "internal/sandbox"},
		libraries: []string{"golang.org/x/sys"},
		why:       "what starts the processes of runs in containers knows the engine, the users that runs get, and nothing of runs",
	},
	{
		folder:    "internal/objects",
		own:       []string{"internal/domain"},
		libraries: []string{"github.com/minio/minio-go/v7"},
		why:       "object storage is given encrypted bodies under names that say nothing, and knows no more of them",
	},
	{
		folder:   "internal/objects/s3test",
		testOnly: true,
		why:      "it starts a server for tests",
	},
	{
		folder:    "internal/secrets",
		libraries: []string{"filippo.io/age", "golang.org/x/crypto"},
		why:       "encryption and redaction are used by both sides and know neither",
	},
	{
		folder:    "internal/telemetry",
		libraries: []string{"github.com/prometheus/client_golang", "go.opentelemetry.io"},
		why:       "telemetry is used by everybody and must drag nothing in",
	},

	{
		folder: "internal/workerapi",
		own: []string{
			"internal/domain", "internal/access", "internal/runs", "internal/states", "internal/workers",
			"internal/statebackend", // a job says where its state is
			"internal/secrets",      // jobs are sealed for their pool
		},
		why: "a wire contract translates and calls the use cases that it serves",
	},
	{
		folder: "internal/statebackend",
		own:    []string{"internal/domain", "internal/access", "internal/identity", "internal/runs", "internal/states"},
		why:    "a wire contract translates and calls the use cases that it serves",
	},
	{
		folder: "internal/uploads",
		own:    []string{"internal/domain", "internal/runs"},
		why:    "a wire contract translates and calls the use cases that it serves",
	},
	{
		folder: "internal/pushes",
		own:    []string{"internal/domain", "internal/pushhooks", "internal/vcs"},
		why:    "a wire contract translates and calls the use cases that it serves; what a branch may be called, the checkout knows",
	},
	{
		folder: "internal/authzen",
		own:    []string{"authz", "internal/domain", "internal/access", "internal/identity"},
		why:    "a wire contract translates and calls the use cases that it serves",
	},
	{
		folder: "internal/runner",
		own:    []string{"internal/domain", "internal/workerapi", "internal/tofu", "internal/vcs", "internal/secrets", "internal/sandbox", "internal/container", "internal/runtimeconfig"},
		// Version constraints must be read exactly as OpenTofu reads them.
		libraries: []string{"github.com/hashicorp/go-version"},
		why:       "a worker runs far from the database: what it knows came over the worker API",
	},

	{
		folder: "internal/store",
		own:    []string{"authz", "internal/domain", "internal/access"},
		libraries: []string{
			"github.com/jackc/pgx/v5", "modernc.org/sqlite", "github.com/pressly/goose/v3",
		},
		why: "the store takes Permit and Scope from the gate and implements interfaces that the use cases declare, so it imports none of them",
	},
	{
		folder:   "internal/store/storetest",
		testOnly: true,
		why:      "the conformance suite is a test that lives outside a test file, so that every store can run it",
	},
	{
		folder: "internal/graphql",
		own: []string{
			"authz", "internal/domain", "internal/access", "internal/identity", "internal/account",
			"internal/spaces", "internal/stacks", "internal/contexts", "internal/dependencies", "internal/policies", "internal/roles", "internal/bindings",
			"internal/runs", "internal/states", "internal/audit", "internal/workers", "internal/webhooks", "internal/insight", "internal/repos", "internal/pushhooks", "internal/gitcredentials", "internal/statuses",
			"internal/schedules", "internal/runtimeconfig",
		},
		libraries: []string{"github.com/99designs/gqlgen", "github.com/vektah/gqlparser/v2", "github.com/vikstrous/dataloadgen"},
		why:       "GraphQL translates, calls a use case and translates back; it has no rule and no SQL of its own",
	},
	{
		folder: "internal/httpserver",
		own: []string{
			"internal/domain", "internal/graphql", "internal/workerapi", "internal/statebackend", "internal/authzen",
			"internal/identity", "internal/telemetry", "web",
			"internal/access", // the caller travels in the request's context
		},
		why: "the server routes to doors that already decide; it decides nothing itself",
	},
	{
		folder:    "internal/cli",
		libraries: []string{"github.com/alecthomas/kong"},
		why:       "the command line is a client of the public API like any other: what it knows, the API told it",
	},
	{
		folder: "web",
		why:    "the console is embedded as files and speaks the public API like everybody else",
	},

	{folder: "cmd/airlock", own: []string{anything}, libraries: []string{anything}, why: "main wires everything together"},
	{folder: "tools", own: []string{anything}, libraries: []string{anything}, why: "tools build and test the product and are no part of it"},
	{folder: "e2e", testOnly: true, why: "stories drive the real binary from outside"},
	{folder: "internal/pgtest", testOnly: true, why: "databases for tests have no business in the product"},
	{folder: "internal/archtest", why: "the rules depend on nothing that they rule"},
}

// bannedNames say nothing about what is inside; a helper lives beside its only
// user or gets a name.
var bannedNames = []string{"pkg", "util", "utils", "common", "helper", "helpers", "models", "misc"}

// bannedLibraries may be imported nowhere, tests included.
var bannedLibraries = map[string]string{
	"github.com/stretchr/testify": "tests use the standard library and go-cmp: one way to say what went wrong",
}

// reserved names what one folder alone may import, tests aside.
var reserved = map[string]reservation{
	"database/sql": {folder: "internal/store", why: "all SQL is in the store, where a write takes a permit"},
}

type reservation struct{ folder, why string }
