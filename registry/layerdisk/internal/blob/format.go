package blob

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"stowage/registry/layerdisk/internal/failure"
)

// Format is how the tar is wrapped.
type Format string

const (
	Auto Format = "auto"
	Tar  Format = "tar"
	Gzip Format = "gzip"
	Zstd Format = "zstd"
)

// ParseFormat reads a -format argument.
func ParseFormat(text string) (Format, error) {
	switch format := Format(text); format {
	case Auto, Tar, Gzip, Zstd:
		return format, nil
	}
	return "", fmt.Errorf("-format is %q, and must be auto, tar, gzip or zstd", text)
}

// zstd's own command line takes no larger window without being asked to, and memory is bounded by it.
const maxZstdWindow = 128 << 20

// detect tells the format by the first bytes (RFC 1952 2.3.1, RFC 8878 3.1).
func detect(head []byte) Format {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return Gzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}),
		len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18}):
		return Zstd
	}
	return Tar
}

// decompressor reads all members or frames of r.
func decompressor(format Format, r io.Reader) (io.Reader, error) {
	if format == Gzip {
		return gzip.NewReader(r)
	}
	return zstd.NewReader(r, zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow),
		zstd.WithDecoderConcurrency(2))
}

// translate says what a decompressor's error means for the blob. Errors of the input itself stay what they are.
func translate(format Format, err error) error {
	var damaged flate.CorruptInputError
	switch {
	case err == nil || err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return failure.New(failure.BlobCorrupt, "the %s stream ends too early", format)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return failure.New(failure.TooLarge, "the zstd stream wants a window of over %d MiB", maxZstdWindow>>20)
	case errors.As(err, &damaged):
		return failure.New(failure.BlobCorrupt, "the gzip stream is damaged at byte %d", int64(damaged))
	}
	var known *failure.Error
	if errors.As(err, &known) {
		return known
	}
	return failure.New(failure.BlobCorrupt, "the %s stream is damaged: %w", format, err)
}
