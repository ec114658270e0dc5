package main

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestADiscHoldsItsFiles(t *testing.T) {
	files := map[string][]byte{loaderName: bytes.Repeat([]byte{1, 2, 3, 4}, 700), "INITRAM": []byte("initramfs"), "VMLINUZ": bytes.Repeat([]byte("k"), 5000)}
	image, err := makeISO(files)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := makeISO(files); !bytes.Equal(image, again) {
		t.Fatal("the same files give other bytes")
	}
	found := map[string][]byte{}
	for at := isoRoot * isoSector; image[at] != 0; at += int(image[at]) {
		from, size := binary.LittleEndian.Uint32(image[at+2:]), binary.LittleEndian.Uint32(image[at+10:])
		name := string(image[at+33 : at+33+int(image[at+32])])
		found[name] = image[from*isoSector : from*isoSector+size]
	}
	for _, name := range []string{"INITRAM", "VMLINUZ"} {
		if !bytes.Equal(found[name+";1"], files[name]) {
			t.Errorf("%s differs", name)
		}
	}
	loader := found[loaderName+";1"]
	if binary.LittleEndian.Uint32(loader[16:]) != uint32(len(loader)) || !bytes.Equal(loader[64:], files[loaderName][64:]) {
		t.Error("the loader is not told where it is")
	}
	var sum uint16
	for at := isoCatalogue * isoSector; at < isoCatalogue*isoSector+32; at += 2 {
		sum += binary.LittleEndian.Uint16(image[at:])
	}
	if sum != 0 {
		t.Error("the catalogue's sum is not 0")
	}
}
