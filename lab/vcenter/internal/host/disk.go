package host

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Locked says that another process has a disk open.
type Locked struct {
	Key   int32
	Cause error
}

func (e *Locked) Error() string { return e.Cause.Error() }
func (e *Locked) Unwrap() error { return e.Cause }

// asLocked knows QEMU's words for a lock that it did not get.
func asLocked(key int32, err error) error {
	var refusal *Refusal
	if errors.As(err, &refusal) && isLock(refusal.Desc) {
		return &Locked{key, err}
	}
	return err
}

func isLock(text string) bool {
	return strings.Contains(text, "Failed to get") && strings.Contains(text, "lock")
}

// AddController gives a guest another SCSI controller.
func (g *Guest) AddController(ctx context.Context, bus int) error {
	if g.hasController(bus) { // a controller that was removed stays: only the guest can let go of it
		return nil
	}
	return g.change(ctx, func(s *Spec) { s.Controllers = append(s.Controllers, bus) }, func(m *monitor) error {
		p := g.host.config.controller(bus)
		p["bus"] = slotName(bus)
		return m.call(ctx, "device_add", p, nil)
	})
}

// Attach opens a disk and shows it to the guest. Errors: *Locked; nothing has changed then.
func (g *Guest) Attach(ctx context.Context, d Disk) error {
	return g.change(ctx, func(s *Spec) { s.Disks = append(s.Disks, d) }, func(m *monitor) error {
		if err := g.host.awaitDying(ctx); err != nil {
			return err
		}
		if err := m.call(ctx, "blockdev-add", d.node(), nil); err != nil {
			return asLocked(d.Key, err)
		}
		err := m.call(ctx, "device_add", d.device(), nil)
		if err != nil {
			_ = m.call(ctx, "blockdev-del", properties{"node-name": d.nodeName()}, nil)
		}
		return asLocked(d.Key, err)
	})
}

// detachLook is how often a disk that is being let go of is asked for.
const detachLook = 10 * time.Millisecond

// Detach takes a disk from the guest, whether it agrees or not, and closes its file.
func (g *Guest) Detach(ctx context.Context, d Disk) error {
	drop := func(s *Spec) {
		s.Disks = slices.DeleteFunc(slices.Clone(s.Disks), func(other Disk) bool { return other.Key == d.Key })
	}
	return g.change(ctx, drop, func(m *monitor) error {
		if err := m.call(ctx, "device_del", properties{"id": d.deviceName()}, nil); err != nil && !isMissing(err) {
			return err
		}
		// The file can be closed when the device is gone and the guest's last request has ended.
		for {
			err := m.call(ctx, "blockdev-del", properties{"node-name": d.nodeName()}, nil)
			if err == nil || isMissing(err) || ctx.Err() != nil {
				return err
			}
			select {
			case <-time.After(detachLook):
			case <-m.gone:
				return errHungUp
			}
		}
	})
}

func isMissing(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && (refusal.Class == "DeviceNotFound" || strings.Contains(refusal.Desc, "Failed to find node"))
}

// Resize tells the guest that the extent of a disk has grown.
func (g *Guest) Resize(ctx context.Context, key int32, sizeBytes int64) error {
	return g.change(ctx, func(*Spec) {}, func(m *monitor) error {
		return m.call(ctx, "block_resize", properties{"node-name": (&Disk{Key: key}).nodeName(), "size": sizeBytes}, nil)
	})
}

func (g *Guest) hasController(bus int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.spec.Controllers, bus)
}
