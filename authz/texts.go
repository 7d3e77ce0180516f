package authz

import (
	"slices"
	"strings"
)

// texts is an immutable list of ids. A list of nothing but ULIDs takes 16
// bytes for each; any other list is one string and where each id ends in it.
type texts struct {
	ulids []ulid
	blob  string
	ends  []uint32
}

// textsOf makes a list of n ids.
func textsOf(n int, id func(i int) string) texts {
	ulids := make([]ulid, 0, n)
	for i := range n {
		u, ok := parseULID(id(i))
		if !ok {
			return plainTexts(n, id)
		}
		ulids = append(ulids, u)
	}
	return texts{ulids: ulids}
}

func plainTexts(n int, id func(i int) string) texts {
	size := 0
	for i := range n {
		size += len(id(i))
	}
	var blob strings.Builder
	blob.Grow(size)
	ends := make([]uint32, n)
	for i := range ends {
		blob.WriteString(id(i))
		ends[i] = uint32(blob.Len())
	}
	return texts{blob: blob.String(), ends: ends}
}

func (t *texts) len() int { return max(len(t.ulids), len(t.ends)) }

// start is where the i-th id of a plain list begins in the blob.
func (t *texts) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return t.ends[i-1]
}

// at returns the i-th id. It allocates if it is a ULID.
func (t *texts) at(i int) string {
	if len(t.ends) == 0 {
		return t.ulids[i].String()
	}
	return t.blob[t.start(i):t.ends[i]]
}

// insert returns the list with s before the i-th id.
func (t *texts) insert(i int, s string) texts {
	u, ok := parseULID(s)
	switch {
	case len(t.ends) > 0:
		return t.insertPlain(i, s)
	case ok:
		ulids := make([]ulid, len(t.ulids)+1)
		copy(ulids, t.ulids[:i])
		ulids[i] = u
		copy(ulids[i+1:], t.ulids[i:])
		return texts{ulids: ulids}
	default:
		plain := plainTexts(len(t.ulids), t.at)
		return plain.insertPlain(i, s)
	}
}

func (t *texts) insertPlain(i int, s string) texts {
	at := t.start(i)
	ends := make([]uint32, len(t.ends)+1)
	copy(ends, t.ends[:i])
	ends[i] = at + uint32(len(s))
	for j, end := range t.ends[i:] {
		ends[i+1+j] = end + uint32(len(s))
	}
	return texts{blob: t.blob[:at] + s + t.blob[at:], ends: ends}
}

// remove returns the list without the i-th id.
func (t *texts) remove(i int) texts {
	if len(t.ends) == 0 {
		return texts{ulids: slices.Concat(t.ulids[:i], t.ulids[i+1:])}
	}
	from, to := t.start(i), t.ends[i]
	ends := slices.Concat(t.ends[:i], t.ends[i+1:])
	for j := i; j < len(ends); j++ {
		ends[j] -= to - from
	}
	return texts{blob: t.blob[:from] + t.blob[to:], ends: ends}
}

// wanted is an id that is looked for in lists.
type wanted struct {
	text   string
	ulid   ulid
	isULID bool
}

func want(s string) (w wanted) {
	w.parse(s)
	return w
}

// parse is want in place: copying what was just written would wait for it.
func (w *wanted) parse(s string) {
	w.text = s
	w.ulid, w.isULID = parseULID(s)
}

// hash is that of the id. A ULID's costs next to nothing once it is parsed.
func (w *wanted) hash() uint64 {
	if w.isULID {
		return w.ulid.hash()
	}
	return hashOf(w.text)
}

// hash is that of the i-th id.
func (t *texts) hash(i int) uint64 {
	if len(t.ends) == 0 {
		return t.ulids[i].hash()
	}
	w := want(t.at(i))
	return w.hash()
}

// is reports whether the i-th id is w.
func (t *texts) is(i int, w *wanted) bool {
	if len(t.ends) == 0 {
		return w.isULID && t.ulids[i] == w.ulid
	}
	return t.at(i) == w.text
}

func (t *texts) compare(i int, w *wanted) int {
	if len(t.ends) == 0 && w.isULID {
		return t.ulids[i].compare(w.ulid)
	}
	return strings.Compare(t.at(i), w.text)
}

// search returns where in from..to, which is sorted, w is or belongs.
func (t *texts) search(from, to int, w *wanted) (at int, found bool) {
	for from < to {
		mid := (from + to) / 2
		switch c := t.compare(mid, w); {
		case c == 0:
			return mid, true
		case c < 0:
			from = mid + 1
		default:
			to = mid
		}
	}
	return from, false
}
