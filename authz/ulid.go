package authz

import "cmp"

// ulid is the value of a ULID in its canonical spelling: 26 digits of
// Crockford's base 32 in upper case. It orders as the spelling does.
type ulid struct{ hi, lo uint64 }

const (
	ulidLen    = 26
	ulidDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// ulidValues maps a byte to the value of the digit, or to 0xff.
var ulidValues = func() (values [256]uint8) {
	for i := range values {
		values[i] = 0xff
	}
	for v := range uint8(len(ulidDigits)) {
		values[ulidDigits[v]] = v
	}
	return values
}()

// parseULID is exact: where ok, String of the result is s.
func parseULID(s string) (u ulid, ok bool) {
	if len(s) != ulidLen || s[0] > '7' {
		return ulid{}, false
	}
	// Of the 130 bits, the upper two are zero. Each half has 65 of them.
	var head, tail uint64
	var all uint8
	for i := range ulidLen / 2 {
		a, b := ulidValues[s[i]], ulidValues[s[i+ulidLen/2]]
		head, tail = head<<5|uint64(a), tail<<5|uint64(b)
		all |= a | b
	}
	return ulid{head<<1 | uint64(ulidValues[s[ulidLen/2]]>>4), tail}, all < 32
}

func (u ulid) String() string {
	var b [ulidLen]byte
	for i := range 12 {
		b[25-i] = ulidDigits[u.lo>>(5*i)&31]
	}
	b[13] = ulidDigits[(u.lo>>60|u.hi<<4)&31]
	for i := range 13 {
		b[12-i] = ulidDigits[u.hi>>(1+5*i)&31]
	}
	return string(b[:])
}

func (u ulid) compare(v ulid) int {
	if c := cmp.Compare(u.hi, v.hi); c != 0 {
		return c
	}
	return cmp.Compare(u.lo, v.lo)
}
