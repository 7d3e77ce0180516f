package access

import "context"

// hurried marks what others wait for.
type hurried struct{}

// Hurry lets the changes that are begun with the returned context go before
// others that wait for their turn. It is for what many wait for, and takes no
// longer than any other.
func Hurry(ctx context.Context) context.Context { return context.WithValue(ctx, hurried{}, true) }

// Urgent reports whether a change is to go before others. See Hurry.
func Urgent(ctx context.Context) bool { return ctx.Value(hurried{}) != nil }
