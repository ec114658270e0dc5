package main

import (
	"sync"
	"time"
)

const (
	// visitIdle is how long a machine that was switched on for its files stays on when nobody asks for any.
	visitIdle = 5 * time.Second
	// visitOver is the same when somebody has had what he asked for.
	visitOver = time.Second
)

// visit counts the streams of a machine that was switched on for its files.
type visit struct {
	mu    sync.Mutex
	open  int
	timer *time.Timer
	over  chan struct{}
}

func newVisit() *visit {
	v := &visit{over: make(chan struct{})}
	v.timer = time.AfterFunc(visitIdle, v.end)
	return v
}

func (v *visit) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open == 0 && v.over != nil {
		close(v.over)
		v.over = nil
	}
}

func (v *visit) begins() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open++
	v.timer.Stop()
}

func (v *visit) ends(purpose string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open--
	if v.open > 0 {
		return
	}
	idle := visitIdle
	if purpose == "read" || purpose == "write" || purpose == "export" {
		idle = visitOver
	}
	v.timer.Reset(idle)
}

// receive serves files until nobody wants any.
func (m *machine) receive() {
	m.box.spec = m.document.Spec
	v := newVisit()
	over := v.over
	m.visit.Store(v)
	m.session.say(state{State: "running"})
	<-over
}
