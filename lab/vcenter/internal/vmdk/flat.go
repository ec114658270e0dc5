package vmdk

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
)

// FlatName is the extent that belongs to a descriptor's name.
func FlatName(name string) string {
	return strings.TrimSuffix(name, ".vmdk") + "-flat.vmdk"
}

// IsFlat says whether name is an extent rather than a descriptor.
func IsFlat(name string) bool { return strings.HasSuffix(name, "-flat.vmdk") }

// CreateFlat makes a sparse extent of the full capacity, or nothing: an extent that is left over would be in the way of the next attempt.
func CreateFlat(path string, capacityBytes int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	err = errors.Join(f.Truncate(capacityBytes), f.Close())
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// AllocatedBytes is what the file really takes.
func AllocatedBytes(info os.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}

const (
	seekData = 3 // SEEK_DATA
	seekHole = 4 // SEEK_HOLE
)

// CopySparse copies only the data regions of src, so that holes stay holes.
func CopySparse(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	err = copyRegions(out, in, info.Size())
	if err == nil {
		err = out.Truncate(info.Size())
	}
	err = errors.Join(err, out.Close())
	if err != nil {
		_ = os.Remove(dst)
	}
	return err
}

func copyRegions(out, in *os.File, size int64) error {
	for at := int64(0); at < size; {
		data, err := in.Seek(at, seekData)
		if errors.Is(err, syscall.ENXIO) {
			return nil // only a hole is left
		}
		if err != nil {
			return err
		}
		hole, err := in.Seek(data, seekHole)
		if err != nil {
			return err
		}
		if _, err = in.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err = out.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err = io.CopyN(out, in, hole-data); err != nil {
			return err
		}
		at = hole
	}
	return nil
}
