package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// How much of a disk a layer takes, and where it lies: inodes, directories, holes.

func TestManyFilesAndLargeDirectories(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var entries []entry
	want := make(map[string]string)
	for n := range 3000 {
		name := fmt.Sprintf("dir%d/%s-%d", n%3, strings.Repeat("n", n%200), n)
		body := make([]byte, random.IntN(9000))
		for at := range body {
			body[at] = byte(random.Uint32())
		}
		entries, want[name] = append(entries, file(name, string(body))), string(body)
	}
	i := imageOf(t, layerOf(t, entries...))
	into := t.TempDir()
	i.debugfs("rdump /rootfs " + into)
	for name, body := range want {
		got, err := os.ReadFile(filepath.Join(into, "rootfs", name))
		if err != nil || string(got) != body {
			t.Fatalf("%s: %d bytes, want %d (%v)", name, len(got), len(body), err)
		}
	}
}

func TestInodesForWhichThereAreTooFewGroups(t *testing.T) {
	t.Parallel()
	entries := make([]entry, 0, 40_000)
	for n := range 40_000 {
		entries = append(entries, file(fmt.Sprintf("%d/%d", n%100, n), ""))
	}
	i := imageOf(t, layerOf(t, entries...))
	if i.ImageBytes > 20<<20 {
		t.Errorf("%d bytes of image for files of none", i.ImageBytes)
	}
}

func TestMoreSubdirectoriesThanLinksAreCounted(t *testing.T) {
	t.Parallel()
	entries := make([]entry, 0, 65_100)
	for n := range 65_100 {
		entries = append(entries, directory(fmt.Sprintf("many/%d", n), 0o755))
	}
	i := imageOf(t, layerOf(t, entries...))
	expect(t, "links", i.stat("many").Links, "1")
}

func TestZerosAreHoles(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte{0}, 64<<10)
	dense := bytes.Repeat([]byte{7}, 64<<10)
	// More pieces than one level of the extent tree holds.
	var body bytes.Buffer
	for range 1500 {
		body.Write(dense)
		body.Write(data)
	}
	body.WriteString("the end")
	i := imageOf(t, layerOf(t, file("zeros", strings.Repeat("\x00", 50<<20+17)), file("pieces", body.String()), file("little", "\x00\x00")))
	expect(t, "size", i.stat("zeros").Size, fmt.Sprint(50<<20+17))
	if i.ImageBytes > 100<<20 {
		t.Errorf("holes take room: %d bytes", i.ImageBytes)
	}
	expect(t, "content around holes", sha256Of([]byte(i.content("pieces"))), sha256Of(body.Bytes()))
	expect(t, "a little file of zeros", i.content("little"), "\x00\x00")
	var info syscall.Stat_t
	if err := syscall.Stat(i.path, &info); err != nil || info.Blocks*512 > i.ImageBytes {
		t.Errorf("the image takes %d bytes of %d on the host (%v)", info.Blocks*512, i.ImageBytes, err)
	}
}

func TestSparseFilesOfRealTars(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 5 << 20, 20<<20 + 5000} {
		if _, err := f.WriteAt([]byte(fmt.Sprintf("data at %d", at)), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(30 << 20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"--format=gnu", "--sparse-version=0.0", "--sparse-version=0.1", "--sparse-version=1.0"} {
		layer, err := exec.Command("tar", "-C", dir, "--sparse", "--format=posix", format, "-cf", "-", "sparse").Output()
		if err != nil {
			t.Fatal(err)
		}
		if len(layer) > 1<<20 {
			t.Fatalf("%s: tar did not see the holes: %d bytes", format, len(layer))
		}
		i := imageOf(t, layer)
		expect(t, format, sha256Of([]byte(i.content("sparse"))), sha256Of(want))
		expect(t, "contentBytes", i.ContentBytes, 30<<20)
		if i.ImageBytes > 2<<20 {
			t.Errorf("%s: the holes take room: %d bytes", format, i.ImageBytes)
		}
	}
}
