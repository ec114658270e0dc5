package dhcp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	serverPort = 67
	clientPort = 68
	// firstRetry doubles with each try.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 8 * time.Second
)

// Client asks on one interface.
type Client struct {
	Interface string
	MAC       [6]byte
}

func (c Client) open() (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	// Bound to the interface, it may be used without an address or a route.
	err = errors.Join(
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_BROADCAST, 1),
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.SetsockoptString(fd, syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, c.Interface),
		syscall.Bind(fd, &syscall.SockaddrInet4{Port: clientPort}),
	)
	if err != nil {
		_ = syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Get gets a lease.
func (c Client) Get(ctx context.Context) (Lease, error) {
	fd, err := c.open()
	if err != nil {
		return Lease{}, err
	}
	defer syscall.Close(fd)
	xid := rand.Uint32()
	offered, err := c.ask(ctx, fd, message{kind: discover, xid: xid, mac: c.MAC}, netip.AddrFrom4([4]byte{255, 255, 255, 255}), offer)
	if err != nil {
		return Lease{}, err
	}
	wanted := message{kind: request, xid: xid, mac: c.MAC, requested: offered.Address, server: offered.Server}
	return c.ask(ctx, fd, wanted, netip.AddrFrom4([4]byte{255, 255, 255, 255}), ack)
}

// Renew asks the server for the same again, while the address is still ours.
func (c Client) Renew(ctx context.Context, lease Lease) (Lease, error) {
	fd, err := c.open()
	if err != nil {
		return Lease{}, err
	}
	defer syscall.Close(fd)
	return c.ask(ctx, fd, message{kind: request, xid: rand.Uint32(), mac: c.MAC, current: lease.Address}, lease.Server, ack)
}

// Keep renews a lease at half of its time, for as long as it is granted. renewed is told of each.
func (c Client) Keep(ctx context.Context, lease Lease, renewed func(Lease)) error {
	for lease.For > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lease.For / 2):
		}
		within, cancel := context.WithTimeout(ctx, lease.For/2)
		again, err := c.Renew(within, lease)
		cancel()
		if err != nil {
			if again, err = c.Get(ctx); err != nil {
				return err
			}
		}
		lease = again
		renewed(lease)
	}
	return nil
}

// ask sends until the answer comes that is wanted.
func (c Client) ask(ctx context.Context, fd int, m message, to netip.Addr, wanted byte) (Lease, error) {
	retry := firstRetry
	buffer := make([]byte, 2048)
	for ctx.Err() == nil {
		if err := syscall.Sendto(fd, m.bytes(), 0, &syscall.SockaddrInet4{Port: serverPort, Addr: to.As4()}); err != nil {
			return Lease{}, os.NewSyscallError("sendto", err)
		}
		for until := time.Now().Add(retry); ; {
			left := time.Until(until)
			if left <= 0 || ctx.Err() != nil {
				break
			}
			timeout := syscall.NsecToTimeval(int64(max(left, time.Millisecond)))
			_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout)
			size, _, err := syscall.Recvfrom(fd, buffer, 0)
			if err != nil {
				continue
			}
			kind, lease, err := parse(buffer[:size], m.xid, c.MAC)
			switch {
			case err != nil:
			case kind == wanted:
				return lease, nil
			case kind == nak && m.kind == request:
				return Lease{}, errors.New("dhcp: the server takes the address back")
			}
		}
		retry = min(2*retry, lastRetry)
	}
	return Lease{}, fmt.Errorf("dhcp on %s: no answer", c.Interface)
}
