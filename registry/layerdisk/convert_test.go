package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func TestAFileHasItsContentAndAttributes(t *testing.T) {
	i := imageOf(t, layerOf(t,
		directory("./", 0o711),
		directory("./bin/", 0o755),
		file("./bin/su", "#!su").with(func(h *tar.Header) { h.Mode, h.Uid, h.Gid = 0o6755, 70_000, 4_000_000_000 }),
		file("bin/old", "").with(func(h *tar.Header) { h.ModTime = time.Unix(-86_400, 0); h.Format = tar.FormatPAX }),
		file("bin/new", "").with(func(h *tar.Header) { h.ModTime = time.Unix(4_102_444_800, 123_456_789); h.Format = tar.FormatPAX }),
		directory("tmp", 0o1777),
	))
	su := i.stat("bin/su")
	expect(t, "type", su.Type, "regular")
	expect(t, "mode", su.Mode, "06755")
	expect(t, "uid", su.UID, "70000")
	expect(t, "gid, which debugfs takes for signed", su.GID, fmt.Sprint(int32(4_000_000_000-1<<32)))
	expect(t, "size", su.Size, "4")
	expect(t, "mtime", su.Modified, someTime.Unix())
	expect(t, "mtime before 1970", i.stat("bin/old").Modified, -86_400)
	expect(t, "mtime after 2038", i.stat("bin/new").Modified, 4_102_444_800)
	if text := i.stat("bin/new").text; !strings.Contains(text, "mtime: 0xf4865700:1d6f3455") {
		t.Errorf("nanoseconds are lost: %s", text)
	}
	expect(t, "content", i.content("bin/su"), "#!su")
	expect(t, "sticky", i.stat("tmp").Mode, "01777")
	expect(t, "root of the layer", i.stat("").Mode, "0711")
	expect(t, "entries", i.Entries, 6)
	expect(t, "contentBytes", i.ContentBytes, 4)
	expect(t, "implied", len(i.ImpliedDirectories), 0)
	if listing := i.debugfs("ls -l /"); !strings.Contains(listing, "lost+found") {
		t.Errorf("no lost+found in %s", listing)
	}
	if i.exists("lost+found") {
		t.Error("the container sees lost+found")
	}
}

func TestTheRootMayBeNamedSlash(t *testing.T) {
	root := layerOf(t, directory("./", 0o700))
	copy(root, "/\x00")
	header := root[:512]
	copy(header[148:156], "        ")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
	expect(t, "mode", imageOf(t, root).stat("").Mode, "0700")
}

func TestEveryKindOfEntry(t *testing.T) {
	long := "/" + strings.Repeat("long/", 60) + "target"
	edge := strings.Repeat("e", 60)
	i := imageOf(t, layerOf(t,
		symlink("short", "usr/bin"), symlink("edge", edge), symlink("edge59", edge[1:]), symlink("long", long),
		device("null", tar.TypeChar, 1, 3), device("disk", tar.TypeBlock, 259, 70_000), device("pipe", tar.TypeFifo, 0, 0),
	))
	if text := i.stat("short").text; !strings.Contains(text, `Fast link dest: "usr/bin"`) {
		t.Error(text)
	}
	if text := i.stat("edge59").text; !strings.Contains(text, `Fast link dest: "`+edge[1:]+`"`) {
		t.Error(text)
	}
	expect(t, "target of 60 bytes", i.content("edge"), edge)
	expect(t, "long target", i.content("long"), long)
	expect(t, "null", i.stat("null").Type, "character special")
	expect(t, "null's number", i.stat("null").Device, "01:03")
	expect(t, "disk", i.stat("disk").Type, "block special")
	expect(t, "disk's number", i.stat("disk").Device, "259:70000")
	expect(t, "pipe", i.stat("pipe").Type, "FIFO")
}

