package vcs

import (
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
)

func TestValidateURL(t *testing.T) {
	all := []string{"https", "ssh", "http", "file", "git"}
	for _, ok := range []string{
		"https://example.com/a/b.git", "https://user:pw@example.com/a", "HTTPS://example.com/a", "http://example.com:8080/a", "ssh://git@example.com:22/a",
		"git@example.com:a/b.git", "example.com:a/b", "file:///srv/a", "file://localhost/srv/a", "/srv/a:b", "git://example.com/a", "https://[::1]/a",
	} {
		if err := ValidateURL(ok, all); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for bad, want := range map[string]string{
		"":                            "is empty",
		"-oProxyCommand=id":           "hyphen",
		"--upload-pack=id":            "hyphen",
		"https://e.com/a\nb":          "control characters",
		"https://e.com/a b":           "spaces",
		"https://e.com/\x1b[31m":      "control characters",
		"/srv/\xff":                   "control characters",
		strings.Repeat("a", maxURL+1): "longer",
		"ext::id":                     `"ext" is not allowed`,
		"fd::17":                      `"fd" is not allowed`,
		"EXT::x":                      `"ext" is not allowed`,
		"ftp://e.com/a":               `"ftp" is not allowed`,
		"javascript://e.com/a":        "is not allowed",
		"ssh://-oProxyCommand=id/a":   "no valid host",
		"https:///a":                  "no valid host",
		"https://e.com":               "no valid path",
		"https://e.com/-x":            "no valid path",
		"https://e.com/a?token=1":     "query",
		"https://e.com/a#b":           "fragment",
		"https://user:pw@e.com/%zz":   "cannot be parsed",
		"file://host/a":               "must not name a host",
		"ssh://git:pw@e.com/a":        "carry a password",
		"ssh://-x@e.com/a":            "carry a password",
		"-x@e.com:a":                  "hyphen",
		"e.com:-x":                    "must be a URL",
		"relative/path":               "must be a URL",
		"../up":                       "must be a URL",
		"owner/repo":                  "must be a URL",
	} {
		err := ValidateURL(bad, all)
		if err == nil || !strings.Contains(err.Error(), want) || domain.ErrorCode(err) != domain.CodeInvalid {
			t.Errorf("%q: err = %v, want %q", bad, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: the error shows the password: %v", bad, err)
		}
	}
}

func TestSchemesThatAreAllowed(t *testing.T) {
	for url, scheme := range map[string]string{
		"https://e.com/a": "https", "git@e.com:a": "ssh", "ssh://e.com/a": "ssh", "/srv/a": "file", "file:///srv/a": "file", "http://e.com/a": "http",
	} {
		if err := ValidateURL(url, []string{scheme}); err != nil {
			t.Errorf("%s with %s: %v", url, scheme, err)
		}
		err := ValidateURL(url, []string{"git", "other"})
		want := `the URL scheme "` + scheme + `" is not allowed; allowed are: git, other (setting --git-schemes)`
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := ValidateURL("ext::id", []string{"ext"}); err == nil {
		t.Error("a remote helper was allowed by listing it")
	}
}

func TestCredentialsLeaveTheURL(t *testing.T) {
	r, err := parseRemote("https://user:p%40ss@example.com/a.git", []string{"https"})
	if err != nil {
		t.Fatal(err)
	}
	if r.url != "https://example.com/a.git" || r.header != "Authorization: Basic dXNlcjpwQHNz" {
		t.Errorf("remote = %+v", r)
	}
	g := git{remote: r, schemes: []string{"https"}}
	env := strings.Join(g.environ(), "\n")
	for _, want := range []string{"=http.https://example.com/a.git.extraHeader\n", "GIT_ALLOW_PROTOCOL=https\n", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_COUNT=9\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("environment lacks %q:\n%s", want, env)
		}
	}
}

func TestValidateNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"main": true, "feature/x-1": true, "a.b": true, "ünï": true, "$(id)": true, "a;b": true,
		"": false, "-x": false, "a..b": false, "a b": false, "a\nb": false, "a~1": false, "a^": false, "a:b": false, "a?": false, "a*": false, "[a": false,
		"a\\b": false, "/a": false, "a/": false, "a//b": false, ".a": false, "a/.b": false, "a.lock": false, "a.lock/b": false, "a.": false, "@": false, "a@{1}": false,
		"\x7f": false, strings.Repeat("a", 256): false,
	} {
		if err := ValidateBranch(name); (err == nil) != ok {
			t.Errorf("ValidateBranch(%q) = %v", name, err)
		}
	}
	for hash, ok := range map[string]bool{
		"abcdef0": true, strings.Repeat("0a", 20): true, strings.Repeat("0a", 32): true,
		"": false, "abcdef": false, "-bcdef0": false, "ABCDEF0": false, "HEAD": false, "main": false, strings.Repeat("0", 65): false, "abcdef0\n": false,
	} {
		if err := ValidateCommit(hash); (err == nil) != ok {
			t.Errorf("ValidateCommit(%q) = %v", hash, err)
		}
	}
}

func TestCommitURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://github.com/o/r.git":      "https://github.com/o/r/commit/abc",
		"https://x:t@github.com/o/r":      "https://github.com/o/r/commit/abc",
		"git@github.com:o/r.git":          "https://github.com/o/r/commit/abc",
		"ssh://git@gitlab.com/g/s/r.git":  "https://gitlab.com/g/s/r/-/commit/abc",
		"https://bitbucket.org/o/r":       "https://bitbucket.org/o/r/commits/abc",
		"https://git.example.com/o/r.git": "",
		"/srv/r":                          "",
		"file:///srv/r":                   "",
	} {
		r, err := parseRemote(url, knownSchemes)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.commitURL("abc"); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func FuzzParseRemote(f *testing.F) {
	for _, s := range []string{"https://u:p@h/p", "git@h:p", "ext::x", "/p", "file:///p", "ssh://h:22/p"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := parseRemote(raw, knownSchemes)
		if err == nil && (r.url == "" || strings.HasPrefix(r.url, "-") || strings.Contains(strings.SplitN(r.url, "/", 2)[0], "::")) {
			t.Errorf("%q became %+v", raw, r)
		}
	})
}
