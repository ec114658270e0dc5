package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stowage/guest/internal/spec"
)

func TestShallowMountsComeFirst(t *testing.T) {
	var got []string
	for _, each := range inDepth([]spec.Mount{{Destination: "/a/b/c"}, {Destination: "/z"}, {Destination: "/a//b/"}, {Destination: "/a"}}) {
		got = append(got, each.Destination)
	}
	if strings.Join(got, " ") != "/z /a /a//b/ /a/b/c" {
		t.Fatal(got)
	}
}

func TestMountPointsStayWithinTheRoot(t *testing.T) {
	base := t.TempDir()
	root := filepath.Join(base, "root")
	for _, each := range []string{"root/real", "outside"} {
		if err := os.MkdirAll(filepath.Join(base, each), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"up": "../../outside", "absolute": "/real", "nowhere": "/not/there"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"/absolute/x/y": "real/x/y", "/real/../real/z": "real/z", "/../../deep": "deep", "/": ""} {
		got, err := place(root, name, true)
		if err != nil || got != filepath.Join(root, want) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	for _, each := range []string{"/up/x", "/nowhere/x", "/nowhere"} {
		if got, err := place(root, each, true); err == nil && !strings.HasPrefix(got, root+"/") {
			t.Errorf("%s: %q", each, got)
		}
	}
	if entries, _ := os.ReadDir(filepath.Join(base, "outside")); len(entries) != 0 {
		t.Error("something was made outside")
	}
}

func TestCopyUpKeepsLinksAndFillsOnlyWhatIsEmpty(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	_ = os.WriteFile(from+"/a", []byte("x"), 0o640)
	_ = os.Link(from+"/a", from+"/b")
	_ = os.Symlink("a", from+"/c")
	if err := copyUp(from, to); err != nil {
		t.Fatal(err)
	}
	a, _ := os.Stat(to + "/a")
	b, _ := os.Stat(to + "/b")
	if link, _ := os.Readlink(to + "/c"); link != "a" || !os.SameFile(a, b) || a.Mode() != 0o640 {
		t.Fatal(link, a, b)
	}
	_ = os.Remove(to + "/a")
	if err := copyUp(from, to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(to + "/a"); err == nil {
		t.Fatal("a volume that is not empty was filled")
	}
}
