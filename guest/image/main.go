// Command image puts together what a container's machine boots from: the kernel in two shapes, the initramfs and a manifest. guest/build
// gives it unpacked Debian packages and the agent.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	packages := flag.String("packages", "", "directory with the unpacked packages")
	agent := flag.String("agent", "", "the agent's binary")
	inputs := flag.String("inputs", "", "what it was made from, a hash")
	versions := flag.String("versions", "", "package=version, separated by spaces")
	withISO := flag.Bool("iso", false, "also stowage-guest.iso, with isolinux of the packages")
	out := flag.String("out", "", "directory for vmlinuz, vmlinux, initramfs, manifest.json")
	flag.Parse()
	err := build(*packages, *agent, *out, *inputs, strings.Fields(*versions), *withISO)
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// tools are the files of the packages that the agent calls, with the libraries they need; the first path that exists is taken.
var tools = map[string][]string{
	"sbin/mke2fs":                          {"sbin/mke2fs", "usr/sbin/mke2fs"},
	"etc/mke2fs.conf":                      {"etc/mke2fs.conf"},
	"lib64/ld-linux-x86-64.so.2":           {"lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"},
	"lib/x86_64-linux-gnu/libc.so.6":       libraryPaths("libc.so.6"),
	"lib/x86_64-linux-gnu/libe2p.so.2":     libraryPaths("libe2p.so.2"),
	"lib/x86_64-linux-gnu/libext2fs.so.2":  libraryPaths("libext2fs.so.2"),
	"lib/x86_64-linux-gnu/libcom_err.so.2": libraryPaths("libcom_err.so.2"),
	"lib/x86_64-linux-gnu/libblkid.so.1":   libraryPaths("libblkid.so.1"),
	"lib/x86_64-linux-gnu/libuuid.so.1":    libraryPaths("libuuid.so.1"),
}

func libraryPaths(name string) []string {
	return []string{"lib/x86_64-linux-gnu/" + name, "usr/lib/x86_64-linux-gnu/" + name}
}

// manifest says what a build holds; Inputs is the hash that a build with the same sources and packages has as well.
type manifest struct {
	Inputs   string            `json:"inputs"`
	Packages map[string]string `json:"packages"`
	SHA256   map[string]string `json:"sha256"`
}

func build(packages, agent, out, inputs string, versions []string, withISO bool) error {
	kernels, err := filepath.Glob(filepath.Join(packages, "boot", "vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		return fmt.Errorf("%d kernels in %s", len(kernels), packages)
	}
	vmlinuz, err := os.ReadFile(kernels[0])
	if err != nil {
		return err
	}
	elf, err := vmlinux(vmlinuz)
	if err != nil {
		return err
	}
	initramfs, err := pack(packages, agent)
	if err != nil {
		return err
	}
	if withISO {
		if err := addISO(packages, out, vmlinuz, initramfs); err != nil {
			return err
		}
	}
	m := manifest{Inputs: inputs, Packages: map[string]string{}, SHA256: map[string]string{}}
	for _, each := range versions {
		name, version, _ := strings.Cut(each, "=")
		m.Packages[name] = version
	}
	files := map[string][]byte{"vmlinuz": vmlinuz, "vmlinux": elf, "initramfs": initramfs}
	for name, content := range files {
		sum := sha256.Sum256(content)
		m.SHA256[name] = hex.EncodeToString(sum[:])
		if err := os.WriteFile(filepath.Join(out, name), content, 0o644); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "manifest.json"), append(text, '\n'), 0o644)
}

// pack gives the initramfs.
func pack(packages, agent string) ([]byte, error) {
	a := archive{}
	for _, directory := range []string{"proc", "sys", "dev", "run", "tmp"} {
		a.add(directory, entry{mode: modeDirectory | 0o755})
	}
	// The kernel opens it before devtmpfs is there.
	a.add("dev/console", entry{mode: modeCharacter | 0o600, major: 5, minor: 1})
	if err := addFile(a, "init", agent, 0o755); err != nil {
		return nil, err
	}
	for path, candidates := range tools {
		if err := addTool(a, path, packages, candidates); err != nil {
			return nil, err
		}
	}
	if err := addModules(a, filepath.Join(packages, "lib", "modules")); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := a.writeTo(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func addTool(a archive, path, packages string, candidates []string) error {
	var err error
	for _, each := range candidates {
		if err = addFile(a, path, filepath.Join(packages, each), 0o755); err == nil {
			return nil
		}
	}
	return err
}

func addFile(a archive, path, from string, mode uint32) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	a.add(path, entry{mode: modeFile | mode, content: content})
	return nil
}
