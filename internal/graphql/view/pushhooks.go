package view

import "github.com/airlock-project/airlock/internal/domain"

// PushHook is a push hook as the API shows it.
type PushHook struct {
	domain.PushHook
	Address string
}

func (h *PushHook) URL() string    { return h.Address }
func (h *PushHook) CreatedAt() int { return Seconds(h.PushHook.CreatedAt) }
func (h *PushHook) UpdatedAt() int { return Seconds(h.PushHook.UpdatedAt) }

// Repositories is never null.
func (h *PushHook) Repositories() []string { return append([]string{}, h.PushHook.Repositories...) }

// PreviousSecretUntil is null where there is no such secret.
func (h *PushHook) PreviousSecretUntil() *int { return OptionalSeconds(h.PreviousUntil) }

// PushDelivery is a message as the API shows it.
type PushDelivery struct{ domain.PushDelivery }

func (d *PushDelivery) ReceivedAt() int     { return Seconds(d.At) }
func (d *PushDelivery) Repository() *string { return Optional(d.PushDelivery.Repository) }
func (d *PushDelivery) Branch() *string     { return Optional(d.PushDelivery.Branch) }
func (d *PushDelivery) Commit() *string     { return Optional(d.PushDelivery.Commit) }
func (d *PushDelivery) Ignored() *string    { return Optional(d.PushDelivery.Ignored) }
