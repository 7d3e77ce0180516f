package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// pieceSize bounds the length of a needle and with it what a LineWriter must
// hold back: a longer form is masked piece by piece.
const pieceSize = 1024

// needles returns the texts to look for when value is secret; each is at least
// MinMaskable bytes long and holds no newline.
func needles(value string) []string {
	forms := append(textForms(value), base64Forms(value)...)
	if strings.ContainsAny(value, "\r\n") {
		for _, line := range strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
			forms = append(forms, textForms(strings.TrimSpace(line))...)
		}
	}
	var out []string
	for _, f := range forms {
		if len(f) >= MinMaskable && !strings.ContainsAny(f, "\r\n") {
			out = append(out, pieces(f)...)
		}
	}
	return out
}

// pieces cuts a long form; the last piece takes what would be a short rest.
func pieces(form string) []string {
	var out []string
	for len(form) > 2*pieceSize {
		out = append(out, form[:pieceSize])
		form = form[pieceSize:]
	}
	return append(out, form)
}

// textForms are the value as it is, URL-encoded (upper and lower case digits,
// plus and %20) and escaped for JSON and HCL.
func textForms(value string) []string {
	if len(value) < MinMaskable {
		return nil
	}
	query, path := url.QueryEscape(value), url.PathEscape(value)
	strict := strings.ReplaceAll(query, "+", "%20")
	plain, html := jsonEscape(value, false), jsonEscape(value, true)
	hcl := strings.NewReplacer("${", "$${", "%{", "%%{").Replace(plain)
	return []string{
		value, query, lowerHex(query), path, lowerHex(path), strict, lowerHex(strict),
		plain, html, hcl, jsonEscape(plain, false),
	}
}

// lowerHex lower-cases the digits of percent escapes.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

func jsonEscape(s string, html bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	_ = e.Encode(s) // a string always encodes
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}

// base64Forms are the characters that value fixes in a base64 text, wherever
// in the encoded bytes it begins. The widths are those at which the common
// tools break the encoding of a whole file into lines.
func base64Forms(value string) []string {
	var out []string
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), value...))
			skip, end := (before*8+5)/6, (before+len(value))*8/6
			out = append(out, text[skip:end])
			if before > 0 {
				continue
			}
			for _, width := range []int{64, 76} {
				out = append(out, chunks(text, width)...)
			}
		}
	}
	return out
}

func chunks(text string, width int) []string {
	var out []string
	for len(text) > width {
		out = append(out, text[:width])
		text = text[width:]
	}
	if len(out) == 0 {
		return nil
	}
	return append(out, text)
}
