// Package rootfs puts a container's file system together: layers below, what it writes on top, volumes and shares within.
package rootfs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"stowage/guest/internal/disk"
	"stowage/guest/internal/kernel"
	"stowage/guest/internal/spec"
)

// Where things are mounted. Layers' names are short: the options of a mount are a page at most.
const (
	Root    = "/c"
	scratch = "/s"
	layers  = "/l"
	volumes = "/v"
	Plain   = "/plain"
	lower   = "/lower"
)

// Tree is a container's file system.
type Tree struct {
	mounted []string          // in their order
	points  map[string]string // where volumes are bound to, by their destinations
	where   map[string]string // where they are mounted
	lowers  []string          // the highest first
	modules *kernel.Modules
}

// New makes one of which nothing is mounted.
func New(modules *kernel.Modules) *Tree {
	return &Tree{points: map[string]string{}, where: map[string]string{}, modules: modules}
}

func (t *Tree) mount(source, target, kind string, flags uintptr, data string) error {
	if err := kernel.Mount(source, target, kind, flags, data); err != nil {
		return err
	}
	t.mounted = append(t.mounted, target)
	return nil
}

// Assemble mounts layers and scratch disk and puts the one over the other.
func (t *Tree) Assemble(ctx context.Context, disks spec.Disks, c spec.Container) error {
	for at, uuid := range disks.Layers {
		device, err := disk.Find(ctx, uuid)
		if err != nil {
			return fmt.Errorf("layer %d: %w", at, err)
		}
		target := fmt.Sprintf("%s/%d", layers, at)
		if err := disk.MountExt4(device, target, syscall.MS_RDONLY, "noload"); err != nil {
			return fmt.Errorf("layer %d: %w", at, err)
		}
		t.mounted = append(t.mounted, target)
		t.lowers = append(t.lowers, target+"/rootfs")
	}
	slices.Reverse(t.lowers)
	device, err := disk.Find(ctx, disks.Scratch)
	if err != nil {
		return fmt.Errorf("the scratch disk: %w", err)
	}
	if _, err := disk.Ready(device, "stowage-scratch", false); err != nil {
		return fmt.Errorf("the scratch disk: %w", err)
	}
	if err := disk.MountExt4(device, scratch, 0, ""); err != nil {
		return fmt.Errorf("the scratch disk: %w", err)
	}
	t.mounted = append(t.mounted, scratch)
	if err := t.modules.Load("overlay"); err != nil {
		return err
	}
	return t.overlay(c)
}

// overlay: mount points have a layer of their own, as Docker's do, so that they are no changes of the container's.
func (t *Tree) overlay(c spec.Container) error {
	if _, err := os.Stat(scratch + "/made"); err != nil {
		if err := t.makePoints(c); err != nil {
			return err
		}
	}
	below := strings.Join(append([]string{scratch + "/points"}, t.lowers...), ":")
	for _, each := range []string{"/upper", "/work"} {
		if err := os.MkdirAll(scratch+each, 0o755); err != nil {
			return err
		}
	}
	if err := t.mount("overlay", Root, "overlay", 0, options(below, "upper", "work")); err != nil {
		return err
	}
	// Of files alone, without what is mounted on them.
	if err := t.mount(Root, Plain, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	// What is mounted here later shows up in the container, whose own mount namespace is its slave.
	return syscall.Mount("", Root, "", syscall.MS_SHARED, "")
}

func options(below, upper, work string) string {
	return "redirect_dir=off,metacopy=off,index=off,xino=off,lowerdir=" + below + ",upperdir=" + scratch + "/" + upper + ",workdir=" + scratch + "/" + work
}

func (t *Tree) makePoints(c spec.Container) error {
	for _, each := range []string{"/points", "/points.work", "/upper", "/work"} {
		if err := os.RemoveAll(scratch + each); err != nil { // a start before may have ended in the middle
			return err
		}
		if err := os.MkdirAll(scratch+each, 0o755); err != nil {
			return err
		}
	}
	below := strings.Join(t.lowers, ":")
	if err := kernel.Mount("overlay", Root, "overlay", 0, options(below, "points", "points.work")); err != nil {
		return err
	}
	err := makePointsIn(c)
	if unmountErr := syscall.Unmount(Root, 0); err == nil {
		err = unmountErr
	}
	if err != nil {
		return err
	}
	// The root's own owner and mode come from the layer on top.
	if err := copyAttributes(t.lowers[0], scratch+"/points"); err != nil {
		return err
	}
	if err := copyAttributes(t.lowers[0], scratch+"/upper"); err != nil {
		return err
	}
	return os.WriteFile(scratch+"/made", nil, 0o600)
}

func makePointsIn(c spec.Container) error {
	for _, each := range []string{"/dev", "/proc", "/sys", "/etc"} {
		if _, err := place(Root, each, true); err != nil {
			return err
		}
	}
	for _, each := range []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/.dockerenv"} {
		if _, err := place(Root, each, false); err != nil {
			return err
		}
	}
	if etc, err := Resolve(Root, "/etc"); err == nil {
		_ = os.Symlink("/proc/mounts", filepath.Join(etc, "mtab")) // one that the image has stays
	}
	for _, each := range c.Mounts {
		if _, err := place(Root, each.Destination, true); err != nil {
			return fmt.Errorf("volume %s at %s: %w", each.Volume, each.Destination, err)
		}
	}
	return nil
}

// ReadOnly makes the root itself so: what is mounted in it stays as it is.
func (t *Tree) ReadOnly() error {
	return syscall.Mount("", Root, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "")
}

// Dismantle unmounts all of it, what was mounted last first. What is busy is detached, and the error says so.
func (t *Tree) Dismantle() error {
	var failures []string
	for _, each := range slices.Backward(t.mounted) {
		if err := syscall.Unmount(each, 0); err != nil {
			_ = syscall.Mount("", each, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
			_ = syscall.Unmount(each, syscall.MNT_DETACH)
			failures = append(failures, fmt.Sprintf("%s: %v", each, err))
		}
	}
	t.mounted = nil
	syscall.Sync()
	if failures != nil {
		return fmt.Errorf("unmount: %s", strings.Join(failures, "; "))
	}
	return nil
}
