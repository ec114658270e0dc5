package lab

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// task is a vSphere Task: queued -> running -> success | error. Lab.mu guards Info.
type task struct {
	mo.Task
	method string
	body   string
	cancel chan struct{}
	once   sync.Once
}

const (
	keptTasks   = 5000
	keptTaskAge = 10 * time.Minute
)

// taskBook keeps ended Tasks readable for ten minutes, and at least 5,000 of them.
type taskBook struct {
	mu    sync.RWMutex
	byRef map[moref]*task
	order []*task
	log   []*task // since the last DELETE /lab/tasks
}

func newTaskBook() *taskBook { return &taskBook{byRef: map[moref]*task{}} }

func (b *taskBook) find(ref moref) *task {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byRef[ref]
}

func (b *taskBook) add(t *task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byRef[t.Self] = t
	b.order = append(b.order, t)
	b.log = append(b.log, t)
	for len(b.order) > keptTasks {
		old := b.order[0]
		done := old.Info.CompleteTime
		if done == nil || time.Since(*done) < keptTaskAge {
			break
		}
		delete(b.byRef, old.Self)
		b.order = b.order[1:]
	}
}

// work is what a Task does; it runs with Lab.mu held.
type work func(t *task) (result any, f fault)

// start creates a Task on behalf of a call. Lab.mu is held.
func (l *Lab) start(c *call, entity moref, run work) (any, fault) {
	t := l.newTask(c, entity)
	go l.run(t, run)
	return t.Self, nil
}

func (l *Lab) newTask(c *call, entity moref) *task {
	t := &task{method: c.method.Name, body: c.body, cancel: make(chan struct{})}
	t.Self = moref{Type: "Task", Value: fmt.Sprintf("task-%d", l.serial.take())}
	t.Info = types.TaskInfo{
		Key: t.Self.Value, Task: t.Self,
		Name:          c.method.Name,
		DescriptionId: entity.Type + "." + operation(c.method.Name),
		Entity:        &entity,
		EntityName:    l.nameOf(entity),
		State:         types.TaskInfoStateQueued,
		Cancelable:    l.rules.taskLatency(c.method.Name) > 0,
		Reason:        &types.TaskReasonUser{UserName: c.user()},
		QueueTime:     time.Now().UTC(),
		EventChainId:  int32(l.serial.last()),
	}
	l.tasks.add(t)
	if l.serial.isStale() {
		l.saver.wake()
	}
	l.feed.entered(t.Self)
	l.listRecent(t)
	return t
}

// operations are those whose vmodl name is not their method's.
var operations = map[string]string{
	"CreateVM": "createVm", "RegisterVM": "registerVm", "ReconfigVM": "reconfigure", "PowerOnVM": "powerOn", "PowerOffVM": "powerOff",
	"SuspendVM": "suspend", "ResetVM": "reset", "MigrateVM": "migrate", "RelocateVM": "relocate", "PowerOnMultiVM": "powerOnVm",
	"DeleteDatastoreFile": "deleteFile", "MoveDatastoreFile": "moveFile", "CopyDatastoreFile": "copyFile",
	"SearchDatastore": "search", "SearchDatastoreSubFolders": "searchSubFolders",
	"DisconnectHost": "disconnect", "ReconnectHost": "reconnect", "ReconfigureComputeResource": "reconfigureEx",
}

func operation(method string) string {
	id := strings.TrimSuffix(method, "_Task")
	if name, ok := operations[id]; ok {
		return name
	}
	return strings.ToLower(id[:1]) + id[1:]
}

func (c *call) user() string {
	if c.session == nil {
		return "vpxd"
	}
	return c.session.UserName
}

// run spends the Task's simulated time without the lock, then does the work.
func (l *Lab) run(t *task, do work) {
	l.mu.Lock()
	now := time.Now().UTC()
	t.Info.StartTime, t.Info.State = &now, types.TaskInfoStateRunning
	l.touch(t.Self, "info.startTime", "info.state")
	l.mu.Unlock()

	if f := l.spend(t); f != nil {
		l.end(t, nil, f)
		return
	}
	if f := l.rules.takeFault(t.method, before, true, t.body); f != nil {
		l.end(t, nil, f)
		return
	}
	l.mu.Lock()
	t.Info.Cancelable = false
	result, f := l.guardedWork(t, do)
	l.mu.Unlock()
	l.saver.sync()
	if f == nil {
		if injected := l.rules.takeFault(t.method, after, true, t.body); injected != nil {
			result, f = nil, injected
		}
	}
	l.end(t, result, f)
}

