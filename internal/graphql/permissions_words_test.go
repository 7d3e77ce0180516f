package graphql

import (
	"fmt"
	"strings"
)

// sentence is a rule in words.
func (r fieldRule) sentence() string {
	at := "in its space"
	if r.at != "" {
		at = "in " + r.at
	}
	words := ""
	switch {
	case r.do != 0:
		tier := r.do.Fallback().String()
		words = fmt.Sprintf("`%s` (%s) %s", r.do, strings.ToUpper(tier[:1])+tier[1:], at)
	case r.list != 0:
		words = fmt.Sprintf("lists what `%s` shows %s", r.list, at)
	case r.see != nil:
		words = "`space:read` " + at
		for _, a := range r.see {
			if a.String() != "space:read" {
				words += fmt.Sprintf(", or `%s` by name", a)
			}
		}
		if r.or != 0 {
			words += fmt.Sprintf(", or `%s` in its space", r.or)
		}
	default:
		words = whoWords[r.who]
		if r.at != "" {
			words += " " + at
		}
	}
	if r.silent {
		words += " (else hidden)"
	}
	return words
}

var whoWords = map[string]string{
	"ANYBODY":        "everybody, also without credentials",
	"CALLER":         "every caller",
	"SELF":           "whoever made it",
	"PARENT":         "whoever is shown its object",
	"PATH":           "`space:read` there; `space:read` below for its name",
	"ACCOUNT_VIEWER": "`space:read` and `space:admin` in any space",
	"ROOT_ADMIN":     "`space:read` and `space:admin` at root",
	"GRANTOR":        "every action of the role that is given",
}
