package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
)

// wanted are the modules that the agent may load; what they need comes with them.
var wanted = []string{
	"virtio_pci", "virtio_console", "virtio_scsi", "virtio_net", "virtio-rng", "vmw_pvscsi", "vmxnet3", "sd_mod", "overlay",
	"nfs", "nfsv3", "nfsv4", "button", "evdev",
}

// addModules puts them into modules/, and modules/order: a line for each module, itself last, with what must be loaded before it.
func addModules(a archive, tree string) error {
	paths := map[string]string{}
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".ko") {
			paths[moduleName(path)] = path
		}
		return err
	})
	if err != nil {
		return err
	}
	orders := map[string][]string{}
	var order func(name string) ([]string, error)
	order = func(name string) ([]string, error) {
		if known, has := orders[name]; has {
			return known, nil
		}
		path, has := paths[name]
		if !has {
			return nil, fmt.Errorf("the kernel package has no module %s", name)
		}
		needed, err := needs(path)
		if err != nil {
			return nil, err
		}
		var all []string
		seen := map[string]bool{}
		for _, each := range needed {
			before, err := order(moduleName(each))
			if err != nil {
				return nil, err
			}
			for _, one := range before {
				if !seen[one] {
					seen[one] = true
					all = append(all, one)
				}
			}
		}
		all = append(all, name)
		orders[name] = all
		return all, nil
	}
	for _, name := range wanted {
		if _, err := order(moduleName(name)); err != nil {
			return err
		}
	}
	var lines []string
	for name, all := range orders {
		lines = append(lines, strings.Join(all, " "))
		if err := addFile(a, "modules/"+name+".ko", paths[name], 0o644); err != nil {
			return err
		}
	}
	sort.Strings(lines)
	a.add("modules/order", entry{mode: modeFile | 0o644, content: []byte(strings.Join(lines, "\n") + "\n")})
	return nil
}

// moduleName: a dash and an underscore are the same in it.
func moduleName(path string) string {
	return strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_")
}

// needs gives the modules that one says it depends on, in its section .modinfo.
func needs(path string) ([]string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer file.Close()
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s has no .modinfo", path)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for field := range bytes.SplitSeq(info, []byte{0}) {
		if list, is := strings.CutPrefix(string(field), "depends="); is && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}
