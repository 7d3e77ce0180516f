package e2e

import (
	"bytes"
	"debug/elf"
	little "encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// skewed is the clock of the machine as one process sees it. On Linux a process
// reads it from a page of code that the kernel maps, its vDSO; each process has
// its own copy as soon as somebody writes to it. The running time stays true.
type skewed struct {
	memory *os.File
	offset int64 // where in it the seconds stand that are added
}

// machineCode asks the kernel for a clock (rdi is which, rsi where it goes) and
// adds the four bytes before the last one to the seconds of clock 0, the wall's.
var machineCode = []byte{
	0x57, 0x56, // push rdi; push rsi
	0xb8, 0xe4, 0, 0, 0, // mov eax, 228 (clock_gettime)
	0x0f, 0x05, // syscall
	0x5e, 0x5f, // pop rsi; pop rdi
	0x85, 0xff, 0x75, 0x07, // test edi, edi; jne to the end
	0x48, 0x81, 0x06, 0, 0, 0, 0, // add qword [rsi], seconds
	0xc3, // ret
}

// skew takes a process's clock over; set then sets it. The test is skipped where
// that cannot be done.
func skew(t *testing.T, pid int) *skewed {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("not run: the clock of a process can be set on linux/amd64 only")
	}
	start, size := vdso(t, pid)
	memory, err := os.OpenFile("/proc/"+strconv.Itoa(pid)+"/mem", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("not run: the memory of a process cannot be opened: %v", err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	image := make([]byte, size)
	if _, err := memory.ReadAt(image, start); err != nil {
		t.Fatal(err)
	}
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int64{}
	for _, s := range symbols {
		at[s.Name] = start + int64(s.Value)
	}
	// The new code goes to where Go never comes by, and then a jump to it.
	from, to := at["__vdso_clock_gettime"], at["__vdso_gettimeofday"]
	if from == 0 || to == 0 {
		t.Skipf("not run: the vDSO has %v", at)
	}
	c := &skewed{memory: memory, offset: to + int64(len(machineCode)) - 5}
	jump := little.LittleEndian.AppendUint32([]byte{0xe9}, uint32(int32(to-from-5)))
	c.write(t, to, machineCode)
	halted(t, pid, start, start+size, func() { c.write(t, from, jump) })
	return c
}

func (c *skewed) write(t *testing.T, at int64, what []byte) {
	t.Helper()
	if _, err := c.memory.WriteAt(what, at); err != nil {
		t.Fatal(err)
	}
}

// set sets the clock to this much after the true time.
func (c *skewed) set(t *testing.T, d time.Duration) {
	t.Helper()
	if s := d / time.Second; s < math.MinInt32 || s > math.MaxInt32 {
		t.Fatal("too far")
	}
	c.write(t, c.offset, little.LittleEndian.AppendUint32(nil, uint32(int32(d/time.Second))))
}

// vdso says where a process has that code.
func vdso(t *testing.T, pid int) (start, size int64) {
	t.Helper()
	for range 100 {
		maps, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/maps")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(maps)) {
			var end int64
			if !strings.Contains(line, "[vdso]") {
				continue
			}
			if _, err := fmt.Sscanf(line, "%x-%x", &start, &end); err != nil {
				t.Fatal(err)
			}
			return start, end - start
		}
		time.Sleep(20 * time.Millisecond) // it has only just begun
	}
	t.Skip("not run: the process reads its clock in another way")
	return 0, 0
}

// halted does something while a process stands still with no thread in the code
// between two addresses.
func halted(t *testing.T, pid int, from, to int64, do func()) {
	t.Helper()
	goOn := func() { _ = syscall.Kill(pid, syscall.SIGCONT) } // it is ours and alive
	defer goOn()
	await(t, "no thread to read the clock", 10*time.Second, func() bool {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if stands(t, pid, from, to) {
			return true
		}
		goOn()
		return false
	})
	do()
}

// stands reports whether all threads are stopped elsewhere.
func stands(t *testing.T, pid int, from, to int64) bool {
	t.Helper()
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*")
	if err != nil || len(tasks) == 0 {
		t.Fatal(err)
	}
	for _, task := range tasks {
		stat, err := os.ReadFile(task + "/stat")
		if err != nil {
			continue // the thread has ended
		}
		if i := bytes.LastIndexByte(stat, ')'); !bytes.HasPrefix(stat[i:], []byte(") T")) {
			return false
		}
		where, err := os.ReadFile(task + "/syscall")
		if err != nil {
			t.Skipf("not run: %v", err)
		}
		fields := strings.Fields(string(where))
		pc, err := strconv.ParseInt(strings.TrimPrefix(fields[len(fields)-1], "0x"), 16, 64)
		if err != nil {
			t.Skipf("not run: a thread is at %s", where)
		}
		if pc >= from && pc < to {
			return false
		}
	}
	return true
}
