package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

const cookie = "vmware_soap_session=secret"

// store is a datastore of one file. A handler of the test's own comes before it, and says whether it has answered.
type store struct {
	*httptest.Server
	mu       sync.Mutex
	content  []byte
	isThere  bool
	requests []string
	hook     func(w http.ResponseWriter, r *http.Request) bool
}

func newStore(t *testing.T, isSecure bool) *store {
	t.Helper()
	s := &store{}
	if isSecure {
		s.Server = httptest.NewTLSServer(s)
		s.Config.ErrorLog = nil
	} else {
		s.Server = httptest.NewServer(s)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Cookie"))
	s.mu.Unlock()
	if s.hook != nil && s.hook(w, r) {
		return
	}
	switch {
	case r.Method == http.MethodPut:
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.put(content)
		w.WriteHeader(http.StatusCreated)
	case s.isThere:
		w.Header().Set("Content-Length", "")
		_, _ = w.Write(s.content)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (s *store) put(content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content, s.isThere = content, true
}

func (s *store) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.requests...)
}

func (s *store) thumbprint() string {
	sum := sha256.Sum256(s.Certificate().Raw)
	return hex.EncodeToString(sum[:])
}

func (s *store) authority() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

// orderFor is an order for a file of so many bytes. A third of it is zeros, as much of a disk is.
func (s *store) orderFor(t *testing.T, size int) (order, []byte) {
	t.Helper()
	content := make([]byte, size)
	rand.New(rand.NewSource(int64(size))).Read(content[:size*2/3])
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return order{
		URL: s.URL + "/folder/a%20b?dsName=x", Cookie: cookie, File: file, SizeBytes: int64(size),
		ConnectMs: 5_000, StallMs: 5_000,
	}, content
}

type outcome struct {
	exit  int
	lines []line
}

func (o outcome) last() line {
	if len(o.lines) == 0 {
		return line{}
	}
	return o.lines[len(o.lines)-1]
}

// carriedOut runs an order to its end, and gives the word when it is asked for.
func carriedOut(t *testing.T, o order) outcome {
	t.Helper()
	in, give := io.Pipe()
	told, out := io.Pipe()
	defer give.Close()
	exit := make(chan int, 1)
	go func() {
		exit <- run(in, out)
		out.Close()
	}()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = give.Write(append(text, '\n'))
	var result outcome
	lines := bufio.NewScanner(told)
	for lines.Scan() {
		if bytes.Contains(lines.Bytes(), []byte("secret")) {
			t.Errorf("the cookie is told: %s", lines.Text())
		}
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		result.lines = append(result.lines, l)
		if l.Connected {
			_, _ = give.Write([]byte("go\n"))
		}
	}
	result.exit = <-exit
	return result
}

// wants ends the test unless the order failed so.
func (o outcome) wants(t *testing.T, as kind, while string) *failure {
	t.Helper()
	f := o.last().Error
	if o.exit != 1 || f == nil || f.Kind != as || f.While != while {
		t.Fatalf("exit code %d, %+v, %+v", o.exit, o.last(), f)
	}
	return f
}
