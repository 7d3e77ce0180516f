package graphql

var (
	aboutHimself = []string{"about himself"}
	aboutOthers  = []string{"about somebody else"}
)

// about is a question about somebody in the object's space; "" is the caller.
func (o *object) about(key string, more vars) vars {
	input := vars{"target": vars{"kind": "SPACE", "id": o.space}}
	if key != "" {
		input["actor"] = vars{"kind": "API_KEY", "id": key}
	}
	for name, value := range more {
		input[name] = value
	}
	return vars{"input": input}
}

var doesHeRead = vars{"action": "SPACE_READ"}

var insightPermissions = []permission{
	{field: "explainAccess", when: aboutHimself, make: func(o *object) vars { return o.about("", doesHeRead) }},
	{field: "explainAccess", when: aboutOthers, make: func(o *object) vars { return o.about(o.key(), doesHeRead) }},
	{field: "effectiveAccess", when: aboutHimself, make: func(o *object) vars { return o.about("", nil) }},
	{field: "effectiveAccess", when: aboutOthers, make: func(o *object) vars { return o.about(o.key(), nil) }},
	{field: "whoCan", make: func(o *object) vars { return o.about("", doesHeRead) }},
	{field: "previewAccessChange", doc: `query($input:PreviewAccessChangeInput!){previewAccessChange(input:$input){*}}`, make: func(o *object) vars {
		move := vars{"moveSpace": vars{"spaceId": o.space, "parentSpaceId": "root"}}
		return vars{"input": vars{"changes": []any{move}, "paths": true}}
	}},
	{field: "escalationPaths", doc: `query($input:EscalationPathsInput!){escalationPaths(input:$input){*}}`, make: func(o *object) vars {
		return vars{"input": vars{"to": vars{"kind": "SPACE", "id": o.space}, "role": "space-admin"}}
	}},
	{field: "whoCanBecome", doc: `query($input:WhoCanBecomeInput!){whoCanBecome(input:$input){*}}`, make: func(o *object) vars {
		return vars{"input": vars{"spaceId": o.space, "role": "space-admin"}}
	}},
}
