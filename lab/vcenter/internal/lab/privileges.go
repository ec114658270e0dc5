package lab

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// The lab has one account, an administrator: it holds every privilege there is, on everything. Tests can take one away. Only the
// AuthorizationManager knows of that: calls are refused by injected NoPermission faults.

// denial is a privilege that was taken away.
type denial struct {
	Privilege string `json:"privilege"`
	Entity    string `json:"entity,omitempty"` // "Type:value"; empty: everywhere
}

type privilegeBook struct {
	mu     sync.Mutex
	denied []denial
}

func (b *privilegeBook) take(d denial) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.denied = append(b.denied, d)
}

func (b *privilegeBook) giveBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.denied = nil
}

func (b *privilegeBook) list() []denial {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]denial{}, b.denied...)
}

func (b *privilegeBook) isDenied(entity moref, id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.denied, func(d denial) bool {
		return d.Privilege == id && (d.Entity == "" || d.Entity == entity.String())
	})
}

func (l *Lab) privilegeCalls(t table) {
	t.read("AuthorizationManager", "HasPrivilegeOnEntities", on(l.hasPrivilegeOnEntities))
	// Of other users the lab knows nothing; and one object is asked about as several are.
	for _, name := range []string{"HasPrivilegeOnEntity", "HasUserPrivilegeOnEntities", "FetchUserPrivilegeOnEntities"} {
		t.deny("AuthorizationManager", name, func(*call) fault { return &types.NotSupported{} })
	}
}

func (l *Lab) hasPrivilegeOnEntities(_ *call, r *types.HasPrivilegeOnEntities) (any, fault) {
	out := []types.EntityPrivilege{}
	for _, entity := range r.Entity {
		granted, f := l.granted(entity, r.SessionId, r.PrivId)
		if f != nil {
			return nil, f
		}
		answer := types.EntityPrivilege{Entity: entity}
		for i, id := range r.PrivId {
			answer.PrivAvailability = append(answer.PrivAvailability, types.PrivilegeAvailability{PrivId: id, IsGranted: granted[i]})
		}
		out = append(out, answer)
	}
	return out, nil
}

// granted answers for one object. A privilege that vSphere does not have is held by nobody.
func (l *Lab) granted(entity moref, session string, ids []string) ([]bool, fault) {
	if l.sessions.find(session) == nil {
		return nil, &types.NotFound{}
	}
	if l.reg.Get(entity) == nil {
		return nil, &types.ManagedObjectNotFound{Obj: entity}
	}
	known := l.allPrivileges()
	out := make([]bool, len(ids))
	for i, id := range ids {
		out[i] = slices.Contains(known, id) && !l.privileges.isDenied(entity, id)
	}
	return out, nil
}

func (l *Lab) allPrivileges() []string {
	manager := l.reg.Get(*l.content().AuthorizationManager).(*simulator.AuthorizationManager)
	for _, role := range manager.RoleList {
		if role.Name == "Admin" {
			return role.Privilege
		}
	}
	return nil
}

func (l *Lab) privilegeControls() []control {
	return []control{
		{"GET /lab/privileges", "list what was taken from the account", func(*http.Request) (any, error) { return l.privileges.list(), nil }},
		{"POST /lab/privileges", "take a privilege from the account, as far as it is asked about: privilege, entity (Type:value; default: everywhere)", func(r *http.Request) (any, error) {
			d := denial{}
			if err := read(r, &d); err != nil {
				return nil, err
			}
			if !slices.Contains(l.allPrivileges(), d.Privilege) {
				return nil, badRequest("no such privilege: " + d.Privilege)
			}
			if kind, value, ok := strings.Cut(d.Entity, ":"); d.Entity != "" && (!ok || l.reg.Get(moref{Type: kind, Value: value}) == nil) {
				return nil, notFound("no such object: " + d.Entity)
			}
			l.privileges.take(d)
			return nil, nil
		}},
		{"DELETE /lab/privileges", "give all of them back", func(*http.Request) (any, error) {
			l.privileges.giveBack()
			return nil, nil
		}},
	}
}
