package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// sparse is a disk of zeros, but for one byte, and with one place that cannot be read.
type sparse struct {
	size, set, broken int64
}

var errBroken = errors.New("broken")

func (s sparse) ReadAt(into []byte, at int64) (int, error) {
	clear(into)
	end := at + int64(len(into))
	if s.broken >= at && s.broken < end {
		return int(s.broken - at), errBroken
	}
	if s.set >= at && s.set < end {
		into[s.set-at] = 1
	}
	return len(into), nil
}

func TestBlankIsOnlyWhatReadsAsZeros(t *testing.T) {
	const size = 1 << 30
	tail := int64(size - wholeTail)
	step := (tail - wholeHead) / samples / sample * sample
	for name, each := range map[string]struct {
		disk  sparse
		blank bool
		fails bool
	}{
		"zeros":                     {sparse{size, -1, -1}, true, false},
		"small, zeros":              {sparse{5000, -1, -1}, true, false},
		"small, its last byte":      {sparse{5000, 4999, -1}, false, false},
		"the first byte":            {sparse{size, 0, -1}, false, false},
		"the last of the head":      {sparse{size, wholeHead - 1, -1}, false, false},
		"the first of the tail":     {sparse{size, tail, -1}, false, false},
		"the last byte":             {sparse{size, size - 1, -1}, false, false},
		"a sample":                  {sparse{size, wholeHead + 7*step + 5, -1}, false, false},
		"the head cannot be read":   {sparse{size, -1, 4096}, false, true},
		"the tail cannot be read":   {sparse{size, -1, size - 1}, false, true},
		"a sample cannot be read":   {sparse{size, -1, wholeHead + 9*step}, false, true},
		"odd size, last byte is it": {sparse{size + 13, size + 12, -1}, false, false},
	} {
		blank, err := IsBlank(each.disk, each.disk.size)
		if blank != each.blank || (err != nil) != each.fails {
			t.Errorf("%s: %v %v", name, blank, err)
		}
	}
}

func TestWhatIsNotBlankIsNotFormatted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	content := make([]byte, 1<<20)
	content[900_000] = 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Ready(path, "x", false); !errors.Is(err, ErrForeign) {
		t.Fatal(err)
	}
	content[900_000] = 0
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Ready(path, "x", true); err == nil {
		t.Fatal("one that may not be written was formatted")
	}
}

func TestSerialNumbers(t *testing.T) {
	page := append([]byte{0, 0x80, 0, 36}, "6000C29E-aaaa-bbbb-cccc-000000000001"...)
	if got := serial(page); got != plain("6000c29e aaaa bbbb-cccc 000000000001") {
		t.Fatal(got)
	}
	if serial([]byte{0, 0x83, 0, 0}) != "" || serial(nil) != "" {
		t.Fatal("another page was read")
	}
}
