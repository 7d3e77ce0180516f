package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// builder puts a box together below root. Places in it are only ever reached
// through root: an earlier process of the box may have left links there.
type builder struct {
	at   string
	root *os.Root
}

// build makes the box and moves into it.
func build(s spec) error {
	defer unix.Umask(unix.Umask(0o022)) // others pass through the box's own directories
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("take the mounts apart: %w", err)
	}
	if err := unix.Mount("airlock", s.Paths.Root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=16m"); err != nil {
		return fmt.Errorf("make the box: %w", err)
	}
	root, err := os.OpenRoot(s.Paths.Root)
	if err != nil {
		return fmt.Errorf("make the box: %w", err)
	}
	defer func() { _ = root.Close() }() // it was only looked into
	b := builder{s.Paths.Root, root}
	for _, step := range []func() error{
		func() error { return b.temp(s.Paths) },
		func() error { return b.readable(s.System) },
		func() error { return b.hidden(s.Hide) }, // before the run's own, which may lie below
		func() error { return b.readable(s.Paths.Read) },
		func() error { return b.writable(s.Paths) },
		b.devices,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return b.enter()
}

func (b builder) temp(p Paths) error {
	for _, name := range []string{"/tmp", "/var/tmp"} {
		if err := b.bind(p.Temp, name, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV); err != nil {
			return err
		}
	}
	return nil
}

func (b builder) readable(paths []string) error {
	for _, path := range paths {
		if b.shows(path) {
			continue
		}
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 && strings.Count(path, "/") == 1 { // such as /bin to usr/bin
			target, err := os.Readlink(path)
			if err == nil {
				err = b.root.Symlink(target, strings.TrimPrefix(path, "/"))
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := b.bind(path, path, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV); err != nil {
			return err
		}
	}
	return nil
}

// shows reports whether a path is in the box already, as part of another one.
func (b builder) shows(path string) bool {
	inside, err1 := b.root.Stat(strings.TrimPrefix(path, "/"))
	outside, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(inside, outside)
}

// hidden covers what must not be seen, where a readable directory shows it.
func (b builder) hidden(paths []string) error {
	for _, path := range paths {
		info, err := b.root.Stat(strings.TrimPrefix(path, "/"))
		switch {
		case err != nil:
			continue // it does not show
		case info.IsDir():
			err = b.on(path, true, func(target string) error {
				return unix.Mount("hidden", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=1m")
			})
		default:
			err = b.bind(os.DevNull, path, unix.MOUNT_ATTR_RDONLY)
		}
		if err != nil {
			return fmt.Errorf("hide %s: %w", path, err)
		}
	}
	return nil
}

func (b builder) writable(p Paths) error {
	for _, path := range append([]string{p.Temp}, p.Write...) {
		if err := b.bind(path, path, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV); err != nil {
			return err
		}
	}
	return nil
}

func (b builder) devices() error {
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if _, err := os.Stat("/dev/" + name); err != nil {
			continue
		}
		if err := b.bind("/dev/"+name, "/dev/"+name, unix.MOUNT_ATTR_NOSUID); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := b.root.Symlink(target, "dev/"+name); err != nil {
			return err
		}
	}
	for _, m := range []struct{ where, kind, options string }{{"/dev/shm", "tmpfs", "mode=1777"}, {"/proc", "proc", ""}} {
		err := b.on(m.where, true, func(target string) error {
			return unix.Mount(m.kind, target, m.kind, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, m.options)
		})
		if err != nil {
			return fmt.Errorf("mount %s: %w", m.where, err)
		}
	}
	return nil
}

// bind shows a file or directory of the machine at a place of the box.
func (b builder) bind(source, place string, attributes uint64) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	err = b.on(place, info.IsDir(), func(target string) error {
		tree, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(tree) }()
		attr := unix.MountAttr{Attr_set: attributes}
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
			return err
		}
		return unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS)
	})
	if err != nil {
		return fmt.Errorf("show %s: %w", source, err)
	}
	return nil
}

// on makes a place of the box and mounts something there.
func (b builder) on(place string, isDir bool, mount func(target string) error) error {
	name := strings.TrimPrefix(filepath.Clean(place), "/")
	parent := name
	if !isDir {
		parent = filepath.Dir(name)
	}
	if err := b.root.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	if !isDir {
		f, err := b.root.OpenFile(name, os.O_CREATE|os.O_RDONLY, 0o444)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		return mount("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	}
	f, err := b.root.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return mount("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
}

// enter makes the box the whole world.
func (b builder) enter() error {
	if err := os.Chdir(b.at); err != nil {
		return fmt.Errorf("enter the box: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("enter the box: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the machine: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("enter the box: %w", err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", 0, &attr); err != nil {
		return fmt.Errorf("seal the box: %w", err)
	}
	return nil
}
