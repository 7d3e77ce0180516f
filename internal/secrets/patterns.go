package secrets

import "strings"

// maxToken is how long a well-known secret is at most; what is longer is
// recognised, but may be cut where a line is broken.
const maxToken = 8 << 10

// pattern is a kind of secret that shows by its form: a fixed beginning, and
// then at least so many characters of a class.
type pattern struct {
	prefix string
	class  *[256]bool
	least  int
	// parts, if not 0, is how many dots lie in it, each between two runs of the
	// class.
	parts int
}

// The classes of characters that tokens are made of.
var (
	upper   = classOf("A-Z2-7")    // base32
	word    = classOf("A-Za-z0-9") // base62
	wordBar = classOf("A-Za-z0-9_")
	urlSafe = classOf("A-Za-z0-9_-") // base64url
)

// patterns is a short list of our own. The forms are what the issuers describe:
// Amazon's unique identifiers of keys (AKIA, ASIA and 16 characters), GitHub's
// and GitLab's token prefixes, Slack's token types, Google's API keys, OAuth
// tokens and client secrets, Stripe's live keys, npm's, PyPI's, Hugging Face's,
// DigitalOcean's, SendGrid's, Vault's and Terraform Cloud's tokens, age's
// secret keys, and JSON Web Tokens (RFC 7519: three parts of base64url, the
// first of which begins an object).
var patterns = []pattern{
	{prefix: "AKIA", class: upper, least: 16}, {prefix: "ASIA", class: upper, least: 16},
	{prefix: "ghp_", class: word, least: 36}, {prefix: "gho_", class: word, least: 36}, {prefix: "ghu_", class: word, least: 36},
	{prefix: "ghs_", class: word, least: 36}, {prefix: "ghr_", class: word, least: 36}, {prefix: "github_pat_", class: wordBar, least: 40},
	{prefix: "glpat-", class: urlSafe, least: 20}, {prefix: "glrt-", class: urlSafe, least: 20}, {prefix: "gldt-", class: urlSafe, least: 20},
	{prefix: "xoxb-", class: urlSafe, least: 20}, {prefix: "xoxp-", class: urlSafe, least: 20}, {prefix: "xoxa-", class: urlSafe, least: 20},
	{prefix: "xoxr-", class: urlSafe, least: 20}, {prefix: "xoxs-", class: urlSafe, least: 20}, {prefix: "xapp-", class: urlSafe, least: 20},
	{prefix: "AIza", class: urlSafe, least: 35}, {prefix: "ya29.", class: urlSafe, least: 20}, {prefix: "GOCSPX-", class: urlSafe, least: 20},
	{prefix: "sk_live_", class: word, least: 16}, {prefix: "rk_live_", class: word, least: 16},
	{prefix: "npm_", class: word, least: 36}, {prefix: "pypi-", class: urlSafe, least: 50}, {prefix: "hf_", class: word, least: 30},
	{prefix: "dop_v1_", class: word, least: 60}, {prefix: "SG.", class: urlSafe, least: 16, parts: 1},
	{prefix: "hvs.", class: urlSafe, least: 20}, {prefix: "hvb.", class: urlSafe, least: 20},
	{prefix: "AGE-SECRET-KEY-1", class: word, least: 50},
	{prefix: "eyJ", class: urlSafe, least: 10, parts: 2},
}

// The lines around a private key (RFC 7468), of any kind.
const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----END "
	pemKey   = "PRIVATE KEY"
	// maxKey is how many lines a key may have: where no end comes, the log goes on.
	maxKey = 400
)

func classOf(ranges string) *[256]bool {
	var c [256]bool
	for i := 0; i < len(ranges); i++ {
		if i+2 < len(ranges) && ranges[i+1] == '-' {
			for b := ranges[i]; b <= ranges[i+2]; b++ {
				c[b] = true
			}
			i += 2
			continue
		}
		c[ranges[i]] = true
	}
	return &c
}

// byFirst are the patterns by the byte that they begin with.
var byFirst = func() (out [256][]pattern) {
	for _, p := range patterns {
		out[p.prefix[0]] = append(out[p.prefix[0]], p)
	}
	return out
}()

// wellKnown returns where the well-known secret ends that begins at i, or 0.
// Each run of characters is looked at only from its beginning, so that the cost
// of a line grows with its length alone.
func wellKnown(line string, i int) int {
	if i > 0 && urlSafe[line[i-1]] {
		return 0
	}
	for _, p := range byFirst[line[i]] {
		if !strings.HasPrefix(line[i:], p.prefix) {
			continue
		}
		if end := p.match(line, i+len(p.prefix)); end > 0 {
			return end
		}
	}
	return 0
}

// match returns the end of the rest of a token, or 0.
func (p pattern) match(line string, at int) int {
	for part := 0; ; part++ {
		end := at
		for end < len(line) && p.class[line[end]] {
			end++
		}
		if end-at < p.least {
			return 0
		}
		if part == p.parts {
			return end
		}
		if end == len(line) || line[end] != '.' {
			return 0
		}
		at = end + 1
	}
}

// keyBlock returns the part of line that belongs to a private key, given
// whether one is open at its beginning, and whether one is open at its end.
// An empty part means none.
func keyBlock(line string, open bool) (from, to int, still bool) {
	if !open {
		from = strings.Index(line, pemBegin)
		if from < 0 {
			return 0, 0, false
		}
		head, _, _ := strings.Cut(line[from+len(pemBegin):], "-----")
		if !strings.Contains(head, pemKey) {
			return 0, 0, false
		}
	}
	end := strings.Index(line[from:], pemEnd)
	if end < 0 {
		return from, len(line), true
	}
	to = from + end + len(pemEnd)
	if rest := strings.Index(line[to:], "-----"); rest >= 0 {
		to += rest + len("-----")
	}
	return from, to, false
}
