package domain

import (
	"encoding/json"
	"strings"
)

// membersOf returns where the values of the members of a JSON object stand. It
// refuses anything but an object, and a name that is there twice in any object
// of it. body must be valid JSON.
func membersOf(body []byte) (map[string]span, error) {
	s := scan{body: body}
	s.space()
	if s.at == len(body) || body[s.at] != '{' {
		return nil, Invalid("state", "is not a JSON object")
	}
	top := map[string]span{}
	if err := s.object(top); err != nil {
		return nil, err
	}
	for name := range top {
		// Readers that do not mind capitals would take either.
		for other := range top {
			if name != other && strings.EqualFold(name, other) {
				return nil, twice(name)
			}
		}
	}
	return top, nil
}

func twice(name string) error { return Invalid("state", "has the member %q twice", clip(name)) }

// scan walks JSON that is known to be valid, which spares it nearly every check.
type scan struct {
	body []byte
	at   int
}

func (s *scan) space() {
	for s.at < len(s.body) && strings.IndexByte(" \t\r\n,:", s.body[s.at]) >= 0 {
		s.at++
	}
}

// value skips one value.
func (s *scan) value() error {
	s.space()
	switch s.body[s.at] {
	case '{':
		return s.object(nil)
	case '[':
		return s.list()
	case '"':
		s.text()
	default: // a number or a word
		for s.at < len(s.body) && strings.IndexByte(" \t\r\n,:]}", s.body[s.at]) < 0 {
			s.at++
		}
	}
	return nil
}

func (s *scan) list() error {
	s.at++
	for s.space(); s.body[s.at] != ']'; s.space() {
		if err := s.value(); err != nil {
			return err
		}
	}
	s.at++
	return nil
}

// object skips an object and notes its members in top, if that is not nil.
func (s *scan) object(top map[string]span) error {
	s.at++
	seen := map[string]bool{}
	for s.space(); s.body[s.at] != '}'; s.space() {
		name := s.name()
		if seen[name] {
			return twice(name)
		}
		seen[name] = true
		s.space()
		from := s.at
		if err := s.value(); err != nil {
			return err
		}
		if top != nil {
			top[name] = span{from, s.at}
		}
	}
	s.at++
	return nil
}

// text skips a string and returns it as it is written, quotes included.
func (s *scan) text() []byte {
	from := s.at
	for s.at++; s.body[s.at] != '"'; s.at++ {
		if s.body[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
	return s.body[from:s.at]
}

// name reads the name of a member, so that two spellings of one are the same.
func (s *scan) name() (name string) {
	raw := s.text()
	_ = json.Unmarshal(raw, &name) // it is a valid string
	return name
}
