package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"stowage/registry/layerdisk/internal/blob"
	"stowage/registry/layerdisk/internal/failure"
)

// Names the file for /proc/self/status at the end. The peak that wait4 gives is of no use: a process starts with its parent's.
const asProgram = "LAYERDISK_TEST_IS_PROGRAM"

// The test's own executable is the program, where a process of its own matters.
func TestMain(m *testing.M) {
	if peak := os.Getenv(asProgram); peak != "" {
		exit := program()
		status, err := os.ReadFile("/proc/self/status")
		if err == nil {
			err = os.WriteFile(peak, status, 0o600)
		}
		if err != nil {
			panic(err)
		}
		os.Exit(exit)
	}
	os.Exit(m.Run())
}

type entry struct {
	tar.Header
	body string
}

var someTime = time.Unix(1_700_000_000, 0)

func file(name, body string) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: someTime}, body}
}

func directory(name string, mode int64) entry {
	return entry{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode, ModTime: someTime}, ""}
}

func symlink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, ModTime: someTime}, ""}
}

func hardLink(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, ModTime: someTime}, ""}
}

func device(name string, kind byte, major, minor int64) entry {
	return entry{tar.Header{Typeflag: kind, Name: name, Mode: 0o600, Devmajor: major, Devminor: minor}, ""}
}

func (e entry) with(change func(*tar.Header)) entry {
	change(&e.Header)
	return e
}

func (e entry) xattr(name, value string) entry {
	return e.with(func(h *tar.Header) {
		records := map[string]string{"SCHILY.xattr." + name: value}
		for key, each := range h.PAXRecords {
			records[key] = each
		}
		h.PAXRecords = records
	})
}

func layerOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, each := range entries {
		each.Size = int64(len(each.body))
		if err := w.WriteHeader(&each.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(each.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstandard(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

// answer is the line that the program prints, whichever of the two it is.
type answer struct {
	converted
	Error *failure.Error
}

func convertWith(t testing.TB, s settings, data []byte) answer {
	t.Helper()
	var out bytes.Buffer
	exit := run(s, bytes.NewReader(data), &out)
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("not one line of JSON: %q (%v)", out.String(), err)
	}
	_, missing := os.Stat(s.out)
	if isGood := a.Error == nil; isGood != (exit == 0) || isGood != (missing == nil) {
		t.Fatalf("exit %d, file: %v, said: %s", exit, missing, out.String())
	}
	return a
}

func settingsFor(t testing.TB) settings {
	return settings{out: filepath.Join(t.TempDir(), "layer.ext4"), maxBytes: defaultMaxBytes, format: blob.Auto}
}

// image is a converted layer, read with e2fsprogs.
type image struct {
	answer
	t    testing.TB
	path string
}

// imageOf converts, and has the file system examined.
func imageOf(t testing.TB, data []byte) *image {
	t.Helper()
	s := settingsFor(t)
	a := convertWith(t, s, data)
	if a.Error != nil {
		t.Fatalf("no image: %v", a.Error)
	}
	i := &image{answer: a, t: t, path: s.out}
	if output, err := exec.Command(tool("e2fsck"), "-fn", i.path).CombinedOutput(); err != nil {
		t.Fatalf("e2fsck: %v\n%s", err, output)
	}
	if info, err := os.Stat(i.path); err != nil || info.Size() != a.ImageBytes || a.ImageBytes%(1<<20) != 0 {
		t.Fatalf("imageBytes %d, file %v %v", a.ImageBytes, info, err)
	}
	return i
}

func refused(t testing.TB, data []byte) *failure.Error {
	t.Helper()
	a := convertWith(t, settingsFor(t), data)
	if a.Error == nil {
		t.Fatal("there is an image")
	}
	return a.Error
}

// tool finds a program of e2fsprogs, which Debian keeps where a user's PATH may not reach.
func tool(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/sbin/" + name
}

func (i *image) debugfs(request string) string {
	i.t.Helper()
	output, err := exec.Command(tool("debugfs"), "-R", request, i.path).Output()
	if err != nil {
		i.t.Fatalf("debugfs %s: %v", request, err)
	}
	return string(output)
}

func (i *image) exists(name string) bool {
	return strings.Contains(i.debugfs(`stat "/rootfs/`+name+`"`), "Inode:")
}

func (i *image) content(name string) string { return i.debugfs(`cat "/rootfs/` + name + `"`) }

func (i *image) xattr(name, attribute string) string {
	i.t.Helper()
	value := filepath.Join(i.t.TempDir(), "value")
	i.debugfs(`ea_get -f ` + value + ` "/rootfs/` + name + `" ` + attribute)
	data, err := os.ReadFile(value)
	if err != nil {
		i.t.Fatalf("%s has no %s", name, attribute)
	}
	return string(data)
}

type inode struct {
	Type, Mode, UID, GID, Size, Links, Device string
	Number, Modified                          int64
	text                                      string
}

func (i *image) stat(name string) inode {
	i.t.Helper()
	text := i.debugfs(`stat "/rootfs/` + name + `"`)
	field := func(pattern string) string {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found[1]
		}
		return ""
	}
	n := inode{
		Type: field(`Type: (.*?)\s+Mode`), Mode: field(`Mode:\s+(\d+)`), UID: field(`User:\s+(-?\d+)`), GID: field(`Group:\s+(-?\d+)`),
		Size: field(`Size: (\d+)`), Links: field(`Links: (\d+)`), Device: field(`number: (\d+:\d+)`), text: text,
	}
	if n.Type == "" {
		i.t.Fatalf("no %s: %s", name, text)
	}
	n.Number, _ = strconv.ParseInt(field(`Inode: (\d+)`), 10, 64)
	seconds, _ := strconv.ParseUint(field(`mtime: 0x([0-9a-f]{8})`), 16, 32)
	extra, _ := strconv.ParseUint(field(`mtime: 0x[0-9a-f]{8}:([0-9a-f]{8})`), 16, 32)
	n.Modified = int64(int32(seconds)) + int64(extra&3)<<32
	return n
}

func expect[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
