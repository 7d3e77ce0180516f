package domain

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Ids are distinct types so that one cannot be passed for another. Space,
// stack and context ids are slugs; the others are 26-character ULIDs.
type (
	SpaceID             string
	RoleID              string
	BindingID           string
	APIKeyID            string
	UserID              string
	UserGroupID         string
	StackID             string
	ContextID           string
	RunID               string
	StateVersionID      string
	RefusedStateID      string
	WorkerPoolID        string
	AuditID             string
	ContextAttachmentID string
	AccessRequestID     string
	LocalWorkspaceID    string
	TransferID          string
	DependencyID        string
	ReferenceID         string
	RepoID              string
	PushHookID          string
	GitCredentialID     string
	ScheduleID          string
)

// The two spaces that every account has (access model A1, A2).
const (
	RootSpace   SpaceID = "root"
	LegacySpace SpaceID = "legacy"
)

// DefaultWorkerPool is the pool of stacks that name none.
const DefaultWorkerPool WorkerPoolID = "default"

// IDSource makes ids. It is injected so that tests can repeat them.
type IDSource interface {
	// ULID returns a new 26-character ULID, greater than every one it returned before.
	ULID() string
}

// maxSlug keeps ids usable in URLs, file names and environment values.
const maxSlug = 64

// Slug turns a name into an id: NFKC, lower case, runs of anything but letters
// and digits become one hyphen. The result is empty if nothing is left.
func Slug(name string) string {
	var b strings.Builder
	hyphen := false
	for _, r := range strings.ToLower(norm.NFKC.String(name)) {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			if hyphen && b.Len() > 0 {
				b.WriteByte('-')
			}
			hyphen = false
			b.WriteRune(r)
			continue
		}
		hyphen = true
	}
	s := b.String()
	if len(s) > maxSlug {
		s = strings.TrimRight(s[:maxSlug], "-")
	}
	return s
}

// FreeSlug returns the slug of a name, or fallback for a name that leaves
// nothing, with a number behind it when taken (access model A54). A number
// instead of an error keeps hidden objects hidden.
func FreeSlug(name, fallback string, taken func(slug string) (bool, error)) (string, error) {
	base := Slug(name)
	if base == "" {
		base = fallback
	}
	slug := base
	for n := 2; ; n++ {
		used, err := taken(slug)
		if err != nil || !used {
			return slug, err
		}
		slug = fmt.Sprintf("%s-%d", base, n)
	}
}
