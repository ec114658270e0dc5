package lab

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/vim25/types"
)

const folderPrefix = "/folder"

// serveFolder is the datastore's HTTP face: /folder/<path>?dcPath=&dsName=.
func (l *Lab) serveFolder(w http.ResponseWriter, r *http.Request) {
	l.calls.countFolder(r.Method)
	if l.failFolder(w, r, before) {
		return
	}
	if !l.mayUseFolder(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="VMware HTTP server"`)
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	f, status := l.folderFile(r)
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	l.mu.Lock()
	locked := l.lockedBeneath(f)
	l.mu.Unlock()
	answer := func(status int) {
		if !l.failFolder(w, r, after) {
			w.WriteHeader(status)
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		l.folderGet(w, r, f)
	case http.MethodPut:
		if locked != nil {
			answer(http.StatusInternalServerError)
			return
		}
		answer(l.folderPut(r, f))
	case http.MethodDelete:
		answer(l.folderDelete(f))
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (l *Lab) failFolder(w http.ResponseWriter, r *http.Request, when moment) bool {
	switch s := l.rules.takeFolder(r.URL.Path, r.Method, when).(type) {
	case nil:
		return false
	case float64:
		w.WriteHeader(int(s))
	default:
		hangUp(w)
	}
	return true
}

func (l *Lab) mayUseFolder(r *http.Request) bool {
	if l.sessionOf(r) != nil {
		return true
	}
	user, password, ok := r.BasicAuth()
	return ok && l.passwordIsValid(user, password)
}

func (l *Lab) folderFile(r *http.Request) (file, int) {
	q := r.URL.Query()
	if dc := q.Get("dcPath"); dc != "" && strings.Trim(dc, "/") != dcName && dc != "ha-datacenter" {
		return file{}, http.StatusNotFound
	}
	rel := strings.Trim(strings.TrimPrefix(r.URL.Path, folderPrefix), "/")
	l.mu.RLock()
	defer l.mu.RUnlock()
	f, fault := l.resolve("[" + q.Get("dsName") + "] " + rel)
	if bad, ok := fault.(*types.InvalidDatastorePath); ok {
		if bad.Name != "" && l.datastoreNamed(bad.Name) != nil {
			return f, http.StatusBadRequest
		}
		return f, http.StatusNotFound
	}
	return f, 0
}

func (l *Lab) folderGet(w http.ResponseWriter, r *http.Request, f file) {
	in, err := os.Open(f.local)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		http.NotFound(w, r)
		return
	}
	if info.IsDir() {
		entries, _ := os.ReadDir(f.local)
		w.Header().Set("Content-Type", "text/html")
		for _, e := range entries {
			_, _ = fmt.Fprintf(w, "<a href=%q>%s</a>\n", r.URL.Path+"/"+e.Name(), e.Name())
		}
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", info.ModTime(), in)
}

// folderPut replaces the file at once when all of it has arrived; an upload
// that breaks off leaves nothing behind.
func (l *Lab) folderPut(r *http.Request, f file) int {
	if f.rel == "" || !f.hasParent() {
		return http.StatusNotFound
	}
	if f.isDir() {
		return http.StatusConflict
	}
	status := http.StatusCreated
	if f.exists() {
		status = http.StatusOK
	}
	tmp, err := os.CreateTemp(filepath.Dir(f.local), ".tmp-*")
	if err != nil {
		return http.StatusInternalServerError
	}
	defer os.Remove(tmp.Name())
	err = copyHoles(tmp, r.Body)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return http.StatusInternalServerError
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lockedBeneath(f) != nil {
		return http.StatusInternalServerError
	}
	_ = os.Chmod(tmp.Name(), 0o644)
	if err = os.Rename(tmp.Name(), f.local); err != nil {
		return http.StatusInternalServerError
	}
	l.reindex(f)
	return status
}

// copyHoles writes a stream, leaving blocks of zeroes unallocated.
func copyHoles(out *os.File, in io.Reader) error {
	block := make([]byte, 64<<10)
	var size int64
	for {
		n, err := fill(in, block)
		if n > 0 && !allZero(block[:n]) {
			if _, werr := out.WriteAt(block[:n], size); werr != nil {
				return werr
			}
		}
		size += int64(n)
		if err == io.EOF {
			return out.Truncate(size)
		}
		if err != nil {
			return err
		}
	}
}

// fill reads a whole block; unlike io.ReadFull it keeps the reader's own error,
// which tells a cut connection from the end.
func fill(in io.Reader, block []byte) (n int, err error) {
	for n < len(block) && err == nil {
		var m int
		m, err = in.Read(block[n:])
		n += m
	}
	return n, err
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

func (l *Lab) folderDelete(f file) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.deleteFile(f).(type) {
	case nil:
		return http.StatusNoContent
	case *types.FileNotFound:
		return http.StatusNotFound
	default:
		return http.StatusInternalServerError
	}
}
