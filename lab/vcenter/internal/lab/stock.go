package lab

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// stock calls the simulator's own method; its Task, if any, has ended when this returns.
func (l *Lab) stock(c *call) (any, fault) {
	name := strings.ToUpper(c.method.Name[:1]) + c.method.Name[1:]
	if task, ok := strings.CutSuffix(name, "_Task"); ok {
		name = task + "Task"
	}
	m := reflect.ValueOf(c.target).MethodByName(name)
	if !m.IsValid() {
		return nil, &types.MethodNotFound{Receiver: c.method.This, Method: c.method.Name}
	}
	ctx := l.stockContext(c.session)
	var args []reflect.Value
	if m.Type().NumIn() == 2 {
		args = append(args, reflect.ValueOf(ctx))
	}
	if m.Type().NumIn() > 2 || m.Type().NumOut() != 1 {
		return nil, &types.MethodNotFound{Receiver: c.method.This, Method: c.method.Name}
	}
	unlock := l.reg.AcquireLock(ctx, c.target)
	out := func() []reflect.Value {
		defer unlock()
		return m.Call(append(args, reflect.ValueOf(c.method.Body)))
	}()
	body, ok := out[0].Interface().(soap.HasFault)
	if !ok {
		return nil, &types.MethodNotFound{Receiver: c.method.This, Method: c.method.Name}
	}
	if f := body.Fault(); f != nil {
		if known, ok := f.VimFault().(fault); ok {
			return nil, known
		}
		return nil, &types.SystemError{Reason: f.String}
	}
	res := reflect.ValueOf(body).Elem().FieldByName("Res").Interface()
	l.awaitStockTask(res)
	return res, nil
}

func (l *Lab) stockContext(s *session) *simulator.Context {
	ctx := *l.base
	if s != nil {
		ctx.Session = s.stock
	}
	return &ctx
}

func (l *Lab) awaitStockTask(res any) {
	v := reflect.ValueOf(res).Elem().FieldByName("Returnval")
	if !v.IsValid() {
		return
	}
	ref, ok := v.Interface().(moref)
	if !ok || ref.Type != "Task" {
		return
	}
	if t, ok := l.reg.Get(ref).(*simulator.Task); ok {
		t.Wait()
	}
}
