package authzen

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

// Bounds of a page of results.
const (
	pageSize    = 100
	maxPageSize = 1000
)

// cursor is where a page begins: after an id, in a search that its digest
// names. A token says both, and the limit, which the next page inherits. It
// needs no signature: whatever it says, only what the caller may know is found.
type cursor struct {
	search [16]byte
	limit  int
	after  string
}

// searchDigest names a search: what is asked, without the page.
func searchDigest(endpoint string, q *question) (d [16]byte) {
	h := sha256.New()
	for _, part := range []string{
		endpoint, q.subject.kind, q.subject.id, q.action, q.resource.kind, q.resource.id, q.phase,
	} {
		// Lengths keep the parts apart.
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	copy(d[:], h.Sum(nil))
	return d
}

// open reads what page is asked for.
func (p page) open(search [16]byte) (cursor, error) {
	c := cursor{search: search, limit: pageSize}
	if p.hasLimit {
		c.limit = min(p.limit, maxPageSize)
	}
	if p.token == "" {
		return c, nil
	}
	from, ok := parseToken(p.token)
	switch {
	case !ok || from.search != search:
		return c, badRequest("page.token: is not one of this search; everything but the token must stay as it was")
	case p.hasLimit && c.limit != from.limit:
		return c, badRequest("page.limit: must stay as it was")
	}
	return from, nil
}

func (c cursor) token() string {
	raw := append([]byte{}, c.search[:]...)
	raw = binary.AppendUvarint(raw, uint64(c.limit))
	return base64.RawURLEncoding.EncodeToString(append(raw, c.after...))
}

func parseToken(token string) (c cursor, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < len(c.search) {
		return c, false
	}
	copy(c.search[:], raw)
	limit, n := binary.Uvarint(raw[len(c.search):])
	if n <= 0 || limit > maxPageSize {
		return c, false
	}
	c.limit, c.after = int(limit), string(raw[len(c.search)+n:])
	return c, true
}
