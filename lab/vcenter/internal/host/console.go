package host

import (
	"io"
	"os"
)

const consoleBytes = 1 << 20

// keepConsole writes what the machine says to a file, of at most consoleBytes, and the part before that to path.1.
func keepConsole(path string, from io.Reader) {
	buffer := make([]byte, 16<<10)
	var f *os.File
	size := consoleBytes
	defer func() { _ = f.Close() }()
	for {
		n, err := from.Read(buffer)
		if size >= consoleBytes {
			_ = f.Close()
			_ = os.Rename(path, path+".1")
			f, _ = os.Create(path)
			size = 0
		}
		if n > 0 {
			_, _ = f.Write(buffer[:n])
			size += n
		}
		if err != nil {
			return
		}
	}
}
