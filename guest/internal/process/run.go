package process

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// Run runs a program to its end. An error has the last of what it wrote.
func Run(argv ...string) error {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	p, err := Start(argv, &syscall.ProcAttr{Env: []string{"PATH=/sbin", "LC_ALL=C"}, Files: []uintptr{null.Fd(), w.Fd(), w.Fd()}}, 0)
	_ = w.Close()
	if err != nil {
		return err
	}
	said, _ := io.ReadAll(io.LimitReader(r, 4096))
	_, _ = io.Copy(io.Discard, r)
	<-p.Done
	if p.Code != 0 {
		return fmt.Errorf("%s ended with %d: %s", argv[0], p.Code, strings.TrimSpace(string(said)))
	}
	return nil
}
