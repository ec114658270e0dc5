// Package failure has the words in which layerdisk says why there is no image.
package failure

import (
	"errors"
	"fmt"
)

// Code is one of the closed set below. Callers decide by it; the message is for people.
type Code string

const (
	// BlobCorrupt is a gzip, zstd or tar stream that is damaged or ends too early.
	BlobCorrupt Code = "blob-corrupt"
	// PathEscapes is an entry that would land outside the layer, or below something that is no directory.
	PathEscapes Code = "path-escapes"
	// LinkTargetMissing is a hard link to a name that the layer does not have (yet).
	LinkTargetMissing Code = "link-target-missing"
	// TooLarge is more than the caller allowed, or than an image can hold.
	TooLarge Code = "too-large"
	// EntryUnsupported is an entry that ext4, or an image layer, cannot have.
	EntryUnsupported Code = "entry-unsupported"
	// DiskFailed is an error of the file system the image is written to.
	DiskFailed Code = "disk-failed"
	// Internal is everything else.
	Internal Code = "internal"
)

// Error is what a person and a program need to know.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	cause   error
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

func (e *Error) Unwrap() error { return e.cause }

// New makes an Error. A %w in the format keeps its argument as the cause.
func New(code Code, format string, args ...any) *Error {
	text := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: text.Error(), cause: errors.Unwrap(text)}
}

// Of finds the Error in err. What was not translated at its border is internal.
func Of(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return New(Internal, "%w", err)
}
