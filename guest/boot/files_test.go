package boot

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

func pack(heads ...tar.Header) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range heads {
		content := h.Name
		if h.Typeflag != 0 && h.Typeflag != tar.TypeReg {
			content = ""
		}
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		_, _ = io.WriteString(w, content)
	}
	_ = w.Close()
	return out.Bytes()
}

func unpack(t *testing.T, archive []byte) map[string]*tar.Header {
	t.Helper()
	found := map[string]*tar.Header{}
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = h
	}
}

func tryFiles(t *testing.T, g *gateway) {
	written := pack(tar.Header{Name: "sub/", Typeflag: tar.TypeDir, Mode: 0o751, Uid: 7, Gid: 8},
		tar.Header{Name: "sub/file", Mode: 0o4755, Uid: 1000, Gid: 50, PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b"}},
		tar.Header{Name: "sub/hard", Typeflag: tar.TypeLink, Linkname: "sub/file"},
		tar.Header{Name: "sub/out", Typeflag: tar.TypeSymlink, Linkname: "/../../s"},
		tar.Header{Name: "sub/pipe", Typeflag: tar.TypeFifo, Mode: 0o600})
	if a := g.ask(object{"for": "write", "path": "/tmp"}, written); len(a.last) != 0 {
		t.Fatal(a.last)
	}
	a := g.ask(object{"for": "read", "path": "/tmp/sub"}, nil)
	if len(a.last) != 0 {
		t.Fatal(a.last)
	}
	found := unpack(t, a.stdout)
	file := found["sub/file"]
	if file == nil || file.Uid != 1000 || file.Gid != 50 || file.Mode != 0o4755 || file.PAXRecords["SCHILY.xattr.user.a"] != "b" {
		t.Errorf("%+v", file)
	}
	if hard := found["sub/hard"]; hard == nil || hard.Typeflag != tar.TypeLink || hard.Linkname != "sub/file" {
		t.Errorf("%+v", hard)
	}
	if d := found["sub/"]; d == nil || d.Mode != 0o751 || d.Uid != 7 {
		t.Errorf("%+v", d)
	}
	if a := g.ask(object{"for": "write", "path": "/nowhere"}, written); !strings.Contains(fmt.Sprint(a.last), "not-found") {
		t.Error(a.last)
	}
	if a := g.ask(object{"for": "read", "path": "/nowhere"}, nil); !strings.Contains(fmt.Sprint(a.last), "not-found") {
		t.Error(a.last)
	}
	// A link that would lead out, to where the agent has the scratch disk.
	if a := g.ask(object{"for": "write", "path": "/escape"}, written); !strings.Contains(fmt.Sprint(a.last), "not-found") {
		t.Error(a.last)
	}
	if a := g.ask(object{"for": "write", "path": "/etc", "noOverwriteDirNonDir": true}, pack(tar.Header{Name: "passwd/", Typeflag: tar.TypeDir, Mode: 0o755})); !strings.Contains(fmt.Sprint(a.last), "cannot overwrite") {
		t.Error(a.last)
	}
	stat := g.result("stat", object{"path": "/tmp/sub/file"})
	if stat["name"] != "file" || stat["size"] != 8.0 || uint32(stat["mode"].(float64))&0o777 != 0o755 {
		t.Error(stat)
	}
	g.exec(nil, "sh", "-c", "rm /etc/above; echo more >> /etc/plain; echo v > /vol/v")
	changes := g.result("changes", nil)["changes"]
	var lines []string
	for _, each := range changes.([]any) {
		change := each.(map[string]any)
		lines = append(lines, fmt.Sprint(change["kind"], change["path"]))
	}
	want := []string{"0/etc", "2/etc/above", "0/etc/plain", "0/tmp", "1/tmp/sub", "1/tmp/sub/file", "1/tmp/sub/hard", "1/tmp/sub/out", "1/tmp/sub/pipe"}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("changes %q", lines)
	}
	exported := unpack(t, g.ask(object{"for": "export"}, nil).stdout)
	if exported["bin/busybox"] == nil || exported["vol/"] == nil || exported["vol/v"] != nil || exported["proc/"] == nil || exported["etc/above"] != nil {
		t.Errorf("%d files exported", len(exported))
	}
}