func (l *Lab) guardedWork(t *task, do work) (result any, f fault) {
	defer func() {
		if p := recover(); p != nil {
			result, f = nil, &types.SystemError{Reason: fmt.Sprint(p)}
			logPanic(t.method, p)
		}
	}()
	return do(t)
}

// spendLook is how often a Task under way looks whether its latency was shortened.
const spendLook = 20 * time.Millisecond

// spend waits for the task latency, reporting progress, until cancelled. A latency that is shortened or forgotten meanwhile counts for
// Tasks under way too: a test can hold one for as long as it needs, and then let it go.
func (l *Lab) spend(t *task) fault {
	const steps = 5
	begun, longest := time.Now(), l.rules.taskLatency(t.method)
	for told := 0; ; {
		total := min(longest, l.rules.taskLatency(t.method))
		left := total - time.Since(begun)
		if left <= 0 {
			break
		}
		if step := int(steps * (total - left) / total); step > told {
			told = step
			l.mu.Lock()
			t.Info.Progress = int32(step * 100 / steps)
			l.touch(t.Self, "info.progress")
			l.mu.Unlock()
		}
		select {
		case <-time.After(min(left, spendLook)):
		case <-t.cancel:
			return &types.RequestCanceled{}
		case <-l.closed:
			return &types.RequestCanceled{}
		}
	}
	select {
	case <-t.cancel:
		return &types.RequestCanceled{}
	default:
		return nil
	}
}

func (l *Lab) end(t *task, result any, f fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now().UTC()
	t.Info.CompleteTime, t.Info.Cancelable = &now, false
	t.Info.State, t.Info.Result = types.TaskInfoStateSuccess, result
	paths := []string{"info.completeTime", "info.state", "info.cancelable"}
	if f != nil {
		t.Info.State, t.Info.Result = types.TaskInfoStateError, nil
		t.Info.Error = &types.LocalizedMethodFault{Fault: f, LocalizedMessage: messageOf(f)}
		paths = append(paths, "info.error")
	} else {
		t.Info.Progress = 0
		paths = append(paths, "info.result", "info.progress")
	}
	l.touch(t.Self, paths...)
}

// outside runs slow work of a Task without the lock, which the Task holds.
func (l *Lab) outside(do func()) {
	l.mu.Unlock()
	defer l.mu.Lock()
	do()
}

// listRecent keeps recentTask: everything unfinished, and the latest 200.
func (l *Lab) listRecent(t *task) {
	ref := l.content().TaskManager
	tm := managed(l.reg.Get(*ref)).Addr().Interface().(*mo.TaskManager)
	tm.RecentTask = l.recent(tm.RecentTask, t.Self, 200)
	l.touch(*ref, "recentTask")
	if e, ok := l.reg.Get(*t.Info.Entity).(mo.Entity); ok {
		e.Entity().RecentTask = l.recent(e.Entity().RecentTask, t.Self, 20)
		l.touch(*t.Info.Entity, "recentTask")
	}
}

func (l *Lab) recent(list []moref, ref moref, limit int) []moref {
	out := make([]moref, 0, len(list)+1)
	surplus := len(list) + 1 - limit
	for _, old := range list {
		t := l.tasks.find(old)
		if t == nil {
			surplus--
			continue
		}
		if done := t.Info.CompleteTime; done != nil && (surplus > 0 || time.Since(*done) > keptTaskAge) {
			surplus--
			continue
		}
		out = append(out, old)
	}
	return append(out, ref)
}

func (l *Lab) taskCalls(t table) {
	t.write("Task", "CancelTask", on(l.cancelTask))
}

func (l *Lab) cancelTask(c *call, _ *types.CancelTask) (any, fault) {
	t, ok := c.target.(*task)
	if !ok {
		return l.stock(c)
	}
	switch {
	case t.Info.CompleteTime != nil:
		return nil, &types.InvalidState{}
	case !t.Info.Cancelable:
		return nil, &types.NotSupported{}
	}
	t.Info.Cancelled = true
	l.touch(t.Self, "info.cancelled")
	t.once.Do(func() { close(t.cancel) })
	return nil, nil
}
