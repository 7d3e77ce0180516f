package secrets

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// written writes text to a LineWriter in pieces of a size, and returns what it
// shows.
func written(m *Masker, text string, size int) string {
	var out strings.Builder
	w := NewLineWriter(m, func(line string) { out.WriteString(line) })
	for len(text) > 0 {
		n := min(size, len(text))
		_, _ = w.Write([]byte(text[:n]))
		text = text[n:]
	}
	_ = w.Close()
	return out.String()
}

// key is a private key as it is printed; it belongs to nobody.
var key = "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA7x0y1z2\n", 3) + "-----END RSA PRIVATE KEY-----\n"

// samples has a secret of each well-known kind; all are made up.
func samples() map[string]string {
	of := func(prefix string, n int) string { return prefix + strings.Repeat("A2bC3dE4", n/8+1)[:n] }
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return map[string]string{
		"AWS key": "AKIA" + strings.Repeat("Q7", 8), "AWS session key": "ASIA" + strings.Repeat("Q7", 8),
		"GitHub": of("ghp_", 36), "GitHub app": of("ghs_", 36), "GitHub fine-grained": of("github_pat_", 82), "GitLab": of("glpat-", 20),
		"Slack": "xoxb-" + "123456789012-" + of("", 24), "Google key": of("AIza", 35), "Google token": of("ya29.", 60), "Google client": of("GOCSPX-", 28),
		"Stripe": of("sk_live_", 24), "npm": of("npm_", 36), "Hugging Face": of("hf_", 34), "Vault": of("hvs.", 90), "DigitalOcean": of("dop_v1_", 64),
		"JWT": part(`{"alg":"HS256"}`) + "." + part(`{"sub":"1234567890"}`) + "." + of("", 43),
	}
}

// TestCase123 prints a secret in all forms that are masked by promise, in
// pieces of all sizes, and beside other text.
func TestCase123(t *testing.T) {
	const secret = "s3cr3t & \"käse\"\\/+="
	encode := func(pad int) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + secret + "tail"))
	}
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{
		"plain": secret, "base64": encode(0), "base64 after 1": encode(1), "base64 after 2": encode(2), "base64 after 3": encode(3),
		"base64url": base64.URLEncoding.EncodeToString([]byte(secret)), "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "JSON": string(quoted),
	}
	for name, form := range forms {
		for size := 1; size <= len(form)+3; size++ {
			for _, text := range []string{form + "\n", "before " + form + " after\n", strings.Repeat("x", maxLine-len(form)/2) + form + "\n"} {
				if size > 1 && size < len(form) && len(text) > maxLine && size%7 > 0 {
					continue // long lines in some sizes only
				}
				got := strings.ReplaceAll(written(NewMasker([]string{secret}), text, size), "\n", "")
				if !strings.Contains(got, Mask) || strings.Contains(got, form) || survives(got, strings.Trim(form, "\"=")[4:]) {
					t.Errorf("%s in pieces of %d: %q", name, size, got[max(len(got)-200, 0):])
				}
			}
		}
	}
}

func TestWellKnownSecrets(t *testing.T) {
	for name, secret := range samples() {
		for _, text := range []string{secret, "key=" + secret + ";", `{"k":"` + secret + `"}`, "a " + secret + " b " + secret, strings.Repeat("x ", maxLine/2-9) + secret} {
			m := NewMasker(nil)
			if got := written(m, text+"\n", 7); !strings.Contains(strings.ReplaceAll(got, "\n", ""), secret) {
				t.Errorf("%s is masked without being asked for: %q", name, got)
			}
			m = NewMasker(nil)
			m.WellKnown = true
			if got := strings.ReplaceAll(written(m, text+"\n", 1+len(text)/5), "\n", ""); survives(got, secret[8:]) || !strings.Contains(got, Mask) {
				t.Errorf("%s: %q", name, got[max(len(got)-200, 0):])
			}
		}
	}
	m := NewMasker(nil)
	m.WellKnown = true
	for _, innocent := range []string{
		"AKIA is a prefix", "a commit 9fceb02d0ae598e95dc970b74767f19372d6f2a1", "ghp_short", "eyJ.eyJ.eyJ", "terraform_data.a: Creating...", "xAKIAQ7Q7Q7Q7Q7Q7Q7Q7x",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "-----BEGIN CERTIFICATE-----", "MIIBszCCAVmg", "-----END CERTIFICATE-----",
	} {
		if got := written(m, innocent+"\n", 100); got != innocent+"\n" {
			t.Errorf("%q became %q", innocent, got)
		}
	}
}

