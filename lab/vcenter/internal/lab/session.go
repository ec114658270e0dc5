package lab

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

const cookieName = "vmware_soap_session"

// session is a login: it owns collectors, filters and views.
type session struct {
	types.UserSession
	stock *simulator.Session
	ended atomic.Bool

	mu      sync.Mutex
	objects map[moref]mo.Reference
	pages   map[string]page
}

type page struct {
	rest       []retrieval
	maxObjects int
}

func (s *session) isValid() bool { return !s.ended.Load() }

func (s *session) newRef(kind string) moref {
	return moref{Type: kind, Value: fmt.Sprintf("session[%s]%s", s.Key, uuid.NewString())}
}

func (s *session) put(ref moref, o mo.Reference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[ref] = o
}

func (s *session) drop(ref moref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, ref)
}

func (s *session) object(ref moref) mo.Reference {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.objects[ref]; ok {
		return o
	}
	return s.stock.Registry.Get(ref)
}

func (s *session) keepPage(p page) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := uuid.NewString()
	s.pages[token] = p
	return token
}

func (s *session) takePage(token string) (page, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.pages[token]
	delete(s.pages, token)
	return p, ok
}

type sessionBook struct {
	mu    sync.Mutex
	byKey map[string]*session
}

func newSessionBook() *sessionBook { return &sessionBook{byKey: map[string]*session{}} }

func (b *sessionBook) find(key string) *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.byKey[key]
}

func (b *sessionBook) all() []*session {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*session, 0, len(b.byKey))
	for _, s := range b.byKey {
		out = append(out, s)
	}
	return out
}

// end closes a session and whatever waits in it.
func (l *Lab) endSession(s *session) {
	l.sessions.mu.Lock()
	delete(l.sessions.byKey, s.Key)
	l.sessions.mu.Unlock()
	s.ended.Store(true)
	s.mu.Lock()
	objects := s.objects
	s.objects = map[moref]mo.Reference{}
	s.mu.Unlock()
	for _, o := range objects {
		if v, ok := o.(listener); ok {
			l.feed.remove(v)
		}
		if pc, ok := o.(*collector); ok {
			pc.signal()
		}
	}
}

func (l *Lab) newSession(user, agent, address string) *session {
	now := time.Now().UTC()
	s := &session{
		UserSession: types.UserSession{
			Key: uuid.NewString(), UserName: user, FullName: user, LoginTime: now, LastActiveTime: now,
			Locale: "en_US", MessageLocale: "en_US", UserAgent: agent, IpAddress: address,
		},
		objects: map[moref]mo.Reference{},
		pages:   map[string]page{},
	}
	s.stock = &simulator.Session{UserSession: s.UserSession, Registry: simulator.NewRegistry(), Map: l.reg}
	pc := newCollector(l, s, l.content().PropertyCollector)
	s.put(pc.Self, pc)
	l.sessions.mu.Lock()
	l.sessions.byKey[s.Key] = s
	l.sessions.mu.Unlock()
	return s
}

func (l *Lab) passwordIsValid(user, password string) bool {
	u := subtle.ConstantTimeCompare([]byte(user), []byte(l.opt.User))
	p := subtle.ConstantTimeCompare([]byte(password), []byte(l.opt.Password))
	return u&p == 1
}

func (l *Lab) sessionCalls(t table) {
	t.write("SessionManager", "Login", on(l.login))
	t.write("SessionManager", "Logout", on(l.logout))
	t.read("SessionManager", "SessionIsActive", on(l.sessionIsActive))
	t.write("SessionManager", "TerminateSession", on(l.terminateSession))
	for _, name := range []string{"LoginByToken", "LoginExtensionByCertificate", "CloneSession", "AcquireCloneTicket", "ImpersonateUser"} {
		t.deny("SessionManager", name, func(*call) fault { return &types.NotSupported{} })
	}
}

func (l *Lab) login(c *call, r *types.Login) (any, fault) {
	if c.session != nil || !l.passwordIsValid(r.UserName, r.Password) {
		return nil, &types.InvalidLogin{}
	}
	s := l.newSession(r.UserName, c.request.UserAgent(), c.request.RemoteAddr)
	http.SetCookie(c.writer, &http.Cookie{Name: cookieName, Value: s.Key, Path: "/", HttpOnly: true})
	l.post(&types.UserLoginSessionEvent{IpAddress: s.IpAddress, UserAgent: s.UserAgent, Locale: s.Locale, SessionId: s.Key},
		"User "+r.UserName+" logged in")
	return s.UserSession, nil
}

func (l *Lab) logout(c *call, _ *types.Logout) (any, fault) {
	l.endSession(c.session)
	return nil, nil
}

func (l *Lab) sessionIsActive(_ *call, r *types.SessionIsActive) (any, fault) {
	s := l.sessions.find(r.SessionID)
	return s != nil && s.UserName == r.UserName, nil
}

func (l *Lab) terminateSession(c *call, r *types.TerminateSession) (any, fault) {
	for _, key := range r.SessionId {
		s := l.sessions.find(key)
		switch {
		case s == nil:
			return nil, &types.NotFound{}
		case s == c.session:
			return nil, &types.InvalidArgument{InvalidProperty: "sessionId"}
		}
		l.endSession(s)
	}
	return nil, nil
}

// sessionManager is the caller's view of the SessionManager.
func (l *Lab) sessionManager(s *session, ref moref) mo.Reference {
	m := &mo.SessionManager{Self: ref, DefaultLocale: "en", SupportedLocaleList: []string{"en"}, MessageLocaleList: []string{"en"}}
	if s != nil {
		m.CurrentSession = &s.UserSession
		for _, other := range l.sessions.all() {
			m.SessionList = append(m.SessionList, other.UserSession)
		}
	}
	return m
}
