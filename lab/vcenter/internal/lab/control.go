package lab

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
)

// control is one HTTP control: what tests do to the lab.
type control struct {
	pattern string
	about   string
	serve   func(r *http.Request) (any, error)
}

// badRequest is an error of the caller.
type badRequest string

func (e badRequest) Error() string { return string(e) }

// notFound is a thing that is not there.
type notFound string

func (e notFound) Error() string { return string(e) }

func (l *Lab) controls(mux *http.ServeMux) {
	var all []control
	all = append(all, l.ruleControls()...)
	all = append(all, l.worldControls()...)
	all = append(all, l.reportControls()...)
	all = append(all, l.guestControls()...)
	all = append(all, l.privilegeControls()...)
	for _, c := range all {
		mux.HandleFunc(c.pattern, loopbackOnly(func(w http.ResponseWriter, r *http.Request) {
			result, err := c.serve(r)
			l.saver.sync()
			answerJSON(w, result, err)
		}))
	}
	list := loopbackOnly(func(w http.ResponseWriter, _ *http.Request) {
		list := []map[string]string{}
		for _, c := range all {
			list = append(list, map[string]string{"control": c.pattern, "about": c.about})
		}
		answerJSON(w, list, nil)
	})
	mux.HandleFunc("GET /lab", list)
	mux.HandleFunc("GET /lab/{$}", list)
	mux.HandleFunc("/lab/", loopbackOnly(func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, nil, notFound("no such control: "+r.Method+" "+r.URL.Path+"; GET /lab/ lists them"))
	}))
}

func loopbackOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, _, err := net.SplitHostPort(r.RemoteAddr)
		if ip := net.ParseIP(name); err != nil || ip == nil || !ip.IsLoopback() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

func answerJSON(w http.ResponseWriter, result any, err error) {
	w.Header().Set("Content-Type", "application/json")
	status := http.StatusOK
	switch err.(type) {
	case nil:
	case badRequest:
		status = http.StatusBadRequest
	case notFound:
		status = http.StatusNotFound
	default:
		status = http.StatusConflict
	}
	if err != nil {
		result = map[string]string{"error": err.Error()}
	}
	if result == nil {
		result = map[string]bool{"ok": true}
	}
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(result)
}

// read decodes a JSON body; an empty one leaves the defaults.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && err != io.EOF {
		return badRequest(err.Error())
	}
	return nil
}

// faultError lets a vim fault travel as an error of a control.
type faultError struct{ fault fault }

func (e faultError) Error() string {
	name := strings.TrimPrefix(typeName(e.fault), "*types.")
	if m := messageOf(e.fault); m != name {
		return name + ": " + m
	}
	return name
}

func asError(f fault) error {
	if f == nil {
		return nil
	}
	return faultError{f}
}
