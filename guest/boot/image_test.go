// Package boot has only tests: they boot QEMU with what guest/build makes, and are its host and its gateway.
package boot

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// kit is what all tests boot with; made once, and kept between runs as far as it is the same.
type kit struct {
	kernel, initramfs string
	layers            []string // the lowest first
}

var (
	kitOnce sync.Once
	theKit  kit
	errKit  error
)

// needKit skips the test where there is no QEMU, and only there.
func needKit(t *testing.T) kit {
	t.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("qemu-system-x86_64 is not installed: apt-get install qemu-system-x86")
	}
	kitOnce.Do(func() { theKit, errKit = makeKit() })
	if errKit != nil {
		t.Fatal(errKit)
	}
	return theKit
}

func cacheDirectory() string {
	if cache := os.Getenv("STOWAGE_GUEST_CACHE"); cache != "" {
		return cache
	}
	return filepath.Join(os.TempDir(), "stowage-guest-test")
}

func makeKit() (kit, error) {
	cache := cacheDirectory()
	out := filepath.Join(cache, "out")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return kit{}, err
	}
	if _, err := run("", nil, "sh", "../build", out); err != nil {
		return kit{}, err
	}
	busybox, err := getBusybox(cache)
	if err != nil {
		return kit{}, err
	}
	k := kit{kernel: filepath.Join(out, "vmlinux"), initramfs: filepath.Join(out, "initramfs")}
	for number, content := range [][]byte{lowerLayer(busybox), upperLayer()} {
		path := filepath.Join(cache, fmt.Sprintf("layer%d.ext4", number))
		if err := convert(cache, content, path); err != nil {
			return kit{}, err
		}
		k.layers = append(k.layers, path)
	}
	return k, nil
}

// getBusybox gives the static busybox of Debian's package.
func getBusybox(cache string) ([]byte, error) {
	path := filepath.Join(cache, "busybox", "bin", "busybox")
	if content, err := os.ReadFile(path); err == nil {
		return content, nil
	}
	temporary, err := os.MkdirTemp(cache, "download")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temporary)
	if _, err := run(temporary, nil, "sh", "-c", "apt-get -qq -o APT::Sandbox::User=$(id -un) download busybox-static && dpkg -x *.deb "+
		filepath.Join(cache, "busybox")); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// convert makes the layer's disk with the project's own converter.
func convert(cache string, content []byte, path string) error {
	program := filepath.Join(cache, "layerdisk")
	if _, err := run("../../registry/layerdisk", nil, goBinary(), "build", "-o", program, "."); err != nil {
		return err
	}
	_, err := run("", content, program, "-out", path)
	return err
}

func goBinary() string {
	path, err := run("", nil, "sh", "../../scripts/find-go")
	if err != nil {
		return "go"
	}
	return strings.TrimSpace(path)
}

func run(directory string, input []byte, argv ...string) (string, error) {
	command := exec.Command(argv[0], argv[1:]...)
	command.Dir, command.Stdin = directory, bytes.NewReader(input)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, stderr.String())
	}
	return string(out), nil
}

var applets = strings.Fields(`sh cat echo ls ps id env pwd sleep stty tty head tail sha256sum dd true false kill mkdir rm touch chmod chown stat
	readlink hostname wc grep sort tr seq cp mv ln mount umount df du test printf date nc wget ip nslookup sync tee getfattr uname mkfifo mknod`)

func lowerLayer(busybox []byte) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(h tar.Header, content string) {
		h.Size, h.Format = int64(len(content)), tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		_, _ = w.Write([]byte(content))
	}
	directory := func(name string, mode int64) {
		put(tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: mode}, "")
	}
	for _, name := range []string{"bin", "etc", "root", "home", "usr", "usr/bin"} {
		directory(name, 0o755)
	}
	directory("tmp", 0o1777)
	put(tar.Header{Name: "bin/busybox", Mode: 0o755}, string(busybox))
	for _, each := range applets {
		put(tar.Header{Name: "bin/" + each, Typeflag: tar.TypeSymlink, Linkname: "busybox"}, "")
	}
	put(tar.Header{Name: "etc/passwd", Mode: 0o644}, "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
	put(tar.Header{Name: "etc/group", Mode: 0o644}, "root:x:0:\nann:x:1000:\nstaff:x:50:ann\n")
	put(tar.Header{Name: "etc/gone", Mode: 0o644}, "the layer above takes it away\n")
	put(tar.Header{Name: "etc/plain", Mode: 0o644}, "not a program\n")
	// What a new volume is filled with.
	put(tar.Header{Name: "data/", Typeflag: tar.TypeDir, Mode: 0o750, Uid: 1000, Gid: 50}, "")
	put(tar.Header{Name: "data/seed", Mode: 0o640, Uid: 1000, Gid: 1000, PAXRecords: map[string]string{"SCHILY.xattr.user.colour": "blue"}}, "seed\n")
	put(tar.Header{Name: "data/again", Typeflag: tar.TypeLink, Linkname: "data/seed"}, "")
	put(tar.Header{Name: "data/link", Typeflag: tar.TypeSymlink, Linkname: "seed"}, "")
	put(tar.Header{Name: "escape", Typeflag: tar.TypeSymlink, Linkname: "../../../../s"}, "")
	_ = w.Close()
	return out.Bytes()
}

func upperLayer() []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, content := range map[string]string{"etc/.wh.gone": "", "etc/above": "of the layer above\n"} {
		_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
		_, _ = w.Write([]byte(content))
	}
	_ = w.Close()
	return out.Bytes()
}
