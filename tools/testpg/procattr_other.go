//go:build unix && !linux

package main

import "syscall"

// dieWithParent has no counterpart outside Linux: a killed testpg leaves its
// server behind there.
func dieWithParent(attr *syscall.SysProcAttr, _ syscall.Signal) *syscall.SysProcAttr { return attr }
