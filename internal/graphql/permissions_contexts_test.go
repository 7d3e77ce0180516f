package graphql

import "github.com/airlock-project/airlock/authz"

var contextPermissions = []permission{
	{field: "context", doc: "provider_contexts/Read", make: aContext},
	{field: "context.*", doc: `query($id:ID!){context(id:$id){*}}`, make: aContext},
	{field: "contexts", doc: "provider_contexts/All", make: func(o *object) vars { o.shown(o.context()); return nil }, named: names1(authz.ActionContextRead)},
	{
		field: "searchContexts", doc: "spacectl_contexts/Search", named: names1(authz.ActionContextRead),
		make: func(o *object) vars { return searchFor(o.shown(o.context())) },
	},
	{
		field: "autoattachmentForLabels",
		doc:   `query($labels:[String!]!,$space:ID!){autoattachmentForLabels(labels:$labels,space:$space){sample{id}}}`, make: autoToAStack,
	},
	{
		field: "autoattachmentForLabels.sample.*",
		doc:   `query($labels:[String!]!,$space:ID!){autoattachmentForLabels(labels:$labels,space:$space){sample{*}}}`, make: autoToAStack,
	},
	{field: "attachableContextsInSpace", make: func(o *object) vars { o.shown(o.context()); return vars{"id": o.space} }},
	{
		field: "contextCreate",
		make:  func(o *object) vars { return vars{"name": o.name("context")} },
	},
	{
		field: "contextCreateV2", doc: "provider_contexts/Create",
		make: func(o *object) vars { return vars{"input": contextInputOf(o.name("context"), o.space)} },
	},
	{
		field: "contextCreateV2", doc: "provider_contexts/Create", when: []string{"it is attached to a stack"},
		make: func(o *object) vars {
			return vars{"input": with(contextInputOf(o.name("context"), o.space), "stackAttachments", o.onAStack())}
		},
	},
	{
		field: "contextUpdate",
		make:  func(o *object) vars { return vars{"id": o.context(), "name": o.name("context")} },
	},
	{
		field: "contextUpdateV2", doc: "provider_contexts/Update",
		make: func(o *object) vars {
			return vars{"id": o.context(), "input": contextInputOf(o.name("context"), o.space)}
		},
	},
	{
		field: "contextUpdateV2", doc: "provider_contexts/Update", when: []string{"it moves"}, at: toBeside,
		make: func(o *object) vars {
			return vars{"id": o.context(), "input": contextInputOf(o.name("context"), o.there("beside"))}
		},
	},
	{
		field: "contextUpdateV2", doc: "provider_contexts/Update", when: []string{"it is attached to a stack"},
		make: func(o *object) vars {
			return vars{"id": o.context(), "input": with(contextInputOf(o.name("context"), o.space), "stackAttachments", o.onAStack())}
		},
	},
	{field: "contextDelete", doc: "provider_contexts/Delete", make: aContext},
	{
		field: "contextAttach", doc: "provider_contexts/Attach",
		make: func(o *object) vars { return vars{"id": o.context(), "stack": o.stack(), "priority": 0} },
	},
	{
		field: "contextDetach", doc: "provider_contexts/Detach",
		make: func(o *object) vars { return vars{"id": o.attach(o.context(), o.stack())} },
	},

	{field: "context.attachedStack", doc: "provider_contexts/Attachment", make: func(o *object) vars {
		context, stack := o.context(), o.stack()
		o.attach(context, o.shown(stack))
		return vars{"context": context, "project": stack}
	}},
	{field: "context.attachedStacks", doc: `query($id:ID!){context(id:$id){attachedStacks{*}}}`, make: anAttachedContext},
	{field: "context.hasAttachedStacks", doc: `query($id:ID!){context(id:$id){hasAttachedStacks}}`, make: func(o *object) vars {
		out := anAttachedContext(o)
		o.shown("true")
		return out
	}},
	{field: "context.config", doc: `query($id:ID!){context(id:$id){config{*}}}`, make: func(o *object) vars {
		context := o.context()
		o.variableOf("AddToContext", "context", context)
		return vars{"id": context}
	}},
	{field: "context.configElement", doc: "provider_contexts/ReadOfContext", make: func(o *object) vars {
		context := o.context()
		return vars{"context": context, "id": o.variableOf("AddToContext", "context", context)}
	}},
	{field: "stack.attachedContexts.config", doc: `query($id:ID!){stack(id:$id){attachedContexts{config{*}}}}`, make: func(o *object) vars {
		context, stack := o.context(), o.stack()
		o.shown(o.variableOf("AddToContext", "context", context))
		o.attach(context, stack)
		return vars{"id": stack}
	}},
}

func aContext(o *object) vars { return vars{"id": o.context()} }

func anAttachedContext(o *object) vars {
	context := o.context()
	o.attach(context, o.shown(o.stack()))
	return vars{"id": context}
}

func (o *object) onAStack() []any { return []any{vars{"stack": o.stack(), "priority": 0}} }

func autoToAStack(o *object) vars {
	o.shown(o.stack())
	return vars{"space": o.space, "labels": []string{"autoattach:*"}}
}
