package secrets

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMask(t *testing.T) {
	for name, c := range map[string]struct {
		values   []string
		in, want string
	}{
		"plain":            {[]string{"hunter22"}, "pw=hunter22;", "pw=***;"},
		"nothing":          {[]string{"hunter22"}, "nothing here", "nothing here"},
		"no secrets":       {nil, "hunter22", "hunter22"},
		"twice":            {[]string{"abcd"}, "abcd-abcdabcd", "***-***"},
		"longest first":    {[]string{"abcd", "abcdef"}, "abcdef abcd", "*** ***"},
		"overlap":          {[]string{"abcdef", "efghij"}, "xabcdefghijx", "x***x"},
		"inside":           {[]string{"abcdefgh", "cdef"}, "abcdefgh", "***"},
		"short":            {[]string{"abc", ""}, "abc", "abc"},
		"same":             {[]string{"abcd", "abcd"}, "abcd", "***"},
		"lines":            {[]string{"first-line\n  second-line  \r\nab\n"}, "a second-line, first-line, ab", "a ***, ***, ab"},
		"query":            {[]string{"a b&c/d"}, "q=a+b%26c%2Fd", "q=***"},
		"lower hex":        {[]string{"a b&c/d"}, "q=a%20b%26c%2fd", "q=***"},
		"path":             {[]string{"a b&c/d"}, "/a%20b&c%2Fd/", "/***/"},
		"json":             {[]string{"a\"b\\c<d>"}, `{"k":"a\"b\\c<d>"}`, `{"k":"***"}`},
		"json html":        {[]string{"a\"b<d>"}, `"a\"b\u003cd\u003e"`, `"***"`},
		"json twice":       {[]string{"a\"b\"c"}, `"{\"k\":\"a\\\"b\\\"c\"}"`, `"{\"k\":\"***\"}"`},
		"json of lines":    {[]string{"ab\ncd\nef"}, `"ab\ncd\nef"`, `"***"`},
		"ends with quote":  {[]string{`say "hi"`}, `{"k":"say \"hi\""}`, `{"k":"***"}`},
		"hcl":              {[]string{"a${b}%{c}"}, `x = "a$${b}%%{c}"`, `x = "***"`},
		"not valid utf-8":  {[]string{"\xff\xfe\xfd\xfc"}, "a\xff\xfe\xfd\xfcb", "a***b"},
		"at the very ends": {[]string{"abcd"}, "abcd", "***"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := NewMasker(c.values).Mask(c.in); got != c.want {
				t.Errorf("Mask(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
	if n := NewMasker([]string{"abc", "", "abcd", "x"}).Ignored(); n != 2 {
		t.Errorf("ignored = %d", n)
	}
}

// survives reports whether enough of the secret is left to be worth anything.
func survives(masked, encoded string) bool {
	for i := 0; i+12 <= len(encoded); i++ {
		if strings.Contains(masked, encoded[i:i+12]) {
			return true
		}
	}
	return false
}

func TestMaskBase64(t *testing.T) {
	secret := "canary>>>???-0123456789-ÿÿÿ"
	m := NewMasker([]string{secret})
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
		for before := range 7 {
			for after := range 4 {
				text := enc.EncodeToString([]byte(strings.Repeat("p", before) + secret + strings.Repeat("s", after)))
				masked := m.Mask(text)
				if !strings.Contains(masked, Mask) || survives(masked, enc.EncodeToString([]byte(secret))) || len(masked) > len(text)-len(secret)+3 {
					t.Errorf("%d before, %d after: %q -> %q", before, after, text, masked)
				}
			}
		}
	}
}

func TestMaskWrappedBase64(t *testing.T) {
	secret := strings.Repeat("0123456789abcdefghij-", 20)
	m := NewMasker([]string{secret})
	for _, width := range []int{64, 76} {
		text := base64.StdEncoding.EncodeToString([]byte(secret))
		for at := 0; at < len(text); at += width {
			line := text[at:min(at+width, len(text))]
			if masked := m.Mask(line); len(masked) > 6 {
				t.Errorf("width %d: %q -> %q", width, line, masked)
			}
		}
	}
}

func TestLongSecretsInPieces(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "%05d", i*7919%100_000)
	}
	m := NewMasker([]string{b.String()})
	if m.longest > 2*pieceSize {
		t.Errorf("the longest needle has %d bytes", m.longest)
	}
	if got := m.Mask("a" + b.String() + "b"); strings.Trim(got, "*") != "a***b" && strings.Contains(got, "0") {
		t.Errorf("left: %q", got)
	}
}

func TestLineWriter(t *testing.T) {
	var lines []string
	w := NewLineWriter(NewMasker([]string{"secret-value"}), func(l string) { lines = append(lines, l) })
	for _, part := range []string{"a sec", "ret-va", "lue b\n\nnext", " line\nrest sec", "ret-value"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := strings.Join(lines, "|"); got != "a *** b\n|\n|next line\n" {
		t.Errorf("before close: %q", got)
	}
	if err := w.Close(); err != nil || lines[len(lines)-1] != "rest ***\n" {
		t.Errorf("close: %v %q", err, lines)
	}
	w.Flush()
	if len(lines) != 4 {
		t.Errorf("a second flush added lines: %q", lines)
	}
}

func TestLineWriterBreaksLongLines(t *testing.T) {
	const secret = "the-very-secret-value"
	m := NewMasker([]string{secret})
	for offset := range len(secret) + 2 {
		var got strings.Builder
		w := NewLineWriter(m, func(l string) { got.WriteString(l) })
		head := strings.Repeat("x", offset%2) + strings.Repeat("é", (maxLine-offset)/2)
		body := head + secret + strings.Repeat(secret, 4000) + strings.Repeat("y", 3*maxLine)
		for chunk := []byte(body); len(chunk) > 0; {
			n := min(len(chunk), 50_000)
			_, _ = w.Write(chunk[:n])
			chunk = chunk[n:]
		}
		_ = w.Close()
		text := strings.ReplaceAll(got.String(), "\n", "")
		if survives(text, secret) || strings.Count(text, "é") != (maxLine-offset)/2 || strings.Count(text, "y") != 3*maxLine {
			t.Fatalf("offset %d: something leaked or was lost", offset)
		}
		for line := range strings.Lines(got.String()) {
			if len(line) > maxLine+8 || !utf8.ValidString(line) {
				t.Fatalf("offset %d: a line of %d bytes, valid %v", offset, len(line), utf8.ValidString(line))
			}
		}
	}
}

// FuzzRechunking: no canary survives, however its line is cut into writes.
func FuzzRechunking(f *testing.F) {
	f.Add("before ", " after\nnext ", "s3cr3t-canary", uint16(3), uint16(7), uint8(0))
	f.Add("", "", "p4ss\nw0rd-of-two", uint16(1), uint16(2), uint8(1))
	f.Add("{\"k\":\"", "\"}", "quote\"d\\", uint16(9), uint16(1), uint8(2))
	f.Add(strings.Repeat("x", maxLine-4), "y", "canary-at-the-cap", uint16(60000), uint16(5000), uint8(4))
	f.Fuzz(func(t *testing.T, before, after, secret string, first, step uint16, form uint8) {
		if len(secret) < MinMaskable || strings.ContainsAny(secret, "*\r\n") {
			t.Skip("a secret of this form is not masked by design")
		}
		forms := []string{secret, url.QueryEscape(secret), quote(secret), base64.StdEncoding.EncodeToString([]byte(secret)), url.PathEscape(secret)}
		shown := forms[int(form)%len(forms)]
		text := before + shown + after
		var got strings.Builder
		w := NewLineWriter(NewMasker([]string{secret}), func(l string) { got.WriteString(l) })
		rest := []byte(text)
		for n := int(first); len(rest) > 0; n = int(step) {
			n = min(max(n, 1), len(rest))
			_, _ = w.Write(rest[:n])
			rest = rest[n:]
		}
		_ = w.Close()
		if strings.Contains(strings.ReplaceAll(got.String(), "\n", ""), secret) && !strings.Contains(strings.ReplaceAll(before+"\n"+after, "\n", ""), secret) {
			t.Errorf("%q survived in %q", secret, got.String())
		}
		if strings.Contains(got.String(), secret) {
			t.Errorf("%q survived in %q", secret, got.String())
		}
	})
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

func BenchmarkMask(b *testing.B) {
	values := make([]string, 50)
	for i := range values {
		values[i] = fmt.Sprintf("secret-%d-%d", i, i*i)
	}
	m := NewMasker(values)
	line := strings.Repeat("terraform_data.net[0]: Still creating... [10s elapsed] ", 4)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		m.Mask(line)
	}
}
