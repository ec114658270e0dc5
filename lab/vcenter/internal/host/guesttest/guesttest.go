// Package guesttest makes what tests boot: the kernel and modules of $STOWAGE_GUEST_DIR, or of what guest/build made for the lab, with
// testguest in the place of its /init.
package guesttest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// built is where the lab has guest/build put its work (lab/guest.ts), from here.
const built = "../../../../../node_modules/.cache/stowage/guest"

// Dir is a directory as -guest wants it. The test is skipped where there is no QEMU or no kernel.
func Dir(t *testing.T) string {
	t.Helper()
	from := os.Getenv("STOWAGE_GUEST_DIR")
	if from == "" {
		_, here, _, _ := runtime.Caller(0)
		from = filepath.Join(filepath.Dir(here), built)
	}
	if _, err := os.Stat(filepath.Join(from, "vmlinux")); err != nil {
		t.Skip("no guest to boot: set STOWAGE_GUEST_DIR to a directory with vmlinux and initramfs, as guest/build makes it")
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("no QEMU: apt-get install qemu-system-x86")
	}
	from, err := filepath.Abs(from)
	must(t, err)
	dir := t.TempDir()
	must(t, os.Symlink(filepath.Join(from, "vmlinux"), filepath.Join(dir, "vmlinux")))
	modules, err := os.ReadFile(filepath.Join(from, "initramfs"))
	must(t, err)
	program := filepath.Join(dir, "init")
	build := exec.Command("go", "build", "-o", program, "stowage/lab/vcenter/internal/host/testguest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	init, err := os.ReadFile(program)
	must(t, err)
	// The kernel unpacks archives one after another; what comes later wins.
	padding := make([]byte, -len(modules)&3)
	must(t, os.WriteFile(filepath.Join(dir, "initramfs"), bytes.Join([][]byte{modules, padding, archive(init)}, nil), 0o644))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// archive is a cpio with one file, /init.
func archive(init []byte) []byte {
	var out bytes.Buffer
	entry := func(name string, mode int, data []byte) {
		fmt.Fprintf(&out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
		pad := func() { out.Write(make([]byte, -out.Len()&3)) }
		out.WriteString(name + "\x00")
		pad()
		out.Write(data)
		pad()
	}
	entry("init", 0o100755, init)
	entry("TRAILER!!!", 0, nil)
	return out.Bytes()
}
