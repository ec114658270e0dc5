package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"

	"stowage/guest/internal/rootfs"
	"stowage/guest/internal/spec"
)

// mounts is where the disks of volumes are in the container, by their uuids: from its start, and as they come and go.
type mounts struct {
	mu sync.Mutex
	at map[string][]string
}

// begin takes what was mounted before the process was started.
func (b *mounts) begin(c spec.Container, disks spec.Disks) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = map[string][]string{}
	for _, each := range c.Mounts {
		if volume, is := disks.Volumes[each.Volume]; is {
			b.at[volume.UUID] = append(b.at[volume.UUID], path.Clean("/"+each.Destination))
		}
	}
}

// add: what is there already is as it was asked for.
func (b *mounts) add(tree *rootfs.Tree, m spec.Mount, volume spec.Volume) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	destination := path.Clean("/" + m.Destination)
	for uuid, all := range b.at {
		switch is := slices.Contains(all, destination); {
		case is && uuid == volume.UUID:
			return nil
		case is:
			return conflict(fmt.Sprintf("something else is mounted at %s", destination))
		}
	}
	if err := tree.MountDisk(context.Background(), m, volume); err != nil {
		return err
	}
	b.at[volume.UUID] = append(b.at[volume.UUID], destination)
	return nil
}

// remove: what is nowhere is as it was asked for.
func (b *mounts) remove(tree *rootfs.Tree, uuid string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.at[uuid]) > 0 {
		last := len(b.at[uuid]) - 1
		if err := tree.Unmount(b.at[uuid][last]); err != nil && !errors.Is(err, rootfs.ErrNoMount) {
			return err
		}
		b.at[uuid] = b.at[uuid][:last]
	}
	delete(b.at, uuid)
	return nil
}
