package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"stowage/guest/internal/disk"
	"stowage/guest/internal/spec"
)

// ErrNoMount: nothing is mounted there.
var ErrNoMount = errors.New("no volume is mounted there")

// MountVolumes mounts them within the root, the shallow ones before what lies in them.
func (t *Tree) MountVolumes(ctx context.Context, mounts []spec.Mount, disks spec.Disks) error {
	for _, each := range inDepth(mounts) {
		if err := t.mountVolume(ctx, each, disks); err != nil {
			return fmt.Errorf("volume %s at %s: %w", each.Volume, each.Destination, err)
		}
	}
	return nil
}

func inDepth(mounts []spec.Mount) []spec.Mount {
	ordered := slices.Clone(mounts)
	depth := func(m spec.Mount) int { return strings.Count(path.Clean("/"+m.Destination), "/") }
	slices.SortStableFunc(ordered, func(a, b spec.Mount) int { return depth(a) - depth(b) })
	return ordered
}

func (t *Tree) mountVolume(ctx context.Context, m spec.Mount, disks spec.Disks) error {
	if share, is := disks.Shares[m.Volume]; is {
		return t.bindVolume(m, func(where string) error { return t.mountShare(share, where, m.Access == spec.ReadOnly) })
	}
	volume, is := disks.Volumes[m.Volume]
	if !is {
		return errors.New("its disk is not named")
	}
	return t.MountDisk(ctx, m, volume)
}

// MountDisk mounts a volume that is a disk.
func (t *Tree) MountDisk(ctx context.Context, m spec.Mount, volume spec.Volume) error {
	device, err := disk.Find(ctx, volume.UUID)
	if err != nil {
		return err
	}
	return t.bindVolume(m, func(where string) error {
		readOnly := volume.Access == spec.ReadOnly
		isNew, err := disk.Ready(device, m.Volume, readOnly)
		if err != nil {
			return err
		}
		if readOnly {
			// noload: the journal of a disk that may not be written cannot be played back.
			if err := disk.MountExt4(device, where, syscall.MS_RDONLY, ""); err != nil {
				return disk.MountExt4(device, where, syscall.MS_RDONLY, "noload")
			}
			return nil
		}
		if err := disk.MountExt4(device, where, 0, ""); err != nil {
			return err
		}
		if isNew {
			// Programs that want an empty directory do not count it as one with this in it; e2fsck makes another.
			_ = os.Remove(where + "/lost+found")
		}
		return nil
	})
}

// bindVolume mounts it once, wherever it is used, and binds it to where the container has it. The same volume may be at several places.
func (t *Tree) bindVolume(m spec.Mount, mount func(where string) error) error {
	where := path.Join(volumes, m.Volume)
	if !slices.Contains(t.mounted, where) {
		if err := mount(where); err != nil {
			return err
		}
		t.mounted = append(t.mounted, where)
	}
	target, err := place(Root, m.Destination, true)
	if err != nil {
		return err
	}
	if !m.NoCopy {
		if err := copyUp(target, where); err != nil {
			return fmt.Errorf("copying what the image has there: %w", err)
		}
	}
	if err := syscall.Mount(where, target, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if m.Access == spec.ReadOnly {
		if err := syscall.Mount("", target, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			_ = syscall.Unmount(target, 0)
			return fmt.Errorf("read-only: %w", err)
		}
	}
	t.mounted = append(t.mounted, target)
	t.points[path.Clean("/"+m.Destination)] = target
	t.where[path.Clean("/"+m.Destination)] = where
	return nil
}

// Unmount takes a volume away from the running container; an error that wraps syscall.EBUSY when something there is in use.
func (t *Tree) Unmount(destination string) error {
	destination = path.Clean("/" + destination)
	target, is := t.points[destination]
	if !is {
		return ErrNoMount
	}
	where := t.where[destination]
	if err := syscall.Unmount(target, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", destination, err)
	}
	delete(t.points, destination)
	delete(t.where, destination)
	t.mounted = slices.DeleteFunc(t.mounted, func(each string) bool { return each == target })
	for _, each := range t.where {
		if each == where {
			return nil
		}
	}
	device := deviceOf(where)
	if err := syscall.Unmount(where, 0); err != nil {
		return fmt.Errorf("unmount the volume at %s: %w", destination, err)
	}
	t.mounted = slices.DeleteFunc(t.mounted, func(each string) bool { return each == where })
	if strings.HasPrefix(device, "/dev/sd") {
		disk.Forget(device)
	}
	return nil
}

func deviceOf(where string) string {
	text, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.SplitSeq(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == where {
			return fields[0]
		}
	}
	return ""
}
