package main

import "syscall"

// dieWithParent makes the kernel send sig to the process when testpg is gone,
// even if testpg was killed and could stop nothing itself.
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) *syscall.SysProcAttr {
	attr.Pdeathsig = sig
	return attr
}
