package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"stowage/guest/internal/process"
)

const (
	// wholeHead and wholeTail are read completely: every file system and partition table has something there.
	wholeHead = 16 << 20
	wholeTail = 1 << 20
	samples   = 64
	chunk     = 1 << 20
	sample    = 4 << 10
	// firstReads of a disk that has just been attached may fail for some milliseconds.
	firstReads = 2 * time.Second
)

// ErrForeign: a disk that is neither blank nor one of ours.
var ErrForeign = errors.New("it holds something that is no ext4 file system, and is left as it is")

// Ready makes sure that there is an ext4 file system, and makes one on a disk that is blank. A disk that cannot be read is never taken for blank.
func Ready(device, label string, readOnly bool) (isNew bool, err error) {
	file, err := os.Open(device)
	if err != nil {
		return false, err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	is, err := isExt4(file, size)
	for deadline := time.Now().Add(firstReads); err != nil && time.Now().Before(deadline); is, err = isExt4(file, size) {
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil || is {
		return false, err
	}
	blank, err := IsBlank(file, size)
	if err != nil {
		return false, err
	}
	if !blank {
		return false, ErrForeign
	}
	if readOnly {
		return false, errors.New("it is blank, and may not be written")
	}
	_ = file.Close()
	return true, format(device, label)
}

func isExt4(file io.ReaderAt, size int64) (bool, error) {
	if size < 4096 {
		return false, fmt.Errorf("a disk of %d bytes", size)
	}
	super := make([]byte, 1024)
	if _, err := file.ReadAt(super, 1024); err != nil {
		return false, err
	}
	return binary.LittleEndian.Uint16(super[0x38:]) == 0xef53, nil
}

// IsBlank says whether the disk holds nothing but zeros, as far as is looked at.
func IsBlank(file io.ReaderAt, size int64) (bool, error) {
	buffer := make([]byte, chunk)
	head := min(size, wholeHead)
	tail := max(head, size-wholeTail)
	for _, span := range [][2]int64{{0, head}, {tail, size}} {
		for at := span[0]; at < span[1]; at += chunk {
			if zero, err := isZero(file, at, buffer[:min(chunk, span[1]-at)]); err != nil || !zero {
				return false, err
			}
		}
	}
	step := (tail - head) / samples / sample * sample
	for at := head; step > 0 && at+sample <= tail; at += step {
		if zero, err := isZero(file, at, buffer[:sample]); err != nil || !zero {
			return false, err
		}
	}
	return true, nil
}

func isZero(file io.ReaderAt, at int64, buffer []byte) (bool, error) {
	if got, err := file.ReadAt(buffer, at); got < len(buffer) {
		return false, fmt.Errorf("it cannot be read at %d: %w", at, err)
	}
	rest := buffer
	for ; len(rest) >= 8; rest = rest[8:] {
		if binary.LittleEndian.Uint64(rest) != 0 {
			return false, nil
		}
	}
	for _, each := range rest {
		if each != 0 {
			return false, nil
		}
	}
	return true, nil
}

func format(device, label string) error {
	return process.Run("/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-L", label[:min(len(label), 16)],
		"-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", device)
}

// MountExt4 mounts it, and waits for first reads as Ready does.
func MountExt4(device, target string, flags uintptr, data string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	var err error
	for deadline := time.Now().Add(firstReads); ; time.Sleep(10 * time.Millisecond) {
		err = syscall.Mount(device, target, "ext4", flags, data)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EIO) || time.Now().After(deadline) {
			return fmt.Errorf("mount %s on %s: %w", device, target, err)
		}
	}
}
