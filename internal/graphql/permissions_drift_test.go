package graphql

// putRight is the circumstance of drift detection that starts tracked runs.
const putRight = "drift is to be put right"

var driftPermissions = []permission{
	{field: "stackIntegrationDriftDetectionCreate", doc: "provider_drift/Create", make: func(o *object) vars {
		return vars{"stack": o.stack(), "input": aDriftDetection(false)}
	}},
	{field: "stackIntegrationDriftDetectionCreate", doc: "provider_drift/Create", when: []string{putRight}, make: func(o *object) vars {
		return vars{"stack": o.stack(), "input": aDriftDetection(true)}
	}},
	{field: "stackIntegrationDriftDetectionUpdate", doc: "provider_drift/Update", make: func(o *object) vars {
		return vars{"stack": o.driftDetection(), "input": aDriftDetection(false)}
	}},
	{field: "stackIntegrationDriftDetectionUpdate", doc: "provider_drift/Update", when: []string{putRight}, make: func(o *object) vars {
		return vars{"stack": o.driftDetection(), "input": aDriftDetection(true)}
	}},
	{field: "stackIntegrationDriftDetectionDelete", doc: "provider_drift/Delete", make: func(o *object) vars {
		return vars{"stack": o.driftDetection()}
	}},
}

func aDriftDetection(reconcile bool) vars {
	return vars{"ignoreState": false, "reconcile": reconcile, "schedule": []any{"*/15 * * * *"}, "timezone": "Europe/Paris"}
}

// driftDetection sets up drift detection of a new stack and returns the stack.
func (o *object) driftDetection() string {
	stack := o.stack()
	o.admin.do("provider_drift", "Create", vars{"stack": stack, "input": aDriftDetection(false)})
	return stack
}
