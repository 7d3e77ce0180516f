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
