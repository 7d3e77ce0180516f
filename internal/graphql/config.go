package graphql

import (
	"encoding/base64"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

func newConfigElement(c domain.Config) *view.ConfigElement {
	return &view.ConfigElement{Config: c}
}

// findConfig picks one element of a list; null if it is not there.
func findConfig(list []domain.Config, err error, id string) (*view.ConfigElement, error) {
	for _, c := range list {
		if c.ID == id {
			return newConfigElement(c), err
		}
	}
	return nil, err
}

// elementOrNull answers the removal of an element that was not there with
// null. That its owner is not there stays an error.
func elementOrNull(c domain.Config, err error) (*view.ConfigElement, error) {
	if missing := domain.NotFound("config element"); err != nil && err.Error() == missing.Error() {
		return nil, nil
	}
	return one(c, err, newConfigElement)
}

func configInput(in generated.ConfigInput) (domain.Config, error) {
	return plainConfig(domain.Config{
		ID: in.ID, Type: in.Type, Value: in.Value, WriteOnly: in.WriteOnly, Description: text(in.Description),
	})
}

func configAttachments(list []*generated.ConfigAttachments) ([]domain.Config, error) {
	out := make([]domain.Config, 0, len(list))
	for _, in := range list {
		c, err := plainConfig(domain.Config{
			ID: in.ID, Type: in.Type, Value: in.Value, WriteOnly: in.WriteOnly, Description: text(in.Description),
		})
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// plainConfig decodes the content of a file, which travels in base64.
func plainConfig(c domain.Config) (domain.Config, error) {
	if c.Type != domain.ConfigFileMount {
		return c, nil
	}
	plain, err := base64.StdEncoding.DecodeString(c.Value)
	if err != nil {
		return c, domain.Invalid("value", "the content of a file must be base64")
	}
	c.Value = string(plain)
	return c, nil
}

func hooksInput(in *generated.HooksInput) domain.Hooks {
	if in == nil {
		return domain.Hooks{}
	}
	return domain.Hooks{
		BeforeInit: in.BeforeInit, AfterInit: in.AfterInit,
		BeforePlan: in.BeforePlan, AfterPlan: in.AfterPlan,
		BeforeApply: in.BeforeApply, AfterApply: in.AfterApply,
		BeforePerform: in.BeforePerform, AfterPerform: in.AfterPerform,
		BeforeDestroy: in.BeforeDestroy, AfterDestroy: in.AfterDestroy,
		AfterRun: in.AfterRun,
	}
}
