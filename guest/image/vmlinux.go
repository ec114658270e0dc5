package main

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// vmlinux gives the ELF kernel that is packed in a bzImage: it boots faster where the machine can load it, as QEMU can by its PVH entry.
// Where the payload lies: Linux, Documentation/x86/boot.rst, payload_offset.
func vmlinux(bzImage []byte) ([]byte, error) {
	if len(bzImage) < 0x250 || string(bzImage[0x202:0x206]) != "HdrS" {
		return nil, errors.New("this is no bzImage")
	}
	setup := (int(bzImage[0x1f1]) + 1) * 512
	from := setup + int(binary.LittleEndian.Uint32(bzImage[0x248:]))
	to := from + int(binary.LittleEndian.Uint32(bzImage[0x24c:]))
	if from < setup || to > len(bzImage) || to-from < 8 {
		return nil, errors.New("the bzImage's payload is not within it")
	}
	// The size of what is packed is behind it.
	size := binary.LittleEndian.Uint32(bzImage[to-4:])
	elf, err := unpackLZ4(bzImage[from:to-4], int(size))
	if err != nil {
		return nil, fmt.Errorf("the kernel's payload: %w", err)
	}
	if len(elf) < 4 || string(elf[:4]) != "\x7fELF" {
		return nil, errors.New("the kernel's payload is no ELF file")
	}
	return elf, nil
}

// unpackLZ4 unpacks the "legacy" frames that the kernel's build makes (lz4, lz4_Frame_format.md).
func unpackLZ4(packed []byte, size int) ([]byte, error) {
	if len(packed) < 4 || binary.LittleEndian.Uint32(packed) != 0x184c2102 {
		return nil, errors.New("it is not packed with LZ4")
	}
	packed = packed[4:]
	out := make([]byte, 0, size)
	for len(packed) >= 4 {
		length := int(binary.LittleEndian.Uint32(packed))
		if length > len(packed)-4 {
			return nil, errors.New("a block ends behind the end")
		}
		var err error
		if out, err = unpackBlock(out, packed[4:4+length]); err != nil {
			return nil, err
		}
		packed = packed[4+length:]
	}
	if len(out) != size {
		return nil, fmt.Errorf("%d bytes instead of %d", len(out), size)
	}
	return out, nil
}

var errBlock = errors.New("a broken block")

// unpackBlock appends one block (lz4, lz4_Block_format.md); its copies reach back within the block only.
func unpackBlock(out, block []byte) ([]byte, error) {
	start := len(out)
	at := 0
	length := func(nibble int) (int, bool) {
		if nibble < 15 {
			return nibble, true
		}
		for at < len(block) {
			more := int(block[at])
			at++
			nibble += more
			if more < 255 {
				return nibble, true
			}
		}
		return 0, false
	}
	for at < len(block) {
		token := int(block[at])
		at++
		literals, ok := length(token >> 4)
		if !ok || literals > len(block)-at {
			return nil, errBlock
		}
		out = append(out, block[at:at+literals]...)
		at += literals
		if at == len(block) {
			return out, nil
		}
		if at+2 > len(block) {
			return nil, errBlock
		}
		back := int(binary.LittleEndian.Uint16(block[at:]))
		at += 2
		copied, ok := length(token & 15)
		if !ok || back == 0 || back > len(out)-start {
			return nil, errBlock
		}
		for range copied + 4 {
			out = append(out, out[len(out)-back])
		}
	}
	return out, nil
}
