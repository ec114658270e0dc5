package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"stowage/registry/layerdisk/internal/blob"
	"stowage/registry/layerdisk/internal/ext4"
	"stowage/registry/layerdisk/internal/failure"
	"stowage/registry/layerdisk/internal/layer"
)

const label = "stowage-layer"

// converted is the answer: README.md says what each is.
type converted struct {
	BlobDigest         string   `json:"blobDigest"`
	BlobBytes          int64    `json:"blobBytes"`
	DiffID             string   `json:"diffId"`
	TarBytes           int64    `json:"tarBytes"`
	ContentBytes       int64    `json:"contentBytes"`
	ImageBytes         int64    `json:"imageBytes"`
	Entries            int      `json:"entries"`
	Whiteouts          int      `json:"whiteouts"`
	OpaqueDirectories  int      `json:"opaqueDirectories"`
	ImpliedDirectories []string `json:"impliedDirectories"`
}

// convert writes the image and closes its file. What it leaves when it fails is the caller's to remove.
func convert(s settings, in io.Reader, file *os.File) (answer converted, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", panicked, debug.Stack())
			err = failure.New(failure.Internal, "%v", panicked)
		}
	}()
	defer func() {
		if closed := file.Close(); closed != nil && err == nil {
			err = failure.New(failure.DiskFailed, "%w", closed)
		}
	}()

	stream, err := blob.Open(in, s.format, s.maxBytes)
	if err != nil {
		return converted{}, err
	}
	defer stream.Close()
	image := ext4.New(file)
	summary, err := layer.Convert(stream, image, s.maxBytes)
	if err != nil {
		return converted{}, err
	}
	digests, err := stream.Finish()
	if err != nil {
		return converted{}, err
	}
	imageBytes, err := image.Finish(uuidOf(digests.Tar), label)
	if err != nil {
		return converted{}, err
	}
	if err := file.Truncate(imageBytes); err != nil {
		return converted{}, failure.New(failure.DiskFailed, "%w", err)
	}
	return converted{
		BlobDigest: digests.Blob, BlobBytes: digests.BlobBytes,
		DiffID: digests.Tar, TarBytes: digests.TarBytes,
		ContentBytes: summary.ContentBytes, ImageBytes: imageBytes,
		Entries: summary.Entries, Whiteouts: summary.Whiteouts, OpaqueDirectories: summary.OpaqueDirectories,
		ImpliedDirectories: append([]string{}, summary.ImpliedDirectories...),
	}, nil
}

// uuidOf makes a UUID (RFC 9562, version 8) of the beginning of a digest "sha256:…".
func uuidOf(digest string) (uuid [16]byte) {
	raw, _ := hex.DecodeString(digest[len("sha256:"):])
	copy(uuid[:], raw)
	uuid[6] = uuid[6]&0x0f | 0x80
	uuid[8] = uuid[8]&0x3f | 0x80
	return uuid
}
