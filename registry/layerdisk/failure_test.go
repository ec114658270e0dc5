package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"stowage/registry/layerdisk/internal/failure"
)

func TestWhatALayerMustNotHaveIsRefusedByName(t *testing.T) {
	for _, each := range []struct {
		code    failure.Code
		says    string
		entries []entry
	}{
		{failure.PathEscapes, `"../etc/passwd"`, []entry{file("../etc/passwd", "x")}},
		{failure.PathEscapes, `"a/../../b"`, []entry{file("a/../../b", "x")}},
		{failure.PathEscapes, `"/etc/passwd": the name is absolute`, []entry{file("/etc/passwd", "x")}},
		{failure.PathEscapes, `"s/x": "s" is a symlink`, []entry{symlink("s", "/"), file("s/x", "x")}},
		{failure.PathEscapes, `"a/f/x/y": "a/f" is a file`, []entry{file("a/f", ""), file("a/f/x/y", "x")}},
		{failure.PathEscapes, `"s/.wh.x": "s" is a symlink`, []entry{symlink("s", "/"), file("s/.wh.x", "")}},
		{failure.PathEscapes, `"s/.wh..wh..opq": "s" is a symlink`, []entry{symlink("s", "/"), file("s/.wh..wh..opq", "")}},
		{failure.PathEscapes, `".wh..."`, []entry{file("a", ""), file(".wh...", "")}},
		{failure.PathEscapes, `"a": as the target of a hard link: "../x"`, []entry{hardLink("a", "../x")}},
		{failure.LinkTargetMissing, `"a": a hard link to "lower/b"`, []entry{hardLink("a", "lower/b")}},
		{failure.LinkTargetMissing, `"a": a hard link to "s/b"`, []entry{file("d/b", ""), symlink("s", "d"), hardLink("a", "s/b")}},
		{failure.LinkTargetMissing, `"a": a hard link to "b"`, []entry{hardLink("a", "b"), file("b", "comes later")}},
		{failure.EntryUnsupported, `"a": a hard link to the directory "d"`, []entry{directory("d", 0o755), hardLink("a", "d")}},
		{failure.EntryUnsupported, `".wh.": a whiteout that names nothing`, []entry{file(".wh.", "")}},
		{failure.EntryUnsupported, `".wh.a/b": ".wh.a" is a whiteout`, []entry{file(".wh.a/b", "")}},
		{failure.EntryUnsupported, "has 300 bytes", []entry{file(strings.Repeat("n", 300), "")}},
		{failure.EntryUnsupported, "the name has 5003 bytes", []entry{file(strings.Repeat("long/", 1000)+"end", "")}},
		{failure.EntryUnsupported, `"v": there is no place`, []entry{{tar.Header{Typeflag: 'V', Name: "v"}, ""}}},
		{failure.EntryUnsupported, `".": the root of the layer is no directory`, []entry{device(".", tar.TypeFifo, 0, 0)}},
		{failure.EntryUnsupported, `"s": a symlink's target has 1 to 4095 bytes`, []entry{symlink("s", strings.Repeat("t", 4096))}},
		{failure.EntryUnsupported, `"d": Linux has no device 1:1048576`, []entry{device("d", tar.TypeChar, 1, 1<<20)}},
		{failure.EntryUnsupported, `"u": the owner 4294967295:0`, []entry{file("u", "").with(func(h *tar.Header) { h.Uid = 1<<32 - 1 })}},
		{failure.EntryUnsupported, `"x": extended attributes`, []entry{file("x", "").xattr("user.x", strings.Repeat("v", 5000))}},
		{failure.EntryUnsupported, `"x": system.posix_acl_access`, []entry{file("x", "").xattr("system.posix_acl_access", "nonsense")}},
		{failure.EntryUnsupported, `"d": extended attributes`, []entry{directory("d", 0o755).xattr("user.x", strings.Repeat("v", 4020)).
			xattr("user.y", strings.Repeat("v", 60)), file("d/.wh..wh..opq", "")}},
	} {
		refusal := refused(t, layerOf(t, each.entries...))
		if refusal.Code != each.code || !strings.Contains(refusal.Message, each.says) {
			t.Errorf("%s %q, want %s %q", refusal.Code, refusal.Message, each.code, each.says)
		}
	}
}

