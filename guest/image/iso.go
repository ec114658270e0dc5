package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// ISO 9660 (ECMA-119) with one directory, and an El Torito entry for isolinux: what a machine with a BIOS boots from on ESXi.
const (
	isoSector    = 2048
	isoPrimary   = 16
	isoBoot      = 17
	isoEnd       = 18
	isoPathL     = 19
	isoPathM     = 20
	isoCatalogue = 21
	isoRoot      = 22
	isoFirst     = 23
	loaderName   = "ISOLINUX.BIN"
)

// isoConfig: the link is the first serial port, so nothing else may be written there. A kernel that panics stays where it is.
const isoConfig = `DEFAULT stowage
PROMPT 0
TIMEOUT 0
LABEL stowage
  KERNEL /VMLINUZ
  INITRD /INITRAM
  APPEND console=tty0 quiet loglevel=1 mitigations=off random.trust_cpu=on apparmor=0 audit=0 init_on_alloc=0 panic=0
`

// addISO writes stowage-guest.iso beside the kernel.
func addISO(packages, out string, vmlinuz, initramfs []byte) error {
	files := map[string][]byte{"VMLINUZ": vmlinuz, "INITRAM": initramfs, "ISOLINUX.CFG": []byte(isoConfig)}
	for name, path := range map[string]string{loaderName: "usr/lib/ISOLINUX/isolinux.bin", "LDLINUX.C32": "usr/lib/syslinux/modules/bios/ldlinux.c32"} {
		content, err := os.ReadFile(filepath.Join(packages, path))
		if err != nil {
			return err
		}
		files[name] = content
	}
	image, err := makeISO(files)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "stowage-guest.iso"), image, 0o644)
}

// makeISO gives the image of a disc; the same files give the same bytes.
func makeISO(files map[string][]byte) ([]byte, error) {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	at, size := map[string]int{}, isoFirst
	for _, name := range names {
		at[name] = size
		size += (len(files[name]) + isoSector - 1) / isoSector
	}
	image := make([]byte, size*isoSector)
	directory := appendRecord(nil, "\x00", isoRoot, isoSector, true)
	directory = appendRecord(directory, "\x01", isoRoot, isoSector, true)
	for _, name := range names {
		copy(image[at[name]*isoSector:], files[name])
		directory = appendRecord(directory, name+";1", at[name], len(files[name]), false)
	}
	if len(directory) > isoSector {
		return nil, fmt.Errorf("%d files are too many for one sector", len(names))
	}
	copy(image[isoRoot*isoSector:], directory)
	if loader, has := files[loaderName]; has {
		putBootInfo(image[at[loaderName]*isoSector:], at[loaderName], loader)
	}
	copy(image[isoPrimary*isoSector:], primary(size))
	copy(image[isoBoot*isoSector:], "\x00CD001\x01EL TORITO SPECIFICATION")
	binary.LittleEndian.PutUint32(image[isoBoot*isoSector+0x47:], isoCatalogue)
	copy(image[isoEnd*isoSector:], "\xffCD001\x01")
	path := []byte{1, 0, isoRoot, 0, 0, 0, 1, 0, 0, 0}
	copy(image[isoPathL*isoSector:], path)
	copy(image[isoPathM*isoSector:], []byte{1, 0, 0, 0, 0, isoRoot, 0, 1, 0, 0})
	putCatalogue(image[isoCatalogue*isoSector:], at[loaderName])
	return image, nil
}

// both puts a number in either order, as most of this format's.
func both(into []byte, value int) {
	binary.LittleEndian.PutUint32(into, uint32(value))
	binary.BigEndian.PutUint32(into[4:], uint32(value))
}

func both16(into []byte, value int) {
	binary.LittleEndian.PutUint16(into, uint16(value))
	binary.BigEndian.PutUint16(into[2:], uint16(value))
}

// appendRecord appends a directory record; ECMA-119, 9.1.
func appendRecord(to []byte, name string, sector, size int, isDirectory bool) []byte {
	length := 33 + len(name)
	length += length & 1
	r := make([]byte, length)
	r[0] = byte(length)
	both(r[2:], sector)
	both(r[10:], size)
	r[18], r[19], r[20] = 100, 1, 1 // 2000-01-01
	if isDirectory {
		r[25] = 2
	}
	both16(r[28:], 1)
	r[32] = byte(len(name))
	copy(r[33:], name)
	return append(to, r...)
}

// primary is the volume's descriptor; ECMA-119, 8.4.
func primary(sectors int) []byte {
	p := make([]byte, isoSector)
	copy(p, "\x01CD001\x01")
	copy(p[8:], strings.Repeat(" ", 64))
	copy(p[40:], "STOWAGE_GUEST")
	both(p[80:], sectors)
	both16(p[120:], 1)
	both16(p[124:], 1)
	both16(p[128:], isoSector)
	both(p[132:], 10) // of the path table
	binary.LittleEndian.PutUint32(p[140:], isoPathL)
	binary.BigEndian.PutUint32(p[148:], isoPathM)
	copy(p[156:], appendRecord(nil, "\x00", isoRoot, isoSector, true))
	copy(p[190:], strings.Repeat(" ", 623))
	for at := 813; at < 881; at += 17 {
		copy(p[at:], strings.Repeat("0", 16))
	}
	p[881] = 1
	return p
}

// putCatalogue: one entry, no emulation, four sectors of 512 bytes of the loader; El Torito, 2.0.
func putCatalogue(into []byte, loader int) {
	into[0], into[30], into[31] = 1, 0x55, 0xaa
	var sum uint16
	for at := 0; at < 32; at += 2 {
		sum += binary.LittleEndian.Uint16(into[at:])
	}
	binary.LittleEndian.PutUint16(into[28:], -sum)
	into[32] = 0x88
	binary.LittleEndian.PutUint16(into[38:], 4)
	binary.LittleEndian.PutUint32(into[40:], uint32(loader))
}

// putBootInfo tells the loader where it is, in its bytes 8 to 63; mkisofs(8), "EL TORITO BOOT INFORMATION TABLE".
func putBootInfo(into []byte, sector int, loader []byte) {
	var sum uint32
	for at := 64; at < len(loader); at += 4 {
		var four [4]byte
		copy(four[:], loader[at:])
		sum += binary.LittleEndian.Uint32(four[:])
	}
	clear(into[8:64])
	for number, value := range []uint32{isoPrimary, uint32(sector), uint32(len(loader)), sum} {
		binary.LittleEndian.PutUint32(into[8+4*number:], value)
	}
}
