// Package blob turns the bytes of a layer blob into those of its tar, and counts and hashes both on the way.
package blob

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"stowage/registry/layerdisk/internal/failure"
)

// Blob is a layer blob while it streams. Read gives the tar. Reading, decompressing and both hashes have goroutines of
// their own; all that they are ahead of the caller is in a fixed number of buffers.
type Blob struct {
	format     Format
	raw, plain counter
	tar        *pipe
	done       chan struct{}
}

// Digests is what a blob that was read to its end was.
type Digests struct {
	// Blob and Tar are "sha256:…".
	Blob, Tar           string
	BlobBytes, TarBytes int64
}

type counter struct {
	hash  hash.Hash
	bytes int64
}

func (c *counter) see(chunk []byte) {
	c.hash.Write(chunk)
	c.bytes += int64(len(chunk))
}

func (c *counter) digest() string { return "sha256:" + hex.EncodeToString(c.hash.Sum(nil)) }

// Open begins to read. A tar of over maxTarBytes ends the stream with TooLarge, a damaged blob with BlobCorrupt.
func Open(r io.Reader, format Format, maxTarBytes int64) (*Blob, error) {
	b := &Blob{
		format: format,
		raw:    counter{hash: sha256.New()},
		plain:  counter{hash: sha256.New()},
		done:   make(chan struct{}),
	}
	source := bufio.NewReaderSize(r, 4096)
	head, err := source.Peek(4)
	if err == io.EOF && len(head) == 0 {
		return nil, failure.New(failure.BlobCorrupt, "the blob is empty")
	}
	if format == Auto {
		b.format = detect(head)
	}
	if b.format == Tar {
		b.tar = startPipe(&limited{from: source, left: maxTarBytes, max: maxTarBytes}, b.raw.see, b.done)
		return b, nil
	}
	compressed := startPipe(source, b.raw.see, b.done)
	unwrapped := &decompressed{format: b.format, compressed: compressed}
	b.tar = startPipe(&limited{from: unwrapped, left: maxTarBytes, max: maxTarBytes}, b.plain.see, b.done)
	return b, nil
}

// Close lets the goroutines end, as far as they are not waiting for input.
func (b *Blob) Close() { close(b.done) }

// Read gives the bytes of the tar.
func (b *Blob) Read(p []byte) (int, error) { return b.tar.Read(p) }

// Finish reads what follows the end of the tar, so that digests and checksums are of the whole blob.
func (b *Blob) Finish() (Digests, error) {
	if _, err := io.Copy(io.Discard, b); err != nil {
		return Digests{}, err
	}
	digests := Digests{Blob: b.raw.digest(), BlobBytes: b.raw.bytes}
	if b.format == Tar {
		digests.Tar, digests.TarBytes = digests.Blob, digests.BlobBytes
	} else {
		digests.Tar, digests.TarBytes = b.plain.digest(), b.plain.bytes
	}
	return digests, nil
}

// decompressed opens its decompressor with the first Read, because that waits for input.
type decompressed struct {
	format     Format
	compressed io.Reader
	plain      io.Reader
}

func (d *decompressed) Read(b []byte) (n int, err error) {
	if d.plain == nil {
		if d.plain, err = decompressor(d.format, d.compressed); err != nil {
			d.plain = nil
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, translate(d.format, err)
		}
	}
	n, err = d.plain.Read(b)
	return n, translate(d.format, err)
}

// limited is an io.LimitedReader that says when there was more.
type limited struct {
	from      io.Reader
	left, max int64
}

func (l *limited) Read(b []byte) (int, error) {
	// One byte more than is left tells a tar that fits from one that does not.
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}
	n, err := l.from.Read(b)
	if l.left -= int64(n); l.left < 0 {
		return 0, failure.New(failure.TooLarge, "the tar is over the limit of %d bytes", l.max)
	}
	return n, err
}
