package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
	"syscall"

	"stowage/guest/internal/spec"
)

// Exit codes of Docker.
const (
	codeNotStarted = 125
	codeNotAllowed = 126
	codeNotFound   = 127
)

func fail(code int, format string, about ...any) error {
	return &spec.Failure{Code: code, Message: fmt.Sprintf(format, about...)}
}

// Main is the second stage. It ends by executing the program.
func Main() {
	// Namespaces and rights are of a thread; executing from this one makes it the process.
	runtime.LockOSThread()
	syscall.CloseOnExec(reportFD)
	syscall.Umask(0o022)
	err := carryOut()
	failure := &spec.Failure{}
	if !errors.As(err, &failure) {
		failure = &spec.Failure{Code: codeNotStarted, Message: err.Error()}
	}
	text, _ := json.Marshal(failure)
	_, _ = syscall.Write(reportFD, text)
	os.Exit(1)
}

func carryOut() error {
	var order Order
	file := os.NewFile(orderFD, "order")
	if err := json.NewDecoder(file).Decode(&order); err != nil {
		return fmt.Errorf("the order: %w", err)
	}
	_ = file.Close()
	if order.Join != 0 {
		if err := join(order.Join); err != nil {
			return err
		}
	} else if err := enclose(order); err != nil {
		return err
	}
	if order.TTY {
		if err := takeTerminal(order); err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
	}
	return become(order)
}

func namespacePath(pid int, name string) string { return fmt.Sprintf("/proc/%d/ns/%s", pid, name) }

const sysSetns = 308

// join goes into the namespaces of a process; it is in its pid namespace already.
func join(pid int) error {
	var files []*os.File
	for _, each := range []string{"ipc", "cgroup", "mnt"} { // the mount namespace last: it has another /proc
		file, err := os.Open(namespacePath(pid, each))
		if err != nil {
			return err
		}
		defer file.Close()
		files = append(files, file)
	}
	// Threads share root and directory, and one that does may not change its mount namespace.
	if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	for _, each := range files {
		if _, _, errno := syscall.RawSyscall(sysSetns, each.Fd(), 0, 0); errno != 0 {
			return os.NewSyscallError("setns", errno)
		}
	}
	return nil
}

// become takes the user's rights and executes the program.
func become(order Order) error {
	who, err := LookUpUser(order.User, order.Groups)
	if err != nil {
		return err
	}
	env := order.Env
	if !hasVariable(env, "HOME") {
		env = append(env, "HOME="+who.home)
	}
	if err := limitResources(order.Ulimits); err != nil {
		return err
	}
	for fd := range 3 {
		// So that it can open /dev/stdout anew.
		var stat syscall.Stat_t
		if syscall.Fstat(fd, &stat) == nil && stat.Mode&syscall.S_IFMT != syscall.S_IFCHR {
			_ = syscall.Fchown(fd, int(who.uid), int(who.gid))
		}
	}
	directory := order.WorkingDir
	if directory == "" {
		directory = "/"
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return fail(codeNotAllowed, "mkdir %s: %v", directory, errnoOf(err))
	}
	if err := takeRights(order, who); err != nil {
		return err
	}
	if err := syscall.Chdir(directory); err != nil {
		return fail(codeNotAllowed, "chdir to cwd (%q) set in config.json failed: %v", directory, err)
	}
	program, err := lookUp(order.Argv[0], variable(env, "PATH"))
	if err != nil {
		return err
	}
	err = syscall.Exec(program, order.Argv, env)
	code := codeNotAllowed
	if errors.Is(err, syscall.ENOENT) {
		code = codeNotFound // of the program's interpreter
	}
	return fail(code, "exec %s: %v", program, err)
}

func errnoOf(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// lookUp finds a program as a shell would, and says what Docker says when there is none.
func lookUp(name, searchPath string) (string, error) {
	if strings.Contains(name, "/") {
		if err := isProgram(name); err != nil {
			if errors.Is(err, os.ErrNotExist) {
				return "", fail(codeNotFound, "exec: %q: stat %s: no such file or directory", name, name)
			}
			return "", fail(codeNotAllowed, "exec: %q: %v", name, errnoOf(err))
		}
		return name, nil
	}
	var denied error
	for _, directory := range strings.Split(searchPath, ":") {
		if directory == "" {
			directory = "."
		}
		candidate := path.Join(directory, name)
		err := isProgram(candidate)
		if err == nil {
			return candidate, nil
		}
		if errors.Is(err, os.ErrPermission) {
			denied = err
		}
	}
	if denied != nil && name != "" {
		return "", fail(codeNotAllowed, "exec: %q: permission denied", name)
	}
	return "", fail(codeNotFound, "exec: %q: executable file not found in $PATH", name)
}

func isProgram(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return syscall.EISDIR
	}
	if info.Mode()&0o111 == 0 {
		return syscall.EACCES
	}
	const mayExecute = 1
	return syscall.Access(path, mayExecute)
}

func hasVariable(env []string, name string) bool {
	for _, each := range env {
		if strings.HasPrefix(each, name+"=") {
			return true
		}
	}
	return false
}

// variable gives the value that counts: the last.
func variable(env []string, name string) string {
	value := ""
	for _, each := range env {
		if v, is := strings.CutPrefix(each, name+"="); is {
			value = v
		}
	}
	return value
}
