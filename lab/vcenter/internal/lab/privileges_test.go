package lab

import (
	"testing"

	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

func TestTheAccountIsAnAdministratorUntilAPrivilegeIsTaken(t *testing.T) {
	r := newRig(t)
	vm := r.vm("lab-vm-1").Reference()
	session := must(r.c.SessionManager.UserSession(r.ctx))(t)
	ask := func(entity types.ManagedObjectReference) ([]types.EntityPrivilege, error) {
		res, err := methods.HasPrivilegeOnEntities(r.ctx, r.c.Client, &types.HasPrivilegeOnEntities{
			This:      *r.c.ServiceContent.AuthorizationManager,
			Entity:    []types.ManagedObjectReference{entity},
			SessionId: session.Key,
			PrivId:    []string{"Datastore.FileManagement", "Host.Config.Maintenance", "Nobody.Has.This"},
		})
		if err != nil {
			return nil, err
		}
		return res.Returnval, nil
	}
	same := func(want ...bool) {
		t.Helper()
		got := must(ask(vm))(t)[0].PrivAvailability
		for i := range want {
			if got[i].IsGranted != want[i] {
				t.Fatal(got, want)
			}
		}
	}
	same(true, true, false)
	r.do("/lab/privileges", map[string]string{"privilege": "Host.Config.Maintenance", "entity": vm.String()})
	same(true, false, false)
	if status := r.control("DELETE", "/lab/privileges", nil, nil); status != 200 {
		t.Fatal(status)
	}
	same(true, true, false)
	if status := r.control("POST", "/lab/privileges", map[string]string{"privilege": "Nobody.Has.This"}, nil); status != 400 {
		t.Fatal(status)
	}
	_, err := ask(types.ManagedObjectReference{Type: "Folder", Value: "group-none"})
	r.expect(&types.ManagedObjectNotFound{}, err)
}
