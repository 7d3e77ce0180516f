//go:build unix && !linux

package main

// inMemory is empty: the temporary directory is used.
func inMemory() string { return "" }
