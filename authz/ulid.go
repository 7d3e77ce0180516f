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
	// Four lanes of 7, 6, 7 and 6 digits keep more of the processor busy than
	// one would. Of the 130 bits, the upper two are zero.
	a, c := uint64(ulidValues[s[0]]), uint64(ulidValues[s[13]])
	var b, d uint64
	all := a | c
	for i := range 6 {
		v, w := uint64(ulidValues[s[i+1]]), uint64(ulidValues[s[i+7]])
		x, y := uint64(ulidValues[s[i+14]]), uint64(ulidValues[s[i+20]])
		a, b, c, d = a<<5|v, b<<5|w, c<<5|x, d<<5|y
		all |= v | w | x | y
	}
	return ulid{a<<31 | b<<1 | c>>34, c<<30 | d}, all < 32
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
