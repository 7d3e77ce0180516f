package graphql

// dropEmptyParens blanks the empty argument and variable lists `()` that some
// clients send and the grammar forbids. Everything else stays byte for byte,
// and so do the positions in error messages. A pair is empty when nothing but
// white space, commas and comments stands in it; strings and comments are left
// alone.
func dropEmptyParens(document string) string {
	var out []byte
	open := -1 // position of the last "(" with nothing after it yet
	for i := 0; i < len(document); {
		next := i + 1
		switch c := document[i]; c {
		case ' ', '\t', '\n', '\r', ',':
		case '#':
			next = afterComment(document, i)
		case '"':
			next, open = afterString(document, i), -1
		case '(':
			open = i
		case ')':
			if open >= 0 {
				if out == nil {
					out = []byte(document)
				}
				out[open], out[i] = ' ', ' '
			}
			open = -1
		default:
			open = -1
		}
		i = next
	}
	if out == nil {
		return document
	}
	return string(out)
}

func afterComment(s string, i int) int {
	for i < len(s) && s[i] != '\n' && s[i] != '\r' {
		i++
	}
	return i
}

// afterString returns the position behind the string that begins at i. One
// that is not closed ends where its line does; the parser will complain.
func afterString(s string, i int) int {
	const fence = `"""`
	if len(s) >= i+3 && s[i:i+3] == fence {
		for j := i + 3; j < len(s); j++ {
			switch {
			case s[j] == '\\' && len(s) >= j+4 && s[j+1:j+4] == fence:
				j += 3
			case len(s) >= j+3 && s[j:j+3] == fence:
				return j + 3
			}
		}
		return len(s)
	}
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		case '\n', '\r':
			return j
		}
	}
	return len(s)
}
