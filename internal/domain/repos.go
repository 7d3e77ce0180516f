package domain

import (
	"crypto/sha1" //nolint:gosec // git names its objects by it; no security rests on it
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a built-in repository.
const (
	MaxRepoFile  = 1 << 20  // bytes of one file
	MaxRepoFiles = 2000     // files of a revision
	MaxRepoBytes = 32 << 20 // bytes of all files of a revision
	maxRepoPath  = 512
)

// RepoBranch is what a built-in repository calls its only branch.
const RepoBranch = "main"

// Repo is a repository that Airlock keeps itself. It has no branches: stacks
// always track its newest revision.
type Repo struct {
	ID          RepoID
	Space       SpaceID
	Name        string
	Description string
	Labels      []string
	Checks      string // INDIVIDUAL, AGGREGATED or ALL; kept as it came
	IsDefault   bool   // kept as it came
	Revisions   int    // how many it has
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// BuiltIn is the built-in repository that a stack names as its source; empty if
// its code comes from elsewhere.
func (s StackSettings) BuiltIn() RepoID {
	if s.Provider != ProviderBuiltIn {
		return ""
	}
	return RepoID(s.Repository)
}

// Check validates the fields that a caller may set.
func (r Repo) Check() error {
	if err := CheckName("name", r.Name); err != nil {
		return err
	}
	if err := CheckText("description", r.Description); err != nil {
		return err
	}
	if !slices.Contains([]string{"INDIVIDUAL", "AGGREGATED", "ALL"}, r.Checks) {
		return Invalid("vcsChecks", "must be INDIVIDUAL, AGGREGATED or ALL")
	}
	return CheckLabels("labels", r.Labels)
}

// Revision is a commit of a built-in repository.
type Revision struct {
	ID          string
	Repo        RepoID
	Number      int    // from 1, without gaps
	SHA         string // what git would call it
	AuthorName  string
	AuthorEmail string
	Message     string
	Description string
	CreatedAt   time.Time
}

// Commit is the revision as a run shows it.
func (r Revision) Commit() Commit {
	return Commit{Hash: r.SHA, AuthorName: r.AuthorName, Message: r.Message, Timestamp: r.CreatedAt}
}

// RepoFile is one version of a file: as a revision left it.
type RepoFile struct {
	Repo      RepoID
	Number    int // of the revision that wrote it
	Path      string
	Mode      uint32 // permission bits: 0644 or 0755
	Deleted   bool
	Encrypted bool // its content is never shown to anybody
	Size      int
	SHA256    string // of the content, in hexadecimal
	Blob      string // what git calls the content
}

// RepoChange is what a new revision does to one file.
type RepoChange struct {
	Action  string // CREATE, UPDATE or DELETE; empty: create or update
	Path    string
	Content string // in base64
	Encrypt bool
	Mode    string // octal; empty: 0644
}

// File checks a change and returns the file that it leaves, with its content.
func (c RepoChange) File() (f RepoFile, content []byte, err error) {
	f = RepoFile{Path: c.Path, Mode: 0o644, Encrypted: c.Encrypt}
	if err := checkRepoPath(c.Path); err != nil {
		return f, nil, err
	}
	switch c.Action {
	case "", "CREATE", "UPDATE":
	case "DELETE":
		return RepoFile{Path: c.Path, Deleted: true}, nil, nil
	default:
		return f, nil, Invalid("files.action", "must be CREATE, UPDATE or DELETE")
	}
	if content, err = base64.StdEncoding.DecodeString(c.Content); err != nil {
		return f, nil, Invalid("files.content", "%s: must be base64", clip(c.Path))
	}
	if len(content) > MaxRepoFile {
		return f, nil, Invalid("files.content", "%s: must not be larger than %d bytes", clip(c.Path), MaxRepoFile)
	}
	if c.Mode != "" {
		mode, err := strconv.ParseUint(c.Mode, 8, 32)
		if err != nil || mode&^0o100777 != 0 {
			return f, nil, Invalid("files.fileMode", "must be permissions in octal, such as 0644")
		}
		if mode&0o111 != 0 { // git knows no more
			f.Mode = 0o755
		}
	}
	f.Size = len(content)
	f.Blob = gitObject("blob", content)
	return f, content, nil
}

func checkRepoPath(name string) error {
	bad := name == "" || len(name) > maxRepoPath || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) ||
		strings.ContainsAny(name, `\:`) || strings.HasPrefix(name, "/") || path.Clean(name) != name || name == "." || strings.HasPrefix(name, "../") || name == ".."
	for part := range strings.SplitSeq(name, "/") {
		trimmed := strings.TrimRight(part, ". ")
		bad = bad || len(part) > 255 || trimmed != part || NameKey(part) == ".git" || part == ""
	}
	if bad {
		return Invalid("files.path", "%q is not a path that every system can have", clip(name))
	}
	return nil
}

// CheckTree refuses files that could not lie beside each other everywhere: two
// whose names some system takes for the same, a file where another needs a
// directory, too many, or too much.
func CheckTree(files []RepoFile) error {
	if len(files) > MaxRepoFiles {
		return Invalid("files", "a repository must not have more than %d files", MaxRepoFiles)
	}
	total, dirs, leaves := 0, map[string]string{}, map[string]string{}
	for _, f := range files {
		total += f.Size
		if other, taken := leaves[NameKey(f.Path)]; taken {
			return Invalid("files.path", "some systems cannot tell %q from %q", clip(f.Path), clip(other))
		}
		leaves[NameKey(f.Path)] = f.Path
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if other, taken := dirs[NameKey(dir)]; taken && other != dir {
				return Invalid("files.path", "some systems cannot tell the directories %q and %q apart", clip(dir), clip(other))
			}
			dirs[NameKey(dir)] = dir
		}
	}
	for key, dir := range dirs {
		if file, taken := leaves[key]; taken {
			return Invalid("files.path", "%q cannot be a file: there are files below %q", clip(file), clip(dir))
		}
	}
	if total > MaxRepoBytes {
		return Invalid("files", "the files of a repository must not be larger than %d bytes together", MaxRepoBytes)
	}
	return nil
}

