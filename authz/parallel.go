package authz

import (
	"runtime"
	"sync"
)

// inParts calls work for contiguous parts of 0..n, on all processors if there
// is much to do. What the parts come to must not depend on how they are cut.
func inParts(n, small int, work func(from, to int)) {
	parts := runtime.GOMAXPROCS(0)
	if n < small || parts == 1 {
		work(0, n)
		return
	}
	var all sync.WaitGroup
	for part := range parts {
		all.Go(func() { work(n*part/parts, n*(part+1)/parts) })
	}
	all.Wait()
}

// fewChunks is up to how many chunks starting another goroutine is not worth
// it.
const fewChunks = 64
