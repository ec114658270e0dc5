package lab

import (
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// Calls that govmomi has no convenient form of.

func extendDiskTask(r *rig, path string, gib int64) (*object.Task, error) {
	dc := r.dc.Reference()
	res, err := methods.ExtendVirtualDisk_Task(r.ctx, r.c.Client, &types.ExtendVirtualDisk_Task{
		This: *r.c.ServiceContent.VirtualDiskManager, Name: path, Datacenter: &dc, NewCapacityKb: gib << 20,
	})
	if err != nil {
		return nil, err
	}
	return object.NewTask(r.c.Client, res.Returnval), nil
}
