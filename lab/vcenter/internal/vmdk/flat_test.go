package vmdk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAnExtentThatCannotBeMadeLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v-flat.vmdk")
	if err := CreateFlat(path, -1); err == nil {
		t.Fatal("an extent of negative size was made")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("it left a file: %v", err)
	}
}