func TestLimitsAreKeptToTheByte(t *testing.T) {
	layer := layerOf(t, file("a", strings.Repeat("a", 100_000)))
	for name, blob := range map[string][]byte{"tar": layer, "gzip": gzipped(t, layer), "zstd": zstandard(t, layer)} {
		s := settingsFor(t)
		s.maxBytes = int64(len(layer))
		if a := convertWith(t, s, blob); a.Error != nil {
			t.Errorf("%s of just the limit: %v", name, a.Error)
		}
		s.maxBytes--
		if a := convertWith(t, s, blob); a.Error == nil || a.Error.Code != failure.TooLarge {
			t.Errorf("%s over the limit: %v", name, a.Error)
		}
	}
}

func TestASparseFileCountsAsWhatItSays(t *testing.T) {
	// GNU.sparse.realsize of 1 TiB in a tar of 3 KiB.
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	body := "1\n1099511627775\n1\n" + strings.Repeat("\x00", 512-18) + "x"
	header := tar.Header{Typeflag: tar.TypeReg, Name: "GNUSparseFile.0/s", Size: int64(len(body)), Format: tar.FormatPAX}
	if err := w.WriteHeader(&header); err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(body))
	w.Close()
	record := func(key, value string) string { return fmt.Sprintf("%d %s=%s\n", len(key)+len(value)+5, key, value) }
	pax := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "s") +
		record("GNU.sparse.realsize", "1099511627776")
	var x bytes.Buffer
	xw := tar.NewWriter(&x)
	xw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "pax", Size: int64(len(pax))})
	xw.Write([]byte(pax))
	xw.Flush()
	extended := x.Bytes()
	extended[156] = 'x'
	copy(extended[148:156], "        ")
	sum := 0
	for _, each := range extended[:512] {
		sum += int(each)
	}
	copy(extended[148:156], fmt.Sprintf("%06o\x00 ", sum))

	s := settingsFor(t)
	s.maxBytes = 1 << 30
	a := convertWith(t, s, append(extended, b.Bytes()...))
	if a.Error == nil || a.Error.Code != failure.TooLarge || !strings.Contains(a.Error.Message, `"s"`) {
		t.Errorf("%v", a.Error)
	}
}

// A tar may end between two entries, or in the padding of the last: then its digest is what tells. All else is an error.
func TestACutBlobIsAnErrorOrHasAnotherDigest(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	var entries []entry
	for n := range 40 {
		body := make([]byte, random.IntN(2000))
		for at := range body {
			body[at] = byte(random.Uint32())
		}
		entries = append(entries, file(fmt.Sprintf("dir/%d", n), string(body)).xattr("user.n", fmt.Sprint(n)))
	}
	layer := layerOf(t, entries...)
	half := len(layer) / 2
	for name, blob := range map[string][]byte{
		"tar":     layer,
		"gzip":    gzipped(t, layer),
		"zstd":    zstandard(t, layer),
		"members": append(gzipped(t, layer[:half]), gzipped(t, layer[half:])...),
	} {
		for at := 0; at < len(blob); at += 997 {
			a := convertWith(t, settingsFor(t), blob[:at])
			switch {
			case a.Error != nil:
				expect(t, fmt.Sprintf("%s cut at %d: %s", name, at, a.Error.Message), a.Error.Code, failure.BlobCorrupt)
			case name != "tar":
				t.Errorf("%s cut at %d gives an image", name, at)
			default:
				expect(t, "digest", a.DiffID, sha256Of(blob[:at]))
			}
			damaged := bytes.Clone(blob)
			damaged[at] ^= 0x55
			if a := convertWith(t, settingsFor(t), damaged); a.Error == nil {
				expect(t, "digest of what was damaged", a.BlobDigest, sha256Of(damaged))
			}
		}
	}
}

