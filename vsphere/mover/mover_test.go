package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

const mib = 1 << 20

func TestAFileIsSentAndFoundTheSame(t *testing.T) {
	for _, isSecure := range []bool{false, true} {
		for _, size := range []int{0, 1, 70_000, 3*mib + 17} {
			t.Run(fmt.Sprintf("TLS %v, %d bytes", isSecure, size), func(t *testing.T) {
				s := newStore(t, isSecure)
				o, content := s.orderFor(t, size)
				if isSecure {
					o.Trust = trust{CaPem: s.authority()}
				}
				done := carriedOut(t, o)
				if done.exit != 0 || done.last().Found != same {
					t.Fatalf("exit code %d, %+v", done.exit, done.last())
				}
				if !bytes.Equal(s.content, content) {
					t.Error("something else is there")
				}
				want := "[PUT /folder/a%20b?dsName=x " + cookie + " GET /folder/a%20b?dsName=x " + cookie + "]"
				if got := fmt.Sprint(s.seen()); got != want {
					t.Error(got)
				}
				var sent, read int64
				for _, l := range done.lines {
					sent, read = max(sent, l.Sent), max(read, l.Read)
				}
				if sent != int64(size) || read != int64(size) {
					t.Errorf("told of %d sent and %d read", sent, read)
				}
			})
		}
	}
}

func TestWhatIsThereIsCompared(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"one bit is another":    func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"the first byte, too":   func(b []byte) []byte { b[0] ^= 1; return b },
		"the end is missing":    func(b []byte) []byte { return b[:len(b)-1] },
		"there is more":         func(b []byte) []byte { return append(b, 0) },
		"nothing is there":      func([]byte) []byte { return nil },
		"all of it is zeros":    func(b []byte) []byte { return make([]byte, len(b)) },
		"a piece lies too late": func(b []byte) []byte { return append(make([]byte, 4096), b[:len(b)-4096]...) },
	} {
		for _, isChunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, chunked %v", name, isChunked), func(t *testing.T) {
				s := newStore(t, false)
				o, content := s.orderFor(t, 2*mib)
				s.hook = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodGet && isChunked {
						w.(http.Flusher).Flush()
					} else if r.Method == http.MethodPut {
						_, _ = io.Copy(io.Discard, r.Body)
						s.put(change(bytes.Clone(content)))
						return true
					}
					return false
				}
				if done := carriedOut(t, o); done.exit != 0 || done.last().Found != different {
					t.Fatalf("exit code %d, %+v", done.exit, done.last())
				}
			})
		}
	}
}

func TestWhatIsThereAlreadyIsNotSent(t *testing.T) {
	s := newStore(t, false)
	o, content := s.orderFor(t, mib)
	o.IsThere = true
	if done := carriedOut(t, o); done.last().Found != missing {
		t.Fatalf("%+v", done.last())
	}
	s.put(content)
	if done := carriedOut(t, o); done.last().Found != same {
		t.Fatalf("%+v", done.last())
	}
	for _, request := range s.seen() {
		if strings.HasPrefix(request, "PUT") {
			t.Error(request)
		}
	}
}

func TestARefusalIsTold(t *testing.T) {
	for _, method := range []string{"PUT", "GET"} {
		for _, status := range []int{401, 403, 423, 500, 503, 507, 302} {
			t.Run(fmt.Sprint(method, status), func(t *testing.T) {
				s := newStore(t, false)
				// More than the socket takes: the answer comes while it is being sent.
				o, _ := s.orderFor(t, 32*mib)
				s.hook = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method == method {
						w.WriteHeader(status)
					}
					return r.Method == method
				}
				if f := carriedOut(t, o).wants(t, refused, method); f.Status != status {
					t.Error(f.Status)
				}
			})
		}
	}
}

func TestALostAnswer(t *testing.T) {
	for _, method := range []string{"PUT", "GET"} {
		for _, isLate := range []bool{false, true} {
			t.Run(fmt.Sprint(method, isLate), func(t *testing.T) {
				s := newStore(t, false)
				o, _ := s.orderFor(t, 4*mib)
				s.hook = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method != method {
						return false
					}
					if isLate {
						_, _ = io.Copy(io.Discard, r.Body)
					}
					if isLate && method == "GET" {
						w.Header().Set("Content-Length", fmt.Sprint(o.SizeBytes))
						_, _ = w.Write(s.content[:mib])
					}
					panic(http.ErrAbortHandler)
				}
				if f := carriedOut(t, o).wants(t, unreachable, method); !f.WasCut || !f.WasSent {
					t.Errorf("%+v", f)
				}
			})
		}
	}
}

