// Package vmdk reads and writes disk descriptors and their flat extents.
package vmdk

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

const sectorBytes = 512

// ErrNotDescriptor is returned for a file that is not a text descriptor.
var ErrNotDescriptor = errors.New("not a disk descriptor")

// Descriptor is the text part of a disk on a VMFS or NFS datastore.
type Descriptor struct {
	CID        string
	CreateType string
	Sectors    int64
	Extent     string // base name of the flat file
	DDB        map[string]string
}

// New describes an empty disk.
func New(capacityBytes int64, extent, adapter string, thin bool) *Descriptor {
	d := &Descriptor{
		CID:        randomHex(4),
		CreateType: "vmfs",
		Sectors:    capacityBytes / sectorBytes,
		Extent:     extent,
		DDB:        map[string]string{"adapterType": adapter, "virtualHWVersion": "19"},
	}
	if thin {
		d.DDB["thinProvisioned"] = "1"
	}
	d.SetGeometry()
	d.SetUUID(NewUUID())
	return d
}

// SetGeometry derives the ddb.geometry entries from the capacity, as ESXi does for lsilogic.
func (d *Descriptor) SetGeometry() {
	heads, sectors := int64(255), int64(63)
	if d.Sectors < 1<<21 {
		heads, sectors = 64, 32
	}
	d.DDB["geometry.cylinders"] = strconv.FormatInt(d.Sectors/(heads*sectors), 10)
	d.DDB["geometry.heads"] = strconv.FormatInt(heads, 10)
	d.DDB["geometry.sectors"] = strconv.FormatInt(sectors, 10)
}

// CapacityBytes is the size the guest sees.
func (d *Descriptor) CapacityBytes() int64 { return d.Sectors * sectorBytes }

// SetCapacityBytes changes extent size and geometry.
func (d *Descriptor) SetCapacityBytes(n int64) {
	d.Sectors = n / sectorBytes
	d.SetGeometry()
}

// IsThin says whether space is taken on first write.
func (d *Descriptor) IsThin() bool { return d.DDB["thinProvisioned"] == "1" }

// UUID is ddb.uuid, as QueryVirtualDiskUuid returns it: "60 00 C2 9x … - …".
func (d *Descriptor) UUID() string { return d.DDB["uuid"] }

// SetUUID accepts any spelling that holds 32 hexadecimal digits.
func (d *Descriptor) SetUUID(uuid string) bool {
	text, ok := spaced(uuid)
	if ok {
		d.DDB["uuid"] = text
	}
	return ok
}

// Parse reads a descriptor.
func Parse(text string) (*Descriptor, error) {
	d := &Descriptor{DDB: map[string]string{}}
	head := text
	if len(head) > 512 {
		head = head[:512]
	}
	if !strings.Contains(head, "# Disk DescriptorFile") {
		return nil, ErrNotDescriptor
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		line := strings.Trim(lines.Text(), " \t\r\x00")
		if strings.HasPrefix(line, "RW ") || strings.HasPrefix(line, "RDONLY ") {
			if err := d.parseExtent(line); err != nil {
				return nil, err
			}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		key, value = strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"`)
		switch {
		case key == "CID":
			d.CID = value
		case key == "createType":
			d.CreateType = value
		case strings.HasPrefix(key, "ddb."):
			d.DDB[strings.TrimPrefix(key, "ddb.")] = value
		}
	}
	if d.Extent == "" {
		return nil, ErrNotDescriptor
	}
	return d, nil
}

func (d *Descriptor) parseExtent(line string) error {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) < 4 {
		return ErrNotDescriptor
	}
	n, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return ErrNotDescriptor
	}
	name := strings.Split(fields[3], `"`)
	if len(name) < 2 {
		return ErrNotDescriptor
	}
	d.Sectors += n
	d.Extent = name[1]
	return nil
}

// String is the descriptor's text.
func (d *Descriptor) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=%s\nparentCID=ffffffff\ncreateType=\"%s\"\n\n", d.CID, d.CreateType)
	fmt.Fprintf(&b, "# Extent description\nRW %d VMFS \"%s\"\n\n# The Disk Data Base\n#DDB\n\n", d.Sectors, d.Extent)
	keys := make([]string, 0, len(d.DDB))
	for k := range d.DDB {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		fmt.Fprintf(&b, "ddb.%s = \"%s\"\n", k, d.DDB[k])
	}
	return b.String()
}

// Read loads the descriptor at path.
func Read(path string) (*Descriptor, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() > 1<<20 {
		return nil, ErrNotDescriptor
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(string(text))
}

// Write replaces the descriptor at path; a crash leaves the old or the new one.
func (d *Descriptor) Write(path string) error {
	return WriteFile(path, []byte(d.String()))
}

// WriteFile replaces a file by rename.
func WriteFile(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
