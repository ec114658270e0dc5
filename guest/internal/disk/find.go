// Package disk finds a machine's disks by their uuids, and formats those that are new.
package disk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// FindWithin is how long a disk may take to appear.
	FindWithin  = 20 * time.Second
	pollEvery   = 10 * time.Millisecond
	rescanEvery = 700 * time.Millisecond
)

// Find gives the device of the disk with this uuid, once it is there.
func Find(ctx context.Context, uuid string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, FindWithin)
	defer cancel()
	rescanAt := time.Now().Add(rescanEvery)
	for {
		if device := look(uuid); device != "" {
			return device, nil
		}
		if now := time.Now(); now.After(rescanAt) {
			rescanAt = now.Add(rescanEvery)
			rescan()
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no disk has the uuid %s; there are: %s", uuid, strings.Join(all(), ", "))
		case <-time.After(pollEvery):
		}
	}
}

func look(uuid string) string {
	wanted := plain(uuid)
	pages, _ := filepath.Glob("/sys/block/*/device/vpd_pg80")
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err == nil && serial(content) == wanted {
			device := "/dev/" + strings.Split(page, "/")[3]
			if _, err := os.Stat(device); err == nil {
				return device
			}
		}
	}
	return ""
}

func all() []string {
	var found []string
	pages, _ := filepath.Glob("/sys/block/*/device/vpd_pg80")
	for _, page := range pages {
		content, _ := os.ReadFile(page)
		found = append(found, serial(content))
	}
	return found
}

// serial gives the serial number in a VPD page 0x80 (SPC-5, 7.7.18): four bytes of head, then the number.
func serial(page []byte) string {
	if len(page) < 4 || page[1] != 0x80 {
		return ""
	}
	return plain(string(page[4:min(len(page), 4+int(page[2])<<8+int(page[3]))]))
}

func plain(uuid string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == 0 {
			return -1
		}
		return r
	}, uuid))
}

// rescan: the event of a disk that was attached may be lost.
func rescan() {
	scans, _ := filepath.Glob("/sys/class/scsi_host/host*/scan")
	for _, each := range scans {
		_ = os.WriteFile(each, []byte("- - -"), 0o200)
	}
}

// Forget tells the kernel that a disk goes away.
func Forget(device string) {
	_ = os.WriteFile("/sys/block/"+filepath.Base(device)+"/device/delete", []byte("1"), 0o200)
}