func TestWhatIsNoLayerIsCorrupt(t *testing.T) {
	layer := layerOf(t, file("a", "a"))
	for name, blob := range map[string][]byte{
		"nothing":          {},
		"text":             []byte(strings.Repeat("This is not a tar. ", 100)),
		"a few bytes":      []byte("abc"),
		"gzip of text":     gzipped(t, []byte(strings.Repeat("nor is this ", 100))),
		"gzip and garbage": append(gzipped(t, layer), "garbage"...),
		"zstd and garbage": append(zstandard(t, layer), "garbage"...),
	} {
		expect(t, name, refused(t, blob).Code, failure.BlobCorrupt)
	}
	s := settingsFor(t)
	s.format = "zstd"
	expect(t, "another format than was said", convertWith(t, s, gzipped(t, layer)).Error.Code, failure.BlobCorrupt)
}

func TestErrorsOfTheDiskAndOfTheInput(t *testing.T) {
	layer := layerOf(t, file("a", "a"))
	s := settingsFor(t)
	s.out = filepath.Join(t.TempDir(), "no", "such", "folder")
	expect(t, "no folder", convertWith(t, s, layer).Error.Code, failure.DiskFailed)

	dir := t.TempDir()
	var out bytes.Buffer
	s.out = dir
	expect(t, "exit", run(s, bytes.NewReader(layer), &out), 1)
	if _, err := os.Stat(dir); err != nil {
		t.Error("it removed what it did not make")
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		s.out = filepath.Join(t.TempDir(), "full")
		if err := os.Symlink("/dev/full", s.out); err != nil {
			t.Fatal(err)
		}
		refusal := convertWith(t, s, layer).Error
		expect(t, "full", refusal.Code, failure.DiskFailed)
		expect(t, "says why", strings.Contains(refusal.Message, "no space left"), true)
	}

	s = settingsFor(t)
	broken := io.MultiReader(bytes.NewReader(layer[:600]), iotest.ErrReader(errors.New("the cable is out")))
	out.Reset()
	expect(t, "exit", run(s, broken, &out), 1)
	if !strings.Contains(out.String(), `"internal"`) || !strings.Contains(out.String(), "the cable is out") {
		t.Errorf("an error of the input: %s", out.String())
	}
}

func TestRandomHeadersNeverPanic(t *testing.T) {
	t.Parallel()
	layer := layerOf(t, directory("d", 0o755).xattr("user.a", "b"), file("d/f", strings.Repeat("x", 700)), symlink("s", "t"),
		hardLink("h", "d/f"), file(".wh.x", ""))
	random := rand.New(rand.NewPCG(5, 6))
	deadline := time.Now().Add(3 * time.Second)
	for n := 0; n < 1500 && time.Now().Before(deadline); n++ {
		mutated := bytes.Clone(layer)
		for range 1 + random.IntN(4) {
			mutated[random.IntN(len(mutated))] = byte(random.Uint32())
		}
		for at := 0; at+512 <= len(mutated); at += 512 {
			mend(mutated[at : at+512])
		}
		s := settingsFor(t)
		s.maxBytes = 8 << 20
		if a := convertWith(t, s, mutated); a.Error != nil && a.Error.Code == failure.Internal {
			t.Fatalf("%s, of %x", a.Error.Message, mutated)
		}
	}
}

// mend gives what looks like a header the checksum that it wants.
func mend(header []byte) {
	if !bytes.HasPrefix(header[257:], []byte("ustar")) {
		return
	}
	copy(header[148:156], "        ")
	sum := 0
	for _, each := range header {
		sum += int(each)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

func TestAZstdWindowOfAnySizeIsNotAllocated(t *testing.T) {
	// A frame that says its window is 4 GiB, by a descriptor (RFC 8878, 3.1.1.1.2).
	frame := binary.LittleEndian.AppendUint32(nil, 0xfd2fb528)
	frame = append(frame, 0, 22<<3, 1, 0, 0)
	expect(t, "code", refused(t, frame).Code, failure.TooLarge)
}