func TestAServerThatStallsIsGivenUp(t *testing.T) {
	for name, hook := range map[string]func(w http.ResponseWriter, r *http.Request, free chan struct{}){
		"PUT before it takes all": func(_ http.ResponseWriter, _ *http.Request, free chan struct{}) { <-free },
		"PUT before it answers": func(_ http.ResponseWriter, r *http.Request, free chan struct{}) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-free
		},
		"GET before it answers": func(_ http.ResponseWriter, _ *http.Request, free chan struct{}) { <-free },
		"GET in the middle": func(w http.ResponseWriter, _ *http.Request, free chan struct{}) {
			_, _ = w.Write(make([]byte, 10))
			w.(http.Flusher).Flush()
			<-free
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, false)
			o, _ := s.orderFor(t, 48*mib)
			// What comes first is all the same, so that it is read on.
			if err := os.WriteFile(o.File, make([]byte, o.SizeBytes), 0o600); err != nil {
				t.Fatal(err)
			}
			o.StallMs = 300
			free := make(chan struct{})
			defer close(free)
			method := name[:3]
			s.hook = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == method {
					hook(w, r, free)
				}
				return r.Method == method
			}
			if f := carriedOut(t, o).wants(t, unreachable, method); f.WasCut || f.Message != "it took too long" {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestASlowServerIsWaitedFor(t *testing.T) {
	s := newStore(t, false)
	o, _ := s.orderFor(t, 12*mib)
	o.StallMs = 2000
	s.hook = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			// In all longer than the limit, and each time shorter; then its answer takes as long again.
			piece := make([]byte, 4*mib)
			for range 3 {
				time.Sleep(700 * time.Millisecond)
				_, _ = io.ReadFull(r.Body, piece)
			}
			time.Sleep(900 * time.Millisecond)
		}
		return false
	}
	if done := carriedOut(t, o); done.last().Error != nil {
		t.Fatalf("%+v", done.last().Error)
	}
}

func TestOnlyTheExpectedServerIsSentAnything(t *testing.T) {
	s, other := newStore(t, true), newStore(t, false)
	pinned := s.thumbprint()
	for name, believed := range map[string]trust{
		"another thumbprint": {Thumbprint: strings.Repeat("ab", 32)},
		"no thumbprint":      {Thumbprint: "xyz"},
		"no authority":       {},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := s.orderFor(t, mib)
			o.Trust = believed
			carriedOut(t, o).wants(t, untrusted, "")
		})
	}
	if len(s.seen()) > 0 {
		t.Error(s.seen())
	}
	for _, written := range []string{pinned, strings.ToUpper(pinned), pinned[:2] + ":" + pinned[2:]} {
		o, _ := s.orderFor(t, mib)
		o.Trust = trust{Thumbprint: written}
		if done := carriedOut(t, o); done.last().Found != same {
			t.Errorf("%+v", done.last().Error)
		}
	}
	o, _ := s.orderFor(t, mib)
	o.URL = strings.Replace(other.URL, "http:", "https:", 1)
	carriedOut(t, o).wants(t, unreachable, "")
}

func TestNobodyAnswers(t *testing.T) {
	s := newStore(t, false)
	o, _ := s.orderFor(t, mib)
	s.Close()
	if f := carriedOut(t, o).wants(t, unreachable, ""); f.WasSent {
		t.Error("nothing was sent")
	}
}

func TestAFileThatCannotBeRead(t *testing.T) {
	s := newStore(t, false)
	o, _ := s.orderFor(t, mib)
	o.SizeBytes++
	carriedOut(t, o).wants(t, local, "")
	o.File += ".none"
	carriedOut(t, o).wants(t, local, "")
	if s.isThere {
		t.Error("a part of it is there")
	}
}

func TestNothingIsSentWithoutTheWordAndNothingGoesOnAlone(t *testing.T) {
	s := newStore(t, false)
	o, _ := s.orderFor(t, mib)
	in, give := io.Pipe()
	told, out := io.Pipe()
	exit := make(chan int, 1)
	go func() { exit <- run(in, out) }()
	_, _ = fmt.Fprintf(give, `{"url":%q,"cookie":%q,"file":%q,"sizeBytes":%d,"connectMs":1000,"stallMs":1000}`+"\n",
		o.URL, o.Cookie, o.File, o.SizeBytes)
	if _, err := told.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	give.Close()
	if code := <-exit; code != 3 || len(s.seen()) > 0 {
		t.Error(code, s.seen())
	}
}

func TestAnOrderThatIsNone(t *testing.T) {
	for _, text := range []string{"", "\n", "{}\n", `{"url":"ftp://x/","file":"y","connectMs":1,"stallMs":1}` + "\n"} {
		if code := run(strings.NewReader(text), io.Discard); code != 2 {
			t.Errorf("%q: %d", text, code)
		}
	}
}
