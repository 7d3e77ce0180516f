package identity

import (
	"fmt"
	"testing"
)

// TestVerifiedIsBounded fills the memory of tokens: what is used stays, the
// rest is forgotten in time, and it never holds more than it may.
func TestVerifiedIsBounded(t *testing.T) {
	var v verified
	note := func(token string) {
		_, key, ok := v.get(token)
		if ok {
			return
		}
		c := claims{Epoch: len(token)}
		c.Subject = token
		v.put(key, c)
	}
	note("used")
	note("unused")
	for i := range 3 * verifiedTokens {
		note(fmt.Sprint(i))
		if i%(verifiedTokens/2) == 0 {
			note("used")
		}
		if n := len(v.young) + len(v.old); n > 2*verifiedTokens {
			t.Fatalf("%d tokens are remembered", n)
		}
	}
	if c, _, ok := v.get("used"); !ok || c.Subject != "used" || c.Epoch != 4 {
		t.Errorf("a token in use: %+v %v", c, ok)
	}
	if _, _, ok := v.get("unused"); ok {
		t.Error("an unused token is remembered")
	}
	if _, _, ok := v.get("use"); ok {
		t.Error("a truncated token is remembered")
	}
}
