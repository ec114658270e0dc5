package main

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	write := func(paths ...string) []byte {
		a := archive{}
		for _, each := range paths {
			a.add(each, entry{mode: modeFile | 0o644, content: []byte(each)})
		}
		var out bytes.Buffer
		if err := a.writeTo(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	one, other := write("init", "a/b/c", "a/b/d"), write("a/b/d", "a/b/c", "init")
	if !bytes.Equal(one, other) {
		t.Fatal("they differ")
	}
	if len(one)%4 != 0 || bytes.Count(one, []byte("070701")) != 6 {
		t.Fatalf("%q", one)
	}
	for _, path := range []string{"a\x00", "a/b\x00", "a/b/c\x00", "TRAILER!!!\x00"} {
		if !bytes.Contains(one, []byte(path)) {
			t.Errorf("no %q", path)
		}
	}
}

// A block with a literal, a copy that overlaps itself, and lengths of more than a nibble.
func TestLZ4Blocks(t *testing.T) {
	literal := bytes.Repeat([]byte("0123456789"), 3)
	block := append([]byte{0xff, byte(len(literal) - 15)}, literal...)
	block = append(block, 1, 0, 255, 6) // back by one, 15+255+6+4 bytes
	block = append(block, 0x30, 'e', 'n', 'd')
	want := append(append(bytes.Clone(literal), bytes.Repeat([]byte{'9'}, 280)...), "end"...)

	packed := binary.LittleEndian.AppendUint32(nil, 0x184c2102)
	packed = binary.LittleEndian.AppendUint32(packed, uint32(len(block)))
	packed = append(packed, block...)
	if got, err := unpackLZ4(packed, len(want)); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%q %v", got, err)
	}
	for at := range block {
		if _, err := unpackBlock(nil, block[:at]); err == nil && at < len(block)-4 && at > 0 && at != len(block)-4 {
			if at != 32 { // where a block may end: after literals
				t.Errorf("one that is cut at %d is taken", at)
			}
		}
	}
	if _, err := unpackBlock(nil, []byte{0x10, 'x', 2, 0}); err == nil {
		t.Error("a copy from before the beginning is taken")
	}
	if _, err := vmlinux([]byte("no kernel")); err == nil {
		t.Error("that is a kernel")
	}
}
