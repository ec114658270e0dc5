package lab

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/wire"
)

// call is one SOAP request.
type call struct {
	method  *simulator.Method
	session *session
	target  mo.Reference
	request *http.Request
	writer  http.ResponseWriter
	gone    <-chan struct{} // the client hung up
	body    string
}

// encoded is a response that is already XML.
type encoded []byte

type handler func(*call) (any, fault)

// on adapts a typed handler.
func on[R any](fn func(*call, *R) (any, fault)) handler {
	return func(c *call) (any, fault) { return fn(c, c.method.Body.(*R)) }
}

type lockMode int

const (
	lockWrite lockMode = iota
	lockRead
	lockFree // the handler locks by itself
)

type entry struct {
	mode lockMode
	fn   handler
}

// table maps "Type.Method" to what replaces the simulator's method.
type table map[string]entry

func (t table) write(kind, method string, fn handler) { t[kind+"."+method] = entry{lockWrite, fn} }
func (t table) read(kind, method string, fn handler)  { t[kind+"."+method] = entry{lockRead, fn} }
func (t table) free(kind, method string, fn handler)  { t[kind+"."+method] = entry{lockFree, fn} }
func (t table) deny(kind, method string, fn func(*call) fault) {
	t.read(kind, method, func(c *call) (any, fault) { return nil, fn(c) })
}

func notAuthenticated(ref moref) fault {
	return &types.NotAuthenticated{NoPermission: types.NoPermission{Object: &ref, PrivilegeId: "System.View"}}
}

func (l *Lab) serveSDK(methods table) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		method, err := wire.Decode(body)
		if err != nil {
			writeFault(w, err.Error(), &types.InvalidRequest{})
			return
		}
		if !l.opt.Lenient {
			if err := wire.Check(body); err != nil {
				writeFault(w, err.Error(), &types.InvalidRequest{})
				return
			}
		}
		c := &call{method: method, request: r, writer: w, gone: r.Context().Done(), body: string(body)}
		c.session = l.sessionOf(r)
		l.calls.count(method.Name)
		l.answerCall(c, methods)
	}
}

func (l *Lab) sessionOf(r *http.Request) *session {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	return l.sessions.find(strings.Trim(cookie.Value, `"`))
}

// answerCall applies the rules tests have set around the call itself.
func (l *Lab) answerCall(c *call, methods table) {
	name := c.method.Name
	if d := l.rules.latency(name); d > 0 && !sleep(d, c.gone, l.closed) {
		return
	}
	if l.rules.takeDrop(name, before, c.body) {
		hangUp(c.writer)
		return
	}
	if f := l.rules.takeFault(name, before, false, c.body); f != nil {
		writeFault(c.writer, messageOf(f), f)
		return
	}
	status, out := l.perform(c, methods)
	l.saver.sync()
	if f := l.rules.takeFault(name, after, false, c.body); f != nil && status == http.StatusOK {
		writeFault(c.writer, messageOf(f), f)
		return
	}
	if l.rules.takeDrop(name, after, c.body) {
		hangUp(c.writer)
		return
	}
	writeXML(c.writer, status, out)
}

func sleep(d time.Duration, stops ...<-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var a, b <-chan struct{}
	a = stops[0]
	if len(stops) > 1 {
		b = stops[1]
	}
	select {
	case <-timer.C:
		return true
	case <-a:
	case <-b:
	}
	return false
}

var withoutSession = map[string]bool{
	"ServiceInstance.RetrieveServiceContent": true,
	"SessionManager.Login":                   true,
	"ServiceInstance.CurrentTime":            true,
}

// perform runs the call and encodes its answer, both under the right lock.
func (l *Lab) perform(c *call, methods table) (int, []byte) {
	key := c.method.This.Type + "." + c.method.Name
	if c.session == nil && !withoutSession[key] && !readsOnlyContent(c.method) {
		return faultXML(notAuthenticated(c.method.This))
	}
	if c.target = l.object(c.session, c.method.This); c.target == nil {
		return faultXML(&types.ManagedObjectNotFound{Obj: c.method.This})
	}
	e, ok := methods[key]
	if f := unsupported(c.method); !ok && f != nil {
		return faultXML(f)
	}
	if !ok {
		e = entry{lockWrite, l.stock}
	}
	switch e.mode {
	case lockWrite:
		l.mu.Lock()
		defer l.mu.Unlock()
	case lockRead:
		l.mu.RLock()
		defer l.mu.RUnlock()
	case lockFree:
	}
	result, f := guarded(e.fn, c)
	if f != nil {
		return faultXML(f)
	}
	if ready, ok := result.(encoded); ok {
		return http.StatusOK, ready
	}
	out, err := wire.Response(c.method.Name, result)
	if err != nil {
		return faultXML(&types.SystemError{Reason: err.Error()})
	}
	return http.StatusOK, out
}

// guarded turns a panic of a stock method into a fault.
func guarded(fn handler, c *call) (result any, f fault) {
	defer func() {
		if p := recover(); p != nil {
			log.Printf("%s on %s: %v", c.method.Name, c.method.This, p)
			result, f = nil, &types.SystemError{Reason: fmt.Sprint(p)}
		}
	}()
	return fn(c)
}

// readsOnlyContent allows what a client may read before it logs in.
func readsOnlyContent(m *simulator.Method) bool {
	var specs []types.PropertyFilterSpec
	switch r := m.Body.(type) {
	case *types.RetrieveProperties:
		specs = r.SpecSet
	case *types.RetrievePropertiesEx:
		specs = r.SpecSet
	default:
		return false
	}
	for _, s := range specs {
		for _, o := range s.ObjectSet {
			if o.Obj.Type != "ServiceInstance" && o.Obj.Type != "SessionManager" || len(o.SelectSet) > 0 {
				return false
			}
		}
	}
	return len(specs) > 0
}

func faultXML(f fault) (int, []byte) {
	out, err := wire.Fault(messageOf(f), f)
	if err != nil {
		log.Print(err)
	}
	return http.StatusInternalServerError, out
}

func writeFault(w http.ResponseWriter, message string, f fault) {
	out, err := wire.Fault(message, f)
	if err != nil {
		log.Print(err)
	}
	writeXML(w, http.StatusInternalServerError, out)
}

func writeXML(w http.ResponseWriter, status int, out []byte) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(out)))
	w.WriteHeader(status)
	_, _ = w.Write(out)
}

// hangUp closes the client's connection without an answer.
func hangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }
