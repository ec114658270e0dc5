package lab

import (
	"context"
	"errors"

	"github.com/vmware/govmomi/vim25/types"

	hypervisor "stowage/lab/vcenter/internal/host"
)

// liveChange is what a device plan means for the QEMU that runs.
type liveChange struct {
	guest       *hypervisor.Guest
	controllers []int
	detach      []hypervisor.Disk
	attach      []hypervisor.Disk
	resize      []hypervisor.Disk
	paths       map[int32]string // of attach, by key
	sizes       map[int32]int64  // of resize, by key
}

// live works out the change of a running guest; nil when there is none. Files that the plan creates exist.
func (p *devicePlan) live(m *machine) (*liveChange, fault) {
	g := m.guest()
	if g == nil {
		return nil, nil
	}
	c := &liveChange{guest: g, paths: map[int32]string{}, sizes: map[int32]int64{}}
	before := m.vm.Config.Hardware.Device
	had := map[int]bool{}
	for _, d := range before {
		if s, ok := d.(types.BaseVirtualSCSIController); ok {
			had[int(s.GetVirtualSCSIController().BusNumber)] = true
		}
	}
	for _, d := range p.devices {
		if s, ok := d.(types.BaseVirtualSCSIController); ok && !had[int(s.GetVirtualSCSIController().BusNumber)] {
			c.controllers = append(c.controllers, int(s.GetVirtualSCSIController().BusNumber))
		}
	}
	for _, d := range disksOf(before) {
		if now := diskLike(p.devices, d); now == nil {
			old, f := p.lab.guestDisk(before, d)
			if f != nil {
				return nil, f
			}
			c.detach = append(c.detach, old)
		} else if now.CapacityInBytes != d.CapacityInBytes {
			c.resize = append(c.resize, hypervisor.Disk{Key: d.Key})
			c.sizes[d.Key] = now.CapacityInBytes
		}
	}
	for _, d := range disksOf(p.devices) {
		if diskLike(before, d) != nil {
			continue
		}
		disk, f := p.lab.guestDisk(p.devices, d)
		if f != nil {
			return nil, f
		}
		c.attach = append(c.attach, disk)
		c.paths[d.Key], _, _ = modeOf(d)
	}
	if len(c.controllers)+len(c.detach)+len(c.attach)+len(c.resize) == 0 {
		return nil, nil
	}
	return c, nil
}

// diskLike finds the same disk at the same place.
func diskLike(devices []types.BaseVirtualDevice, d *types.VirtualDisk) *types.VirtualDisk {
	name, _, _ := modeOf(d)
	for _, other := range disksOf(devices) {
		if n, _, _ := modeOf(other); n == name && other.Key == d.Key {
			return other
		}
	}
	return nil
}

// carryLive changes the running QEMU. Meanwhile nobody else may open the disks that come. On a fault the VM is as before.
func (l *Lab) carryLive(m *machine, c *liveChange, devices []types.BaseVirtualDevice) fault {
	proc := m.proc
	for _, d := range disksOf(devices) {
		if path, mode, ok := modeOf(d); ok {
			proc.disks[path] = mode
		}
	}
	locked := ""
	f := l.command(m, func(ctx context.Context) error {
		key, err := c.apply(ctx)
		var lock *hypervisor.Locked
		if errors.As(err, &lock) {
			locked = c.paths[key]
		}
		return err
	})
	if f == nil {
		return nil
	}
	m.reopen()
	if locked != "" {
		return lockedByOther(locked)
	}
	return f
}

// apply returns the key of the disk that an error is about.
func (c *liveChange) apply(ctx context.Context) (int32, error) {
	for _, bus := range c.controllers {
		if err := c.guest.AddController(ctx, bus); err != nil {
			return 0, err
		}
	}
	var undo []func()
	back := func(key int32, err error) (int32, error) {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
		return key, err
	}
	for _, d := range c.detach {
		if err := c.guest.Detach(ctx, d); err != nil {
			return back(d.Key, err)
		}
		undo = append(undo, func() { _ = c.guest.Attach(ctx, d) })
	}
	for _, d := range c.attach {
		if err := c.guest.Attach(ctx, d); err != nil {
			return back(d.Key, err)
		}
		undo = append(undo, func() { _ = c.guest.Detach(ctx, d) })
	}
	for _, d := range c.resize {
		if err := c.guest.Resize(ctx, d.Key, c.sizes[d.Key]); err != nil {
			return back(d.Key, err)
		}
	}
	return 0, nil
}
