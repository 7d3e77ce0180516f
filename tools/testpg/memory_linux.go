package main

import "golang.org/x/sys/unix"

// enough is more than all tests and benchmarks together have ever needed.
const enough = 6 << 30

// inMemory is a directory whose files are kept in memory, or empty where there
// is none with room. A database for a test is some 400 small files: on a disk,
// to make and to remove them takes longer than most tests.
func inMemory() string {
	const shared = "/dev/shm"
	var fs unix.Statfs_t
	if unix.Statfs(shared, &fs) != nil || fs.Type != unix.TMPFS_MAGIC || uint64(fs.Bsize)*fs.Bavail < enough {
		return ""
	}
	return shared
}
