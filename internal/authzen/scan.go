package authzen

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads one JSON text, strictly (RFC 8259, and RFC 7493 for strings).
// It exists because a request of a hundred questions spends most of its time
// in the reflection of encoding/json. After the first error nothing is read
// any more and err says what was wrong.
type scanner struct {
	text  string
	at    int
	depth int
	err   error
}

// maxDepth bounds how deep objects and arrays may be nested.
const maxDepth = 64

func newScanner(text string) *scanner {
	s := &scanner{text: text}
	if !utf8.ValidString(text) {
		s.err = fmt.Errorf("the body is not valid UTF-8")
	}
	return s
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("the body is not valid JSON: "+format+" at byte %d", append(args, s.at)...)
	}
}

// peek returns the first byte of the next token, 0 at the end or after an
// error.
func (s *scanner) peek() byte {
	for ; s.err == nil && s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take reads one byte if it comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// end checks that nothing follows.
func (s *scanner) end() {
	if s.peek() != 0 || s.err == nil && s.at < len(s.text) {
		s.fail("something follows the end")
	}
}

// object reads an object; member reads the value of each member. The caller
// has seen a brace.
func (s *scanner) object(member func(name string)) {
	s.sequence('{', '}', func() {
		name := s.str()
		if !s.take(':') {
			s.fail("a colon is missing")
		}
		if s.err == nil {
			member(name)
		}
	})
}

// array reads an array; element reads each element. The caller has seen a
// bracket.
func (s *scanner) array(element func()) { s.sequence('[', ']', element) }

func (s *scanner) sequence(first, last byte, part func()) {
	if s.depth++; s.depth > maxDepth {
		s.fail("more than %d levels", maxDepth)
	}
	defer func() { s.depth-- }()
	if !s.take(first) {
		s.fail("%q is missing", first)
	}
	if s.take(last) {
		return
	}
	for s.err == nil {
		part()
		if s.take(last) {
			return
		}
		if !s.take(',') {
			s.fail("a comma or %q is missing", last)
		}
	}
}

// str reads a string.
func (s *scanner) str() string {
	if !s.take('"') {
		s.fail("a string is missing")
		return ""
	}
	for from := s.at; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[from : s.at-1]
		case c == '\\':
			return s.escaped(from)
		case c < ' ':
			s.fail("a control character in a string")
			return ""
		}
	}
	s.fail("a string does not end")
	return ""
}

// escaped reads the rest of a string with escapes that began at from.
func (s *scanner) escaped(from int) string {
	var b strings.Builder
	b.WriteString(s.text[from:s.at])
	for s.err == nil && s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return b.String()
		case c == '\\':
			b.WriteRune(s.escape())
		case c < ' ':
			s.fail("a control character in a string")
		default:
			b.WriteByte(c)
		}
	}
	s.fail("a string does not end")
	return ""
}

// escape reads what follows a backslash.
func (s *scanner) escape() rune {
	if s.at >= len(s.text) {
		return 0
	}
	c := s.text[s.at]
	s.at++
	switch c {
	case '"', '\\', '/':
		return rune(c)
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'u':
		return s.codePoint()
	}
	s.fail("an unknown escape")
	return 0
}

// codePoint reads what follows \u, and the second half of a surrogate pair.
func (s *scanner) codePoint() rune {
	r := s.hex()
	if !utf16.IsSurrogate(r) {
		return r
	}
	if strings.HasPrefix(s.text[s.at:], `\u`) {
		s.at += 2
		if r = utf16.DecodeRune(r, s.hex()); r != utf8.RuneError {
			return r
		}
	}
	s.fail("half a surrogate pair")
	return 0
}

func (s *scanner) hex() (r rune) {
	for range 4 {
		if s.at >= len(s.text) {
			s.fail("an escape does not end")
			return 0
		}
		c := s.text[s.at]
		s.at++
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			s.fail("an escape with other than hexadecimal digits")
		}
	}
	return r
}

// skip reads a value that means nothing here.
func (s *scanner) skip() {
	switch c := s.peek(); {
	case c == '{':
		s.object(func(string) { s.skip() })
	case c == '[':
		s.array(s.skip)
	case c == '"':
		s.str()
	case c == '-' || '0' <= c && c <= '9':
		s.number()
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
	default:
		s.fail("a value is missing")
	}
}

func (s *scanner) word(w string) {
	if !strings.HasPrefix(s.text[s.at:], w) {
		s.fail("%s is misspelt", w)
		return
	}
	s.at += len(w)
}

// number reads a number and returns it as it is written.
func (s *scanner) number() string {
	s.peek()
	from := s.at
	s.sign("-")
	if s.at < len(s.text) && s.text[s.at] == '0' {
		s.at++
	} else {
		s.digits()
	}
	if s.at < len(s.text) && s.text[s.at] == '.' {
		s.at++
		s.digits()
	}
	if s.at < len(s.text) && (s.text[s.at] == 'e' || s.text[s.at] == 'E') {
		s.at++
		s.sign("+-")
		s.digits()
	}
	return s.text[from:s.at]
}

func (s *scanner) sign(of string) {
	if s.at < len(s.text) && strings.IndexByte(of, s.text[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) digits() {
	from := s.at
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
		s.at++
	}
	if s.at == from {
		s.fail("a digit is missing")
	}
}
