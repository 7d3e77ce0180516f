package domain

import (
	"strings"
	"testing"
)

func TestGitCredentialFits(t *testing.T) {
	https, key := GitPassword, GitSSHKey
	for _, c := range []struct {
		kind       GitCredentialKind
		prefix     string
		repository string
		want       bool
	}{
		{https, "https://git.example.com", "https://git.example.com/team/infra.git", true},
		{https, "https://git.example.com/", "https://GIT.example.com:443/team/infra", true},
		{https, "https://git.example.com/team", "https://git.example.com/team/infra.git", true},
		{https, "https://git.example.com/team/infra.git", "https://git.example.com/team/infra", true},
		{https, "https://git.example.com/team", "https://git.example.com/team2/infra", false},
		{https, "https://git.example.com/team", "https://git.example.com/Team/infra", false},
		{https, "https://git.example.com", "https://git.example.com.evil.example/a", false},
		{https, "https://git.example.com", "https://git.example.com@evil.example/a", false},
		{https, "https://git.example.com", "https://git.example.com:8443/a", false},
		{https, "https://git.example.com", "http://git.example.com/a", false},
		{https, "https://git.example.com", "ssh://git.example.com/a", false},
		{https, "https://git.example.com/team", "https://git.example.com/team/../other/infra", false},
		{https, "https://git.example.com/team", "https://git.example.com/team/%2e%2e/other/infra", false},
		{https, "https://git.example.com/team", "https://git.example.com/team//infra", false},
		{https, "https://git.example.com/team", `https://git.example.com/team\..\other`, false},
		{https, "https://git.example.com/team", "https://git.example.com/team/infra?x=1", false},
		{https, "https://git.example.com", "ext::sh -c id", false},
		{key, "git@git.example.com:team", "git@git.example.com:team/infra.git", true},
		{key, "git@git.example.com:team", "ssh://git@git.example.com/team/infra", true},
		{key, "ssh://git.example.com:7999", "ssh://git@git.example.com:7999/team/infra", true},
		{key, "ssh://git.example.com", "ssh://git@git.example.com:7999/team/infra", false},
		{key, "git@git.example.com:team", "https://git.example.com/team/infra", false},
		{key, "git@git.example.com:team", "git@git.example.com:team/../other", false},
	} {
		cred := GitCredential{Name: "x", Kind: c.kind, Prefix: c.prefix, Username: "u", KnownHosts: "k"}
		if err := cred.Check(); err != nil {
			t.Errorf("%s: %v", c.prefix, err)
		}
		if got := cred.Fits(c.repository); got != c.want {
			t.Errorf("%s for %s: %v", c.prefix, c.repository, got)
		}
	}
}

func TestBestGitCredential(t *testing.T) {
	at := func(id GitCredentialID, space SpaceID, prefix string) GitCredential {
		return GitCredential{ID: id, Space: space, Prefix: prefix, Kind: GitPassword}
	}
	list := []GitCredential{
		at("old", "root", "https://git.example.com"), at("near", "dev", "https://git.example.com"),
		at("long", "root", "https://git.example.com/team"), at("foreign", "prod", "https://git.example.com/team/infra"),
	}
	reach := []SpaceID{"dev", "apps", "root"}
	for repository, want := range map[string]GitCredentialID{
		"https://git.example.com/team/infra": "long", "https://git.example.com/other/infra": "near", "https://elsewhere.example.com/a": "",
	} {
		if got, found := BestGitCredential(list, repository, reach); got.ID != want || found != (want != "") {
			t.Errorf("%s: %q", repository, got.ID)
		}
	}
}

func TestGitCredentialInput(t *testing.T) {
	good := GitCredential{Name: "x", Kind: GitSSHKey, Prefix: "ssh://git.example.com", KnownHosts: "k"}
	for field, change := range map[string]func(c *GitCredential){
		"name":       func(c *GitCredential) { c.Name = "" },
		"kind":       func(c *GitCredential) { c.Kind = "COOKIE" },
		"urlPrefix":  func(c *GitCredential) { c.Prefix = "https://git.example.com" },
		"knownHosts": func(c *GitCredential) { c.KnownHosts = " \n" },
		"username":   func(c *GitCredential) { c.Kind, c.Prefix, c.Username = GitPassword, "https://git.example.com", "a:b" },
	} {
		c := good
		change(&c)
		wrong, _ := c.Check().(*Error)
		if wrong == nil || wrong.Field != field {
			t.Errorf("%s: %v", field, wrong)
		}
	}
	for _, secret := range []string{"", " ", strings.Repeat("x", MaxGitSecret+1), "a\x00b"} {
		if good.CheckSecret(secret) == nil {
			t.Errorf("takes %.20q", secret)
		}
	}
	if err := (GitCredential{Kind: GitPassword}).CheckSecret("two\nlines"); err == nil {
		t.Error("takes a password of two lines")
	}
}
