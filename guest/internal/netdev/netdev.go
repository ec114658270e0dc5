// Package netdev sets up network interfaces, by the old ioctls: they need no netlink messages.
package netdev

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

const nameSize = 16

// request is struct ifreq.
type request struct {
	name [nameSize]byte
	data [24]byte
}

func newRequest(name string) *request {
	r := &request{}
	copy(r.name[:nameSize-1], name)
	return r
}

func (r *request) do(number uintptr) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), number, uintptr(unsafe.Pointer(r))); errno != 0 {
		return fmt.Errorf("interface %s: ioctl %#x: %w", string(r.name[:]), number, errno)
	}
	return nil
}

func putAddress(into []byte, address netip.Addr) {
	binary.NativeEndian.PutUint16(into, syscall.AF_INET)
	four := address.As4()
	copy(into[4:], four[:])
}

// Up switches an interface on.
func Up(name string) error {
	r := newRequest(name)
	if err := r.do(syscall.SIOCGIFFLAGS); err != nil {
		return err
	}
	flags := binary.NativeEndian.Uint16(r.data[:])
	binary.NativeEndian.PutUint16(r.data[:], flags|syscall.IFF_UP|syscall.IFF_RUNNING)
	return r.do(syscall.SIOCSIFFLAGS)
}

// SetAddress gives it an address.
func SetAddress(name string, address netip.Addr, bits int) error {
	r := newRequest(name)
	putAddress(r.data[:], address)
	if err := r.do(syscall.SIOCSIFADDR); err != nil {
		return err
	}
	mask := [4]byte{}
	binary.BigEndian.PutUint32(mask[:], ^uint32(0)<<(32-bits))
	r = newRequest(name)
	putAddress(r.data[:], netip.AddrFrom4(mask))
	return r.do(syscall.SIOCSIFNETMASK)
}

// SetMTU sets the size of its packets.
func SetMTU(name string, mtu int) error {
	r := newRequest(name)
	binary.NativeEndian.PutUint32(r.data[:], uint32(mtu))
	return r.do(syscall.SIOCSIFMTU)
}

// route is struct rtentry.
type route struct {
	_           uint64
	destination [16]byte
	gateway     [16]byte
	mask        [16]byte
	flags       uint16
	_           [6]byte
	_           [3]uint64
	metric      int16
	_           [6]byte
	device      *byte
	_           [3]uint64
}

// SetDefaultRoute has everything else go through a router.
func SetDefaultRoute(name string, router netip.Addr) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	device, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	const up, viaGateway = 1, 2
	r := &route{flags: up | viaGateway, device: device}
	any4 := netip.AddrFrom4([4]byte{})
	putAddress(r.destination[:], any4)
	putAddress(r.mask[:], any4)
	putAddress(r.gateway[:], router)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCADDRT, uintptr(unsafe.Pointer(r)))
	if errno != 0 && errno != syscall.EEXIST {
		return fmt.Errorf("default route: %w", errno)
	}
	return nil
}

// First gives the machine's network interface with its hardware address; "" when it has none.
func First() (name string, mac [6]byte) {
	entries, _ := filepath.Glob("/sys/class/net/*/device")
	for _, each := range entries {
		name := filepath.Base(filepath.Dir(each))
		text, err := os.ReadFile("/sys/class/net/" + name + "/address")
		if err != nil {
			continue
		}
		if _, err := fmt.Sscanf(string(text), "%02x:%02x:%02x:%02x:%02x:%02x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]); err == nil {
			return name, mac
		}
	}
	return "", mac
}
