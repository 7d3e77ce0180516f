package graphql

import "slices"

// allPermissions is the whole matrix, a file for each file of the schema.
var allPermissions = slices.Concat(
	accountPermissions, auditPermissions, bindingPermissions, configPermissions, contextPermissions, grantPermissions, groupPermissions,
	identityPermissions, insightPermissions, keyPermissions, requestPermissions, reviewPermissions, rolePermissions, runPermissions, runActionPermissions, stackActionPermissions, entityPermissions, spacePermissions, stackPermissions, statePermissions, userPermissions,
	workerPermissions, dependencyPermissions, schedulePermissions, driftPermissions,
	previewPermissions, versionPermissions,
	repoPermissions,
	pushHookPermissions,
	gitCredentialPermissions,
)

// nothingYet are fields that name things that Airlock does not have: they are
// always empty. The value is the way to their object from a stack, or their own
// name.
var nothingYet = map[string]string{
	"Query.module":                  "module",
	"Stack.attachedAwsIntegrations": "stack",
	"Stack.attachedPolicies":        "stack",
	"Stack.moduleVersionsUsed":      "stack",
	"StackIntegrations.awsV2":       "stack.integrations",
	"StackIntegrations.azure":       "stack.integrations",
	"StackIntegrations.webhooks":    "stack.integrations",
	"VcsIntegration.space":          "stack.vcsIntegration",
}
