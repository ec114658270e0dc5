// Package tarstream carries files in and out of a container as tar. The work is done in a process of its own, whose root is the container's:
// no link leads out of it.
package tarstream

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"stowage/guest/internal/process"
)

// Word is the argument by which the agent knows that it is the helper.
const Word = "tar"

// Failure is what the helper says when it fails; Kind is "not-found", "invalid" or "internal".
type Failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Message }

// Is lets callers ask for what the kernel would have said.
func (f *Failure) Is(target error) bool {
	return f.Kind == "not-found" && target == os.ErrNotExist || f.Kind == "invalid" && target == error(syscall.EINVAL)
}

// request is what the helper is to do.
type request struct {
	Root   string `json:"root"`
	Action string `json:"action"`
	Into
}

// Into is where and how a tar is unpacked. With User all becomes that user's.
type Into struct {
	Path                 string `json:"path"`
	NoOverwriteDirNonDir bool   `json:"noOverwriteDirNonDir"`
	User                 string `json:"user"`
}

// Read writes a tar of what is at the path.
func Read(root, path string, out io.Writer) error {
	return help(request{Root: root, Action: "read", Into: Into{Path: path}}, nil, out)
}

// Export writes a tar of all files of the root.
func Export(root string, out io.Writer) error {
	return help(request{Root: root, Action: "export"}, nil, out)
}

// Write unpacks a tar.
func Write(root string, into Into, from io.Reader) error {
	return help(request{Root: root, Action: "write", Into: into}, from, io.Discard)
}

// Info is what is known of a path; Mode as Go's os.FileMode.
type Info struct {
	Name       string `json:"name"`
	Size       int64  `json:"size"`
	Mode       uint32 `json:"mode"`
	MTime      string `json:"mtime"`
	LinkTarget string `json:"linkTarget"`
}

// Stat says what is at the path itself, and not where a link leads.
func Stat(root, path string) (Info, error) {
	var text strings.Builder
	var info Info
	if err := help(request{Root: root, Action: "stat", Into: Into{Path: path}}, nil, &text); err != nil {
		return info, err
	}
	return info, json.Unmarshal([]byte(text.String()), &info)
}

// help runs the helper: input on its standard input, what it gives on its output, why it failed on its error.
func help(r request, from io.Reader, out io.Writer) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var theirs [3]*os.File
	var ours [3]*os.File
	defer func() {
		for at := range 3 {
			for _, each := range []*os.File{theirs[at], ours[at]} {
				if each != nil {
					_ = each.Close()
				}
			}
		}
	}()
	if theirs[0], ours[0], err = os.Pipe(); err != nil {
		return err
	}
	for at := 1; at < 3; at++ {
		if ours[at], theirs[at], err = os.Pipe(); err != nil {
			return err
		}
	}
	attr := &syscall.ProcAttr{Env: []string{"GOGC=50"}, Files: []uintptr{theirs[0].Fd(), theirs[1].Fd(), theirs[2].Fd()}}
	p, err := process.Start([]string{"/init", Word, string(text)}, attr, 0)
	for at := range 3 {
		_ = theirs[at].Close()
	}
	if err != nil {
		return err
	}
	go func(stdin *os.File) {
		if from != nil {
			_, _ = io.Copy(stdin, from)
		}
		_ = stdin.Close()
	}(ours[0])
	said := make(chan []byte, 1)
	go func(stderr *os.File) {
		all, _ := io.ReadAll(io.LimitReader(stderr, 64<<10))
		said <- all
	}(ours[2])
	_, copyErr := io.Copy(out, ours[1])
	if copyErr != nil {
		// Who wanted it is gone.
		_ = p.Kill(syscall.SIGKILL)
	}
	<-p.Done
	if p.Code == 0 {
		return copyErr
	}
	failure := &Failure{}
	if all := <-said; json.Unmarshal(all, failure) != nil {
		failure = &Failure{Kind: "internal", Message: "the helper ended: " + string(all)}
	}
	return failure
}

// Main is the helper.
func Main(arguments []string) {
	if err := do(arguments); err != nil {
		failure := &Failure{Kind: kindOf(err), Message: err.Error()}
		known := &Failure{}
		if errors.As(err, &known) {
			failure = known
		}
		_ = json.NewEncoder(os.Stderr).Encode(failure)
		os.Exit(1)
	}
}

func kindOf(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "not-found"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return "invalid"
	}
	return "internal"
}

func do(arguments []string) error {
	var r request
	if len(arguments) != 1 {
		return errors.New("one request")
	}
	if err := json.Unmarshal([]byte(arguments[0]), &r); err != nil {
		return err
	}
	if err := syscall.Chroot(r.Root); err != nil {
		return os.NewSyscallError("chroot", err)
	}
	if err := syscall.Chdir("/"); err != nil {
		return err
	}
	syscall.Umask(0)
	switch r.Action {
	case "read":
		return readPath(r.Path, os.Stdout)
	case "export":
		return exportAll(os.Stdout)
	case "write":
		return unpack(r.Into, os.Stdin)
	case "stat":
		info, err := statPath(r.Path)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(info)
	}
	return errors.New("no such action")
}