// TestPrivateKeys hides a key of many lines, printed as it is, behind the words
// of OpenTofu, and in one line; what comes after it is shown.
func TestPrivateKeys(t *testing.T) {
	prefixed := ""
	for line := range strings.Lines(key) {
		prefixed += "terraform_data.a (local-exec): " + line
	}
	oneLine, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{key, prefixed, string(oneLine) + "\n", "a" + key} {
		for _, size := range []int{1, 7, 1000} {
			m := NewMasker(nil)
			m.WellKnown = true
			got := written(m, "before\n"+text+"after\n", size)
			if strings.Contains(got, "MIIE") || !strings.HasPrefix(got, "before\n") || !strings.HasSuffix(got, "after\n") {
				t.Errorf("%q", got)
			}
		}
	}
	m := NewMasker(nil)
	m.WellKnown = true
	if got := written(m, "-----BEGIN PRIVATE KEY-----\n"+strings.Repeat("x\n", 2*maxKey), 1000); !strings.HasSuffix(got, "x\n") {
		t.Error("a key without an end hides the rest of the log")
	}
}

// TestAddMask: the line is never shown, and its value is hidden from then on.
func TestAddMask(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"::add-mask hunter22\nhunter22\n", "***\n"},
		{"hunter22\n::add-mask hunter22\r\nx hunter22 y\n", "hunter22\nx *** y\n"},
		{"\x1b[0m\x1b[1mterraform_data.a (local-exec):\x1b[0m \x1b[0m::add-mask hunter22\x1b[0m\nhunter22\n", "***\n"},
		{"::add-mask hunter22\naHVudGVyMjI=\n", "***I=\n"},
		{"::add-mask abc\nabc\n", "A value given to ::add-mask is not masked: it is too short or too long, or there are too many\nabc\n"},
		{"::add-mask \n::add-mask\nx\n", "::add-mask\nx\n"},
		{strings.Repeat("x", 100) + "::add-mask " + strings.Repeat("long", maxLine) + "\nx\n", "A value given to ::add-mask is not masked: it is too long\nx\n"},
	} {
		for _, size := range []int{1, 13, 1 << 20} {
			if size == 1 && len(c.in) > maxLine {
				continue
			}
			if got := written(NewMasker(nil), c.in, size); got != c.want {
				t.Errorf("%.80q in pieces of %d: %q, want %q", c.in, size, got, c.want)
			}
		}
	}
	m := NewMasker(nil)
	for i := range maxAdded + 1 {
		if got := m.Add(fmt.Sprint("value-", i)); got != (i < maxAdded) {
			t.Fatalf("value %d: %v", i, got)
		}
	}
	if !m.Add("value-7") || len(m.Added()) != maxAdded {
		t.Error("a value that is hidden already")
	}
}

// FuzzWellKnown: no text, however it is cut, lets a token through or is changed
// where there is none.
func FuzzWellKnown(f *testing.F) {
	f.Add("before ", " after", uint8(0), uint16(3))
	f.Add("eyJ.", ".eyJ", uint8(5), uint16(1))
	var all []string
	for _, s := range samples() {
		all = append(all, s)
	}
	f.Fuzz(func(t *testing.T, before, after string, which uint8, size uint16) {
		if before != "" && urlSafe[before[len(before)-1]] || strings.Contains(before, addMask[:2]) || strings.Contains(after, "::") || strings.Contains(before, "*") {
			t.Skip("a token begins where a word begins")
		}
		secret := all[int(which)%len(all)]
		m := NewMasker(nil)
		m.WellKnown = true
		got := written(m, before+secret+after, int(size)+1)
		if strings.Contains(strings.ReplaceAll(got, "\n", ""), secret) && !strings.Contains(before+after, secret) {
			t.Errorf("%q survived in %q", secret, got)
		}
	})
}

// TestMaskingIsLinear: text made to be looked at again and again costs no more
// a byte when there is more of it.
func TestMaskingIsLinear(t *testing.T) {
	cost := func(line string) time.Duration {
		m := NewMasker([]string{"eyJeyJeyJeyK", "AKIAAKIAAKIB"})
		m.WellKnown = true
		best := time.Hour
		for range 5 {
			began := time.Now()
			m.Mask(line)
			best = min(best, time.Since(began))
		}
		return best
	}
	for _, unit := range []string{"eyJ", "eyJaaaaaaaaaa.", "AKIA", "ghp_", "a", "-----BEGIN "} {
		small, large := cost(strings.Repeat(unit, 2000)), cost(strings.Repeat(unit, 32000))
		if large > 16*8*max(small, 20*time.Microsecond) {
			t.Errorf("%q: %s for 2,000, %s for 32,000", unit, small, large)
		}
	}
}

func BenchmarkMaskWellKnown(b *testing.B) {
	values := make([]string, 50)
	for i := range values {
		values[i] = fmt.Sprintf("secret-%d-%d", i, i*i)
	}
	m := NewMasker(values)
	m.WellKnown = true
	text := strings.Repeat("terraform_data.net[0]: Still creating... [10s elapsed] "+strings.Repeat("plain words of a log ", 3)+"\n", 10000)
	w := NewLineWriter(m, func(string) {})
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, _ = w.Write([]byte(text))
	}
}
