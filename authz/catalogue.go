package authz

// row is one action of the catalogue.
type row struct {
	kind, verb string
	sentence   string
	fallback   Tier
	flags      uint8
}

const (
	reads uint8 = 1 << iota // the action changes nothing (R25)
	ours                    // beyond the 101 documented actions
)

// catalogue is the single source of the actions: constants, documentation and
// the API's enum are generated from it (go generate ./authz). The first part
// is section 3.3 of the access model, the second R20, the third section 3.4.
// Append within a part; roles store names, so the order is free to change.
var catalogue = []row{
	{"space", "read", "See the space and everything in it; the baseline that every tier needs.", TierReader, reads},
	{"space", "write", "Hold the Writer tier in the space.", TierWriter, 0},
	{"space", "admin", "Hold the Admin tier in the space; at root, administer the account.", TierAdmin, 0},
	{"space", "share-module", "Accept modules that other spaces share with this space.", TierWriter, 0},

	{"run", "cancel", "Cancel a run that does not block its stack.", TierReader, 0},
	{"run", "cancel-blocking", "Cancel a run that holds its stack's lock.", TierWriter, 0},
	{"run", "comment", "Comment on a run.", TierReader, 0},
	{"run", "confirm", "Confirm a plan so that it is applied.", TierWriter, 0},
	{"run", "discard", "Discard a plan instead of applying it.", TierWriter, 0},
	{"run", "prioritize-set", "Raise or lower the priority of a queued run.", TierWriter, 0},
	{"run", "promote", "Start a tracked run for the commit of a proposed run.", TierWriter, 0},
	{"run", "propose-local-workspace", "Start a proposed run from an uploaded directory.", TierWriter, 0},
	{"run", "propose-with-overrides", "Start a proposed run with other environment variables.", TierWriter, 0},
	{"run", "retry", "Retry a run that does not block its stack.", TierReader, 0},
	{"run", "retry-blocking", "Retry a run that blocks its stack.", TierWriter, 0},
	{"run", "review", "Approve or reject a run.", TierWriter, 0},
	{"run", "stop", "Stop a run that does not block its stack.", TierReader, 0},
	{"run", "stop-blocking", "Stop a run that blocks its stack.", TierWriter, 0},
	{"run", "targeted-replan", "Plan a run again for chosen resources only.", TierWriter, 0},
	{"run", "trigger", "Start a run of a stack.", TierWriter, 0},
	{"run", "trigger-with-custom-runtime-config", "Start a run with a runtime configuration of one's own.", TierAdmin, 0},

	{"task", "create", "Run a single command in a stack's workspace.", TierWriter, 0},

	{"stack", "add-config", "Add or change a stack's variables and mounted files.", TierWriter, 0},
	{"stack", "create", "Create stacks in the space.", TierAdmin, 0},
	{"stack", "delete", "Delete a stack.", TierAdmin, 0},
	{"stack", "delete-config", "Remove a stack's variables and mounted files.", TierWriter, 0},
	{"stack", "disable", "Disable a stack so that it starts no runs.", TierAdmin, 0},
	{"stack", "enable", "Enable a disabled stack.", TierAdmin, 0},
	{"stack", "lock", "Lock a stack for one's own use.", TierWriter, 0},
	{"stack", "manage", "Create and update stacks, change their slugs, variables and files, and attach things to them.", TierAdmin, 0},
	{"stack", "managed-state-import", "Import a state file into the managed backend.", TierAdmin, 0},
	{"stack", "managed-state-rollback", "Make an earlier version of the managed state current.", TierAdmin, 0},
	{"stack", "reslug", "Change a stack's slug.", TierAdmin, 0},
	{"stack", "set-current-commit", "Choose the commit that a stack considers current.", TierWriter, 0},
	{"stack", "set-star", "Star or unstar a stack for oneself.", TierReader, 0},
	{"stack", "state-download", "Download a stack's state file.", TierWriter, reads},
	{"stack", "state-read", "Read a stack's state.", TierWriter, reads},
	{"stack", "sync-commit", "Move a stack to the head of its tracked branch.", TierWriter, 0},
	{"stack", "unlock", "Release one's own lock on a stack.", TierWriter, 0},
	{"stack", "unlock-force", "Release anybody's lock on a stack.", TierAdmin, 0},
	{"stack", "update", "Change a stack's details, source, behaviour and vendor.", TierAdmin, 0},
	{"stack", "upload-local-workspace", "Get upload addresses for a local preview.", TierWriter, 0},
	{"stack", "workspace-lock", "Lock the state workspace of a stack.", TierAdmin, 0},
	{"stack", "workspace-unlock", "Unlock the state workspace of a stack.", TierAdmin, 0},

	{"context", "create", "Create contexts in the space.", TierAdmin, 0},
	{"context", "delete", "Delete a context.", TierAdmin, 0},
	{"context", "update", "Change a context.", TierAdmin, 0},

	{"worker", "drain-set", "Drain a worker, or put it back to work.", TierAdmin, 0},
	{"worker-pool", "create", "Create worker pools in the space.", TierAdmin, 0},
	{"worker-pool", "cycle", "Restart all workers of a pool.", TierAdmin, 0},
	{"worker-pool", "delete", "Delete a worker pool.", TierAdmin, 0},
	{"worker-pool", "reset", "Reset a worker pool's credentials.", TierAdmin, 0},
	{"worker-pool", "update", "Change a worker pool.", TierAdmin, 0},

	{"module", "create", "Create modules in the space.", TierAdmin, 0},
	{"module", "disable", "Disable a module.", TierAdmin, 0},
	{"module", "enable", "Enable a disabled module.", TierAdmin, 0},
	{"module", "mark-as-bad", "Mark a module version as bad.", TierWriter, 0},
	{"module", "publish", "Publish a module version.", TierAdmin, 0},
	{"module", "trigger-version", "Start the tests of a module version.", TierWriter, 0},

	{"terraform-provider", "create", "Create providers in the registry.", TierAdmin, 0},
	{"terraform-provider", "delete", "Delete a provider from the registry.", TierAdmin, 0},
	{"terraform-provider", "set-visibility", "Change who may see a provider.", TierAdmin, 0},
	{"terraform-provider", "update", "Change a provider.", TierAdmin, 0},
	{"terraform-provider-version", "create", "Create a provider version.", TierWriter, 0},
	{"terraform-provider-version", "delete", "Delete a provider version.", TierWriter, 0},
	{"terraform-provider-version", "publish", "Publish a provider version.", TierWriter, 0},
	{"terraform-provider-version", "register-platform", "Register a platform's build of a provider version.", TierWriter, 0},
	{"terraform-provider-version", "revoke", "Revoke a provider version.", TierWriter, 0},
	{"terraform-provider-version", "update", "Change a provider version.", TierWriter, 0},

	{"intent-dependencies", "add", "Add dependencies to an Intent project.", TierAdmin, 0},
	{"intent-dependencies", "remove", "Remove dependencies from an Intent project.", TierAdmin, 0},
	{"intent-policy", "create", "Create Intent policies.", TierAdmin, 0},
	{"intent-policy", "delete", "Delete an Intent policy.", TierAdmin, 0},
	{"intent-policy", "update", "Change an Intent policy.", TierAdmin, 0},
	{"intent-project", "cloud-integration-attach", "Attach a cloud integration to an Intent project.", TierAdmin, 0},
	{"intent-project", "cloud-integration-detach", "Detach a cloud integration from an Intent project.", TierAdmin, 0},
	{"intent-project", "config-add", "Add configuration to an Intent project.", TierAdmin, 0},
	{"intent-project", "config-delete", "Remove configuration from an Intent project.", TierAdmin, 0},
	{"intent-project", "config-update", "Change the configuration of an Intent project.", TierAdmin, 0},
	{"intent-project", "create", "Create Intent projects in the space.", TierAdmin, 0},
	{"intent-project", "delete", "Delete an Intent project.", TierAdmin, 0},
	{"intent-project", "disable", "Disable an Intent project.", TierAdmin, 0},
	{"intent-project", "enable", "Enable a disabled Intent project.", TierAdmin, 0},
	{"intent-project", "lock", "Lock an Intent project.", TierAdmin, 0},
	{"intent-project", "policy-attach", "Attach a policy to an Intent project.", TierAdmin, 0},
	{"intent-project", "policy-detach", "Detach a policy from an Intent project.", TierAdmin, 0},
	{"intent-project", "unlock", "Unlock an Intent project.", TierAdmin, 0},
	{"intent-project", "update", "Change an Intent project.", TierAdmin, 0},
	{"intent-resource", "create", "Create a cloud resource.", TierAdmin, 0},
	{"intent-resource", "delete", "Delete a cloud resource.", TierAdmin, 0},
	{"intent-resource", "import", "Import a cloud resource into the Intent state.", TierAdmin, 0},
	{"intent-resource", "refresh", "Refresh what is recorded of a cloud resource.", TierAdmin, 0},
	{"intent-resource", "resume", "Resume an interrupted operation on a cloud resource.", TierAdmin, 0},
	{"intent-resource", "update", "Change a cloud resource.", TierAdmin, 0},
	{"intent-resource-operation", "review", "Approve or reject an operation on a cloud resource.", TierAdmin, 0},
	{"intent-state", "eject", "Remove a resource from the Intent state without deleting it.", TierAdmin, 0},
	{"intent-state", "read", "Read the Intent state in detail.", TierAdmin, reads},

	{"spacelift-vcs", "commit-files", "Commit files to a built-in repository.", TierWriter, 0},
	{"spacelift-vcs", "create", "Create built-in repositories in the space.", TierAdmin, 0},
	{"spacelift-vcs", "delete", "Delete a built-in repository.", TierAdmin, 0},
	{"spacelift-vcs", "update", "Change a built-in repository.", TierWriter, 0},

	{"policy", "create", "Create policies in the space.", TierAdmin, ours},
	{"policy", "update", "Change a policy.", TierAdmin, ours},
	{"policy", "delete", "Delete a policy.", TierAdmin, ours},
	{"policy", "attach", "Attach a policy to stacks, or detach it.", TierAdmin, ours},
	{"policy", "read", "See a policy without seeing the rest of its space.", TierReader, reads | ours},
	{"webhook", "create", "Create webhooks in the space.", TierAdmin, ours},
	{"webhook", "update", "Change a webhook.", TierAdmin, ours},
	{"webhook", "delete", "Delete a webhook.", TierAdmin, ours},
	{"role-binding", "manage", "Bind roles to actors in the space, and remove such bindings.", TierAdmin, ours},
	{"blueprint", "create", "Create blueprints in the space.", TierAdmin, ours},
	{"blueprint", "update", "Change a blueprint.", TierAdmin, ours},
	{"blueprint", "delete", "Delete a blueprint.", TierAdmin, ours},
	{"blueprint", "deploy", "Create a stack from a blueprint.", TierAdmin, ours},
	{"schedule", "create", "Create a schedule of a stack.", TierAdmin, ours},
	{"schedule", "update", "Change a schedule of a stack.", TierAdmin, ours},
	{"schedule", "delete", "Delete a schedule of a stack.", TierAdmin, ours},
	{"drift-detection", "create", "Set up drift detection for a stack.", TierAdmin, ours},
	{"drift-detection", "update", "Change a stack's drift detection.", TierAdmin, ours},
	{"drift-detection", "delete", "Remove a stack's drift detection.", TierAdmin, ours},
	{"stack", "act-as", "Use the powers that stacks hold in the space by changing what those stacks run.", TierAdmin, ours},
	{"run", "read", "See a run by its id, with its logs, without seeing the rest of its space.", TierReader, reads | ours},
	{"stack", "read", "See a stack without seeing the rest of its space.", TierReader, reads | ours},
	{"context", "read", "See a context without seeing the rest of its space.", TierReader, reads | ours},

	{"template", "create", "Create templates in the space.", TierAdmin, ours},
	{"template", "update", "Change a template and its versions.", TierAdmin, ours},
	{"template", "delete", "Delete a template.", TierAdmin, ours},
	{"template-version", "delete", "Delete a version of a template.", TierAdmin, ours},
	{"template-deployment", "create", "Deploy a template.", TierWriter, ours},
	{"template-deployment", "update", "Move a deployment to another version of its template, or change its inputs.", TierAdmin, ours},
	{"template-deployment", "delete", "Delete a deployment of a template.", TierAdmin, ours},
}

// aliases are the other spellings that clients and documents use (R3, section
// 3.4), by the action they mean.
var aliases = map[string][]string{
	"run:stop":                   {"RUN_KILL"},
	"run:stop-blocking":          {"RUN_KILL_BLOCKING"},
	"stack:manage":               {"StackManage"},
	"worker-pool:create":         {"workerpool:create"},
	"drift-detection:create":     {"DRIFT_DETECTION_INTEGRATION_CREATE"},
	"drift-detection:update":     {"DRIFT_DETECTION_INTEGRATION_UPDATE"},
	"drift-detection:delete":     {"DRIFT_DETECTION_INTEGRATION_DELETE"},
	"template:create":            {"CreateBlueprintsVersionedGroup"},
	"template:update":            {"UpdateBlueprintsVersionedGroup"},
	"template:delete":            {"DeleteBlueprintsVersionedGroup"},
	"template-version:delete":    {"DeleteBlueprintVersion"},
	"template-deployment:create": {"CreateBlueprintDeployment"},
	"template-deployment:update": {"UpdateBlueprintDeployment"},
	"template-deployment:delete": {"DeleteBlueprintDeployment"},
}