func TestWhiteouts(t *testing.T) {
	i := imageOf(t, layerOf(t,
		directory("etc", 0o755), file("etc/.wh.gone", ""),
		file(".wh.etc", ""),
		directory("opq", 0o750), file("opq/.wh..wh..opq", ""), file("opq/new", "new"),
		file(".wh.first", ""), file("first", "kept"),
		file("second", "kept"), file(".wh.second", ""),
		file("made/by/.wh.whiteout", ""),
		file(".wh..wh.aufs", ""), file(".wh..wh.plnk/1.2", "x"),
		directory("became", 0o755), file("became/.wh.file", ""), file("became", "a file"),
	))
	gone := i.stat("etc/gone")
	expect(t, "whiteout", gone.Type, "character special")
	expect(t, "its number", gone.Device, "00:00")
	expect(t, "a whiteout of a directory with an entry", i.xattr("etc", "trusted.overlay.opaque"), "y")
	expect(t, "opaque mark", i.xattr("opq", "trusted.overlay.opaque"), "y")
	expect(t, "an opaque directory keeps its mode", i.stat("opq").Mode, "0750")
	expect(t, "whiteout before the file", i.content("first"), "kept")
	expect(t, "whiteout after the file", i.content("second"), "kept")
	expect(t, "below an implied directory", i.stat("made/by/whiteout").Type, "character special")
	expect(t, "in a directory that was replaced", i.content("became"), "a file")
	expect(t, "whiteouts", i.Whiteouts, 2)
	expect(t, "opaqueDirectories", i.OpaqueDirectories, 2)
	for _, name := range []string{".wh.etc", ".wh..wh.aufs", ".wh..wh.plnk", "opq/.wh..wh..opq", "aufs"} {
		if i.exists(name) {
			t.Errorf("%s is in the image", name)
		}
	}
	if want := []string{".", "made", "made/by"}; !reflect.DeepEqual(i.ImpliedDirectories, want) {
		t.Errorf("implied: %q, want %q", i.ImpliedDirectories, want)
	}
}

func TestTheLastEntryOfANameWins(t *testing.T) {
	big := strings.Repeat("x", 300_000)
	i := imageOf(t, layerOf(t,
		file("a", big), file("a", "short"),
		file("b", "file"), directory("b", 0o700), file("b/c", "in b"),
		directory("d", 0o755), file("d/e", big), symlink("d", "b"),
		directory("f", 0o700).xattr("user.old", "1"), file("f/g", "stays"), directory("f", 0o755).xattr("user.new", "2"),
		file("h", big), hardLink("i", "h"), file("h", "other"),
		directory("j", 0o755), file("j/k", "comes up"), hardLink("j", "j/k"),
		file("l", "l"), hardLink("l", "l"),
	))
	expect(t, "file over file", i.content("a"), "short")
	expect(t, "directory over file", i.content("b/c"), "in b")
	expect(t, "symlink over directory", i.stat("d").Type, "symlink")
	expect(t, "directory over directory", i.content("f/g"), "stays")
	expect(t, "its mode", i.stat("f").Mode, "0755")
	if text := i.stat("f").text; strings.Contains(text, "user.old") || !strings.Contains(text, "user.new") {
		t.Errorf("its attributes: %s", text)
	}
	expect(t, "a link keeps what its target was", i.content("i") == big, true)
	expect(t, "with one name less", i.stat("i").Links, "1")
	expect(t, "target", i.content("h"), "other")
	expect(t, "a link over the directory its target is in", i.content("j"), "comes up")
	expect(t, "a link to itself", i.content("l"), "l")
}

func TestHardLinks(t *testing.T) {
	i := imageOf(t, layerOf(t,
		file("usr/bin/perl", "perl"), hardLink("usr/bin/perl5", "usr/bin/perl"), hardLink("./perl", "/usr/bin/perl5"),
		symlink("s", "nowhere"), hardLink("s2", "./s"),
	))
	expect(t, "links", i.stat("perl").Links, "3")
	expect(t, "inode", i.stat("perl").Number, i.stat("usr/bin/perl").Number)
	expect(t, "link to a symlink", i.stat("s2").Type, "symlink")
	expect(t, "contentBytes", i.ContentBytes, 4)
}

func TestExtendedAttributes(t *testing.T) {
	capability := "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	acl := "\x02\x00\x00\x00" +
		"\x01\x00\x07\x00\xff\xff\xff\xff" + "\x02\x00\x05\x00\xe8\x03\x00\x00" + "\x04\x00\x05\x00\xff\xff\xff\xff" +
		"\x10\x00\x05\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"
	large := strings.Repeat("v", 3000)
	i := imageOf(t, layerOf(t,
		file("ping", "").xattr("security.capability", capability),
		file("same", "").xattr("security.capability", capability),
		file("many", "").xattr("user.large", large).xattr("user.b", "1\x00\n=").xattr("user.aa", "22").xattr("user.empty", "").
			xattr("security.selinux", strings.Repeat("s", 90)).xattr("trusted.x", strings.Repeat("t", 100)),
		directory("journal", 0o755).xattr("system.posix_acl_access", acl).xattr("system.posix_acl_default", acl),
		file("other", "").xattr("com.apple.provenance", "x").xattr("trusted.overlay.redirect", "/etc"),
		directory("opq", 0o755).xattr("user.large", large).xattr("user.b", "1"), file("opq/.wh..wh..opq", ""),
	))
	expect(t, "capability", i.xattr("ping", "security.capability"), capability)
	expect(t, "shared", i.xattr("same", "security.capability"), capability)
	expect(t, "in a block", i.xattr("many", "user.large"), large)
	expect(t, "any bytes", i.xattr("many", "user.b"), "1\x00\n=")
	expect(t, "empty", i.xattr("many", "user.empty"), "")
	expect(t, "selinux", i.xattr("many", "security.selinux"), strings.Repeat("s", 90))
	expect(t, "trusted", i.xattr("many", "trusted.x"), strings.Repeat("t", 100))
	// debugfs gives 0 for the ids that entries do not have; Linux gives -1, as the tar.
	fromDebugfs := strings.ReplaceAll(acl, "\xff\xff\xff\xff", "\x00\x00\x00\x00")
	expect(t, "ACL", i.xattr("journal", "system.posix_acl_access"), fromDebugfs)
	expect(t, "default ACL", i.xattr("journal", "system.posix_acl_default"), fromDebugfs)
	expect(t, "opaque", i.xattr("opq", "trusted.overlay.opaque"), "y")
	expect(t, "beside opaque", i.xattr("opq", "user.large"), large)
	if text := i.stat("other").text; strings.Contains(text, "Extended") {
		t.Errorf("attributes that ext4 or a layer cannot have: %s", text)
	}
}

