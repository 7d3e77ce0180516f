package graphql

import (
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// autoSample is how many stacks are shown of those that a label would attach
// something to.
const autoSample = 100

func newContext(c domain.Context) *view.Context { return &view.Context{Context: c} }

func newContextAttachment(v contexts.AttachmentView) *view.ContextAttachment {
	return &view.ContextAttachment{
		ContextAttachment: v.ContextAttachment, Of: v.ContextOf, StackName: view.Optional(v.StackOf.Name),
	}
}

func newContextStackAttachment(v contexts.AttachmentView) *view.ContextStackAttachment {
	return &view.ContextStackAttachment{ContextAttachment: v.ContextAttachment, StackName: v.StackOf.Name}
}

func contextInput(in generated.ContextInput) (contexts.Input, error) {
	out := contexts.Input{
		Name:        in.Name,
		Description: text(in.Description),
		Labels:      in.Labels,
		Space:       domain.SpaceID(text(in.Space)),
		Hooks:       hooksInput(in.Hooks),
	}
	for _, a := range in.StackAttachments {
		out.Stacks = append(out.Stacks, contexts.StackAttachment{Stack: domain.StackID(a.Stack), Priority: a.Priority})
	}
	var err error
	out.Config, err = configAttachments(in.ConfigAttachments)
	return out, err
}

var searchableContexts = searchable[domain.Context]{
	id: func(c domain.Context) string { return string(c.ID) },
	words: func(c domain.Context) []string {
		return append([]string{c.Name, string(c.ID), c.Description}, c.Labels...)
	},
	fields: map[string]func(domain.Context) []string{
		"id":        func(c domain.Context) []string { return []string{string(c.ID)} },
		"name":      func(c domain.Context) []string { return []string{c.Name} },
		"label":     func(c domain.Context) []string { return c.Labels },
		"labels":    func(c domain.Context) []string { return c.Labels },
		"space":     func(c domain.Context) []string { return []string{string(c.Space)} },
		"createdAt": func(c domain.Context) []string { return []string{sortableTime(c.CreatedAt)} },
		"updatedAt": func(c domain.Context) []string { return []string{sortableTime(c.UpdatedAt)} },
	},
}