// gitObject is the name that git gives to an object.
func gitObject(kind string, body []byte) string {
	sum := sha1.New() //nolint:gosec // as above
	_, _ = fmt.Fprintf(sum, "%s %d\x00", kind, len(body))
	_, _ = sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil))
}

// SHAOf is the name that git gives to a revision of these files, whose blobs
// are known; parent is empty for the first.
func (r Revision) SHAOf(files []RepoFile, parent string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", gitTree(files, ""))
	if parent != "" {
		fmt.Fprintf(&b, "parent %s\n", parent)
	}
	who := fmt.Sprintf("%s <%s> %d +0000", gitName(r.AuthorName), gitName(r.AuthorEmail), r.CreatedAt.Unix())
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n%s\n", who, who, r.Message)
	return gitObject("commit", []byte(b.String()))
}

func gitName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '<' || r == '>' || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// gitTree names the directory of a prefix, which is empty or ends in a slash.
func gitTree(files []RepoFile, prefix string) string {
	type entry struct{ name, key, mode, object string }
	var entries []entry
	below := map[string][]RepoFile{}
	for _, f := range files {
		name, _, deeper := strings.Cut(strings.TrimPrefix(f.Path, prefix), "/")
		if deeper {
			below[name] = append(below[name], f)
			continue
		}
		entries = append(entries, entry{name, name, "100" + strconv.FormatUint(uint64(f.Mode), 8), f.Blob})
	}
	for name, list := range below {
		entries = append(entries, entry{name, name + "/", "40000", gitTree(list, prefix+name+"/")})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	var body []byte
	for _, e := range entries {
		object, _ := hex.DecodeString(e.object) // we made it
		body = append(append(append(body, e.mode+" "+e.name...), 0), object...)
	}
	return gitObject("tree", body)
}