func TestLongNames(t *testing.T) {
	name := strings.Repeat("d", 200) + "/" + strings.Repeat("é", 127) + "/" + strings.Repeat("f", 255)
	for _, format := range []tar.Format{tar.FormatGNU, tar.FormatPAX} {
		i := imageOf(t, layerOf(t,
			file(name, "deep").with(func(h *tar.Header) { h.Format = format }),
			hardLink("here", name).with(func(h *tar.Header) { h.Format = format }),
		))
		expect(t, format.String(), i.content(name), "deep")
		expect(t, format.String(), i.content("here"), "deep")
	}
}

func TestEmptyLayersAndTarsWithoutAnEnd(t *testing.T) {
	empty := imageOf(t, layerOf(t))
	expect(t, "entries", empty.Entries, 0)
	expect(t, "diffId of an empty layer", empty.DiffID, "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")
	expect(t, "root", empty.stat("").Mode, "0755")
	expect(t, "size", empty.ImageBytes, 1<<20)
	expect(t, "an empty tar", imageOf(t, gzipped(t, nil)).TarBytes, 0)

	whole := layerOf(t, file("a", "first"), file("b", "last"))
	cut := whole[:512+512+512+len("last")]
	i := imageOf(t, cut)
	expect(t, "last file", i.content("b"), "last")
	expect(t, "digest", i.DiffID, sha256Of(cut))
	expect(t, "what follows the end mark counts", imageOf(t, append(whole, "more"...)).DiffID, sha256Of(append(whole, "more"...)))
}

func TestTheSameTarGivesTheSameBytes(t *testing.T) {
	layer := layerOf(t, directory("d", 0o755), file("d/a", strings.Repeat("abc", 100_000)), symlink("s", "d/a"),
		file("x", "").xattr("user.b", "1").xattr("user.a", "2"), file(".wh.gone", ""), file("e/.wh..wh..opq", ""))
	half := len(layer) / 2
	first := imageOf(t, layer)
	want, err := os.ReadFile(first.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, blob := range map[string][]byte{
		"tar":                      layer,
		"gzip":                     gzipped(t, layer),
		"gzip of two members":      append(gzipped(t, layer[:half]), gzipped(t, layer[half:])...),
		"zstd":                     zstandard(t, layer),
		"zstd of two frames":       append(zstandard(t, layer[:half]), zstandard(t, layer[half:])...),
		"zstd, a skipped frame":    append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), zstandard(t, layer)...),
		"zstd, skipped at the end": append(zstandard(t, layer), "\x50\x2a\x4d\x18\x03\x00\x00\x00abc"...),
	} {
		i := imageOf(t, blob)
		got, err := os.ReadFile(i.path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: another image (%v)", name, err)
		}
		expect(t, name, i.BlobDigest, sha256Of(blob))
		expect(t, name, i.BlobBytes, int64(len(blob)))
		expect(t, name, i.DiffID, sha256Of(layer))
		expect(t, name, i.TarBytes, int64(len(layer)))
	}
	digest, _ := hex.DecodeString(strings.TrimPrefix(first.DiffID, "sha256:"))
	uuid := want[1024+0x68:][:16]
	expect(t, "uuid", hex.EncodeToString(uuid[:6]), hex.EncodeToString(digest[:6]))
	expect(t, "its version", uuid[6]>>4, 8)
	expect(t, "label", string(want[1024+0x78:][:13]), label)
}
