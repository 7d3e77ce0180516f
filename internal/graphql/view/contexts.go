package view

import (
	"encoding/base64"

	"github.com/airlock-project/airlock/internal/domain"
)

// Context is a context as the API shows it.
type Context struct{ domain.Context }

func (c *Context) Description() *string { return Optional(c.Context.Description) }
func (c *Context) Space() string        { return string(c.Context.Space) }
func (c *Context) CreatedAt() int       { return Seconds(c.Context.CreatedAt) }
func (c *Context) UpdatedAt() int       { return Seconds(c.Context.UpdatedAt) }

// ContextAttachment is a context on a stack. Of is the attached context; its
// configuration is a resolver.
type ContextAttachment struct {
	domain.ContextAttachment
	Of        domain.Context
	StackName *string // nil where the caller may not read the stack
}

func (a *ContextAttachment) ContextDescription() *string { return Optional(a.Of.Description) }
func (a *ContextAttachment) ContextID() string           { return string(a.ContextAttachment.Context) }
func (a *ContextAttachment) ContextLabels() []string     { return a.Of.Labels }
func (a *ContextAttachment) ContextName() string         { return a.Of.Name }
func (a *ContextAttachment) StackID() string             { return string(a.Stack) }
func (a *ContextAttachment) IsAutoattached() bool        { return a.Auto }
func (a *ContextAttachment) IsModule() bool              { return false }

// ContextStackAttachment is a stack that a context is attached to.
type ContextStackAttachment struct {
	domain.ContextAttachment
	StackName string
}

func (a *ContextStackAttachment) StackID() string      { return string(a.Stack) }
func (a *ContextStackAttachment) IsAutoattached() bool { return a.Auto }
func (a *ContextStackAttachment) IsModule() bool       { return false }

// ConfigElement is a variable or mounted file as the API shows it.
type ConfigElement struct {
	domain.Config
	// Runtime is set for what the control plane itself adds to a run.
	Runtime bool
}

func (e *ConfigElement) Description() *string { return Optional(e.Config.Description) }
func (e *ConfigElement) FileMode() *string    { return Optional(e.Config.FileMode) }
func (e *ConfigElement) CreatedAt() int       { return Seconds(e.Config.CreatedAt) }

// Value is the value in its form on the wire, nil if it is write-only.
func (e *ConfigElement) Value() *string {
	if e.WriteOnly {
		return nil
	}
	v := e.Config.Value
	if e.Type == domain.ConfigFileMount {
		v = base64.StdEncoding.EncodeToString([]byte(v))
	}
	return &v
}

// ConfigElements are several of them, in their order.
func ConfigElements(list []domain.Config) []*ConfigElement {
	out := make([]*ConfigElement, len(list))
	for i, c := range list {
		out[i] = &ConfigElement{Config: c}
	}
	return out
}
